"""The text of a price to exact integer micros, never through a float.

Google Merchant writes ``129.00 EUR``: a number with a period as its decimal point, then the ISO 4217 code.
Shops write other things too. What is accepted, and how it is read:

* A code may stand before or after the number, in any case, or be left out: then the shop's own is meant. A sign
  (``€``, ``zł``, ``Rs.``) stands for a code only where it can be just one, or the shop's own: see ``currency``.
* A period is the decimal point: ``1.299 EUR`` is one euro and 29.9 cents, because the format says so. Beside a sign or
  alone (``1.299``) that is no rule of any format, and without decimals of the currency it can not be: it is refused.
* A lone comma followed by one or two digits is a decimal comma; followed by exactly three, it separates
  thousands: ``1,299 EUR`` is 1299 euros. In a currency of three decimals (``1,299 KWD``) that would be a
  guess, so it is refused.
* With two different separators the last one is the decimal sign: ``1.299,00`` and ``1,299.00``.
* Spaces (also no-break ones) and apostrophes separate thousands; commas do so in the Indian way too: ``1,29,999``.
* A dash after the decimal sign stands for no cents: ``129,-``. Digits may be Arabic or Indian ones.
"""

import re
import unicodedata

from adserver.catalog.currency import currency_of_sign, is_code, looks_like_code, usual_decimals
from adserver.catalog.problem import ProblemKind
from adserver.catalog.text import unescaped
from adserver.model.product import MICROS

LARGEST = 10**12
"""The largest price, in whole units of its currency: its micros fit a signed 64-bit number."""

_WRITE = 'Write the price as "129.00 EUR": digits, a period, the cents, a space and the currency code.'
_NUMBER = ProblemKind("price_unreadable", 'a number and a currency code, such as "129.00 EUR"', _WRITE)
_NOT_NEGATIVE = ProblemKind("price_negative", "a price that is not negative", "Give what a visitor pays for one piece.")
_SIX_DECIMALS = ProblemKind("price_unreadable", "at most 6 decimals", "Round the price to the cents of its currency.")
_NOT_ABOVE = ProblemKind(
    "price_too_large", "a price of at most 1,000,000,000,000", "Look whether another number got into this field."
)
_CODE = ProblemKind("currency_unknown", 'a currency code of ISO 4217, such as "EUR"', _WRITE)
_NO_BARE_SIGN = ProblemKind(
    "currency_ambiguous", 'a currency code such as "USD": the sign stands for several currencies', _WRITE
)
_ONE_CURRENCY = ProblemKind("currency_ambiguous", "one currency", _WRITE)
_COMMA = ProblemKind(
    "price_ambiguous", "a price that reads one way: its comma could mean thousands or decimals", _WRITE
)
_POINT = ProblemKind(
    "price_ambiguous", "a price that reads one way: its period could mean thousands or decimals", _WRITE
)

_USUAL = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,6}))?(?: ([A-Z]{3}))?")
_AROUND = re.compile(
    r"(?P<before>[^0-9]*)(?P<number>[0-9](?:[0-9., ']*[0-9])?)(?:[.,] ?[-\u2013\u2014]{1,2})?(?P<after>[^0-9]*)"
)
_SHAPE = re.compile(
    r"(?:(?P<indian>[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3})"
    r"|(?P<grouped>[1-9][0-9]{0,2}(?P<mark>[., '])[0-9]{3}(?:(?P=mark)[0-9]{3})*)"
    r"|(?P<plain>[0-9]+))"
    r"(?:(?P<point>[.,])(?P<decimals>[0-9]+))?"
)
_NEGATIVE = re.compile(r"[^0-9]*[-\u2212] ?[0-9.,].*", re.DOTALL)
_ALIKE = {
    **dict.fromkeys(map(ord, "\u00a0\u202f\u2009\u2007\t"), " "),
    **dict.fromkeys(map(ord, "\u200e\u200f\u061c\u202a\u202b\u202c\u2066\u2067\u2068\u2069"), None),
    ord("\u2019"): "'",
    ord("\u066b"): ".",
    ord("\u066c"): ",",
    ord("\u060c"): ",",
    **{zero + digit: str(digit) for zero in (0x660, 0x6F0, 0x966, 0x9E6, 0xFF10) for digit in range(10)},
}
"""Spaces to a space, marks of reading direction to nothing; Arabic, Persian, Devanagari, Bengali and wide digits."""

_RENAMED = {"RUR": "RUB"}
"""Old codes that catalogs still write where they mean the new one, at the same worth."""

_LONGEST = 64
_GROUP = 3


class PriceError(ValueError):
    """The text is not a price. ``kind.expected`` says what was expected, without repeating the text."""

    def __init__(self, kind: ProblemKind) -> None:
        super().__init__(kind.expected)
        self.kind = kind

    @property
    def expected(self) -> str:
        return self.kind.expected


