"""The text of a price to exact integer micros, never through a float.

Google Merchant writes ``129.00 EUR``: a number with a period as its decimal point, then the ISO 4217 code.
Shops write other things too. What is accepted, and how it is read:

* The code may stand before or after the number, in any case, or be left out: then the shop's own is meant.
* A period is the decimal point: ``1.299 EUR`` is one euro and 29.9 cents, because the format says so.
* A lone comma followed by one or two digits is a decimal comma; followed by exactly three, it separates
  thousands: ``1,299 EUR`` is 1299 euros. In a currency of three decimals (``1,299 KWD``) that would be a
  guess, so it is refused.
* With two different separators the last one is the decimal sign: ``1.299,00`` and ``1,299.00``.
* Spaces (also no-break ones) and apostrophes separate thousands.
* A currency sign stands for a code only where it can be just one: see ``_SIGNS``.
"""

import re
from functools import cache

from babel.numbers import list_currencies

from adserver.model.product import MICROS

LARGEST = 10**12
"""The largest price, in whole units of its currency: its micros fit a signed 64-bit number."""

_NUMBER = 'a number and a currency code, such as "129.00 EUR"'
_NOT_NEGATIVE = "a price that is not negative"
_SIX_DECIMALS = "at most 6 decimals"
_NOT_ABOVE = "a price of at most 1,000,000,000,000"
_CODE = 'a currency code of ISO 4217, such as "EUR"'
_NO_BARE_SIGN = 'a currency code such as "USD": the sign stands for several currencies'
_ONE_CURRENCY = "one currency"
_AMBIGUOUS = "a period as decimal point: the comma could mean thousands or decimals"

_DOLLARS = frozenset({"USD", "AUD", "CAD", "NZD", "SGD", "HKD", "TWD", "BBD", "BMD", "BND", "BSD", "BZD", "FJD"}) | {
    "GYD",
    "JMD",
    "KYD",
    "LRD",
    "NAD",
    "SBD",
    "SRD",
    "TTD",
    "XCD",
}
_POUNDS = frozenset(["GBP", "EGP", "FKP", "GIP", "LBP", "SDG", "SHP", "SSP", "SYP"])
_SIGNS = {
    "€": (frozenset({"EUR"}), "EUR"),
    "£": (_POUNDS, "GBP"),
    "$": (_DOLLARS, ""),
    "¥": (frozenset({"JPY", "CNY"}), ""),
}
"""Per sign: the currencies written with it, and what it means where the shop's own is not one of them."""

_THREE_DECIMALS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])

_USUAL = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,6}))?(?: ([A-Z]{3}))?")
_SHAPE = re.compile(
    r"(?P<before>[A-Za-z]{3}|[€£$¥])? ?"
    r"(?P<whole>[1-9][0-9]{0,2}(?P<mark>[., '])[0-9]{3}(?:(?P=mark)[0-9]{3})*|[0-9]+)"
    r"(?:(?P<point>[.,])(?P<decimals>[0-9]+))?"
    r" ?(?P<after>[A-Za-z]{3}|[€£$¥])?"
)
_ALIKE = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2019": "'"})
_LONGEST = 64


class PriceError(ValueError):
    """The text is not a price. ``expected`` says what was expected, without repeating the text."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


def parse_price(text: str, default_currency: str) -> tuple[int, str]:
    """Read ``text`` as (micros, ISO 4217 code); ``default_currency`` is meant where the text names none.

    Micros are between 0 and ``LARGEST * MICROS``. Raises ``PriceError`` for everything else, and only that.
    """
    usual = _USUAL.fullmatch(text)
    if usual is not None:
        whole, decimals, code = usual.groups()
        currency = _known(code) if code else default_currency
        return int(whole) * MICROS + (int(decimals.ljust(6, "0")) if decimals else 0), currency
    return _parse_unusual(text.strip(), default_currency)


def _parse_unusual(text: str, default_currency: str) -> tuple[int, str]:
    if len(text) > _LONGEST:
        raise PriceError(_NOT_ABOVE if text[:_LONGEST].isdigit() else _NUMBER)
    shape = _SHAPE.fullmatch(text.translate(_ALIKE))
    if shape is None:
        raise PriceError(_NOT_NEGATIVE if re.search(r"[-\u2212]\s?[0-9.]", text) else _NUMBER)
    currency = _currency(shape["before"], shape["after"], default_currency)
    whole, decimals = _split(shape, currency)
    if len(decimals) > 6:
        raise PriceError(_SIX_DECIMALS)
    micros = int(whole) * MICROS + int(decimals.ljust(6, "0"))
    if micros > LARGEST * MICROS:
        raise PriceError(_NOT_ABOVE)
    return micros, currency


def _split(shape: re.Match[str], currency: str) -> tuple[str, str]:
    """Digits before and after the decimal sign."""
    whole, mark, point, decimals = shape["whole"], shape["mark"], shape["point"], shape["decimals"] or ""
    if mark is None:
        if point == "," and len(decimals) > 2:
            raise PriceError(_AMBIGUOUS)
        return whole, decimals
    if point is None and whole.count(mark) == 1:
        if mark == ".":
            return whole[:-4], whole[-3:]
        if mark == "," and currency in _THREE_DECIMALS:
            raise PriceError(_AMBIGUOUS)
    if point == mark:
        raise PriceError(_NUMBER)
    if point == "," and len(decimals) > 2:
        raise PriceError(_AMBIGUOUS)
    return whole.replace(mark, ""), decimals


def _currency(before: str | None, after: str | None, default_currency: str) -> str:
    """The one code that the marks around the number stand for; a sign beside a code must agree with it."""
    marks = [mark for mark in (before, after) if mark]
    signs = [mark for mark in marks if mark in _SIGNS]
    codes = [mark.upper() for mark in marks if mark not in _SIGNS]
    if len(signs) > 1 or len(codes) > 1:
        raise PriceError(_ONE_CURRENCY)
    if codes:
        code = _known(codes[0])
        if signs and code not in _SIGNS[signs[0]][0]:
            raise PriceError(_ONE_CURRENCY)
        return code
    if not signs:
        return default_currency
    written_so, otherwise = _SIGNS[signs[0]]
    if default_currency in written_so:
        return default_currency
    if not otherwise:
        raise PriceError(_NO_BARE_SIGN)
    return otherwise


def _known(code: str) -> str:
    if code not in _codes():
        raise PriceError(_CODE)
    return code


@cache
def _codes() -> frozenset[str]:
    """Every ISO 4217 code that the Unicode CLDR names, without those for tests and for no currency."""
    return frozenset(list_currencies()) - {"XTS", "XXX"}