def parse_price(text: str, default_currency: str) -> tuple[int, str]:
    """Read ``text`` as (micros, ISO 4217 code); ``default_currency`` is meant where the text names none.

    Micros are between 0 and ``LARGEST * MICROS``. Raises ``PriceError`` for everything else, and only that.
    """
    usual = _USUAL.fullmatch(text)
    if usual is not None:
        whole, decimals, code = usual.groups()
        currency = _known(code) if code else default_currency
        if len(decimals or "") != _GROUP or usual_decimals(currency) >= (1 if code else _GROUP):
            return int(whole) * MICROS + (int(decimals.ljust(6, "0")) if decimals else 0), currency
    return _parse_unusual(text.strip(), default_currency)


def names_currency(text: str) -> bool:
    """Whether anything but a number stands in the text of a price."""
    # The usual case first: most prices have a code of three letters behind or before them.
    return (
        text[-1:].isalpha()
        or text[:1].isalpha()
        or any(unicodedata.category(character)[0] in "LS" for character in text)
    )


def read_currency(text: str, default_currency: str) -> str:
    """The one code that ``text`` is, or is a sign for (see ``parse_price``); empty where there is none."""
    mark = text.strip()[:_LONGEST]
    sign = currency_of_sign(mark)
    if sign is not None:
        return default_currency if default_currency in sign[0] else sign[1]
    code = _RENAMED.get(mark.upper(), mark.upper())
    return code if looks_like_code(mark) and is_code(code) else ""


def _parse_unusual(text: str, default_currency: str) -> tuple[int, str]:
    if len(text) > _LONGEST:
        raise PriceError(_NOT_ABOVE if text[:_LONGEST].isdigit() else _NUMBER)
    text = unescaped(text).translate(_ALIKE).strip()
    around = _AROUND.fullmatch(text)
    if _NEGATIVE.fullmatch(text):
        raise PriceError(_NOT_NEGATIVE)
    shape = _SHAPE.fullmatch(around["number"]) if around else None
    if around is None or shape is None:
        raise PriceError(_NUMBER)
    currency, by_code = _currency(around["before"].strip(), around["after"].strip(), default_currency)
    whole, decimals = _split(shape, currency, by_code=by_code)
    if len(decimals) > 6:
        raise PriceError(_SIX_DECIMALS)
    micros = int(whole) * MICROS + int(decimals.ljust(6, "0"))
    if micros > LARGEST * MICROS:
        raise PriceError(_NOT_ABOVE)
    return micros, currency


def _split(shape: re.Match[str], currency: str, *, by_code: bool) -> tuple[str, str]:
    """Digits before and after the decimal sign."""
    point, decimals = shape["point"], shape["decimals"] or ""
    if shape["indian"]:
        if point == ",":
            raise PriceError(_NUMBER)
        return shape["indian"].replace(",", ""), decimals
    grouped, mark = shape["grouped"], shape["mark"]
    if point == "," and point != mark and len(decimals) >= _GROUP:
        raise PriceError(_COMMA)
    if grouped is None:
        return shape["plain"], decimals
    if point is None and grouped.count(mark) == 1:
        usual = usual_decimals(currency)
        if mark == "." and (not usual or (not by_code and usual < _GROUP)):
            raise PriceError(_POINT)
        if mark == ".":
            return grouped[:-4], grouped[-3:]
        if mark == "," and usual >= _GROUP:
            raise PriceError(_COMMA)
    if point == mark:
        raise PriceError(_NUMBER)
    return grouped.replace(mark, ""), decimals


def _currency(before: str, after: str, default_currency: str) -> tuple[str, bool]:
    """The one code that the marks around the number stand for, and whether a code is among them.

    A sign beside a code must agree with it.
    """
    marks = [mark for mark in (before, after) if mark]
    signs = [sign for mark in marks if (sign := currency_of_sign(mark)) is not None]
    codes = [mark for mark in marks if currency_of_sign(mark) is None]
    if not all(map(looks_like_code, codes)):
        raise PriceError(_NUMBER)
    if len(signs) > 1 or len(codes) > 1:
        raise PriceError(_ONE_CURRENCY)
    if codes:
        code = _known(codes[0].upper())
        if signs and code not in signs[0][0]:
            raise PriceError(_ONE_CURRENCY)
        return code, True
    if not signs:
        return default_currency, False
    written_so, otherwise = signs[0]
    if default_currency in written_so:
        return default_currency, False
    if not otherwise:
        raise PriceError(_NO_BARE_SIGN)
    return otherwise, False


def _known(code: str) -> str:
    code = _RENAMED.get(code, code)
    if not is_code(code):
        raise PriceError(_CODE)
    return code
