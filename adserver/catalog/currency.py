"""What stands beside a price, as a currency: ISO 4217 codes, signs and words."""

import unicodedata
from functools import cache

from babel.numbers import get_currency_precision, list_currencies

_DOLLARS = (
    "USD ARS AUD BBD BMD BND BSD BZD CAD CLP COP CUP DOP FJD GYD HKD JMD KYD LRD MXN NAD NZD SBD SGD SRD TTD TWD UYU "
    "XCD"
)

_OF_ONE = {
    "EUR": "€ euro euros",
    "USD": "us$ u$s",
    "AUD": "a$ au$",
    "CAD": "ca$",
    "NZD": "nz$",
    "HKD": "hk$",
    "SGD": "s$ sg$",
    "TWD": "nt$",
    "MXN": "mx$",
    "BRL": "r$",
    "DOP": "rd$",
    "JMD": "j$",
    "CNY": "cn¥ rmb",
    "JPY": "jp¥ 円",
    "CHF": "sfr",
    "PLN": "zł zl",
    "CZK": "kč kc",
    "HUF": "ft",
    "BGN": "лв",
    "RUB": "₽ руб р",
    "UAH": "₴ грн",
    "TRY": "₺ tl",
    "ILS": "₪",
    "INR": "₹",
    "KRW": "₩ 원",
    "THB": "฿ บาท",
    "VND": "₫ đ",
    "PHP": "₱",
    "IDR": "rp",
    "MYR": "rm",
    "BDT": "৳ tk",
    "NGN": "₦",
    "GHS": "gh₵ ₵",
    "KES": "ksh",
    "PEN": "s/",
    "KZT": "₸",
    "GEL": "₾",
    "AMD": "֏",
    "AZN": "₼",
    "MNT": "₮",
    "KHR": "៛",
    "LAK": "₭",
    "CRC": "₡",
    "PYG": "₲",
    "AED": "دإ",
    "KWD": "دك",
    "BHD": "دب",
    "EGP": "جم",
    "QAR": "رق",
    "DZD": "دج",
    "TND": "دت",
    "JOD": "دا دأ",
    "IQD": "دع",
}

_OF_SEVERAL = {
    "$": _DOLLARS,
    "c$": "CAD NIO",
    "n$": "NAD",
    "tt$": "TTD",
    "ec$": "XCD",
    "¥": "JPY CNY",
    "元": "CNY TWD HKD",
    "rs": "INR PKR LKR NPR MUR SCR",
    "kr": "SEK NOK DKK ISK",
    "lei": "RON MDL",
    "l": "RON MDL HNL LSL",
    "fr": "CHF",
    "r": "ZAR",
    "km": "BAM",
    "kn": "HRK",
    "din": "RSD",
    "дин": "RSD",
    "ден": "MKD",
    "сом": "KGS",
    "сўм": "UZS",
    "soʻm": "UZS",
    "br": "BYN ETB",
    "b/": "PAB",
    "bs": "BOB VES",
    "q": "GTQ",
    "p": "BWP",
    "k": "ZMW MMK PGK",
    "kz": "AOA",
    "mtn": "MZN",
    "tsh": "TZS",
    "ush": "UGX",
    "fc": "CDF",
    "fg": "GNF",
    "fcfa": "XAF XOF",
    "cfa": "XAF XOF",
    "fcfp": "XPF",
    "ar": "MGA",
    "da": "DZD",
    "dh": "AED MAD",
    "dhs": "AED MAD",
    "le": "EGP SLE",
    "sr": "SAR SCR",
    "qr": "QAR",
    "kd": "KWD",
    "bd": "BHD",
    "jd": "JOD",
    "درهم": "AED MAD",
    "دم": "MAD",
    "دل": "LYD",
    "رس": "SAR SYP",
    "ري": "YER",
    "لل": "LBP",
    "لس": "SYP",
    "جس": "SDG",
    "ريال": "SAR QAR OMR YER",
    "ریال": "SAR QAR OMR YER IRR",
    "؋": "AFN",
}

_SIGNS = {
    **{sign: (frozenset({code}), code) for code, signs in _OF_ONE.items() for sign in signs.split()},
    **{sign: (frozenset(codes.split()), "") for sign, codes in _OF_SEVERAL.items()},
    "£": (frozenset({"GBP", "EGP", "FKP", "GIP", "LBP", "SDG", "SHP", "SSP", "SYP"}), "GBP"),
}
"""Per sign: the currencies written with it, and what it means where the shop's own is not one of them."""

_THREE_DECIMALS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])
_CODE_LETTERS = 3


def currency_of_sign(mark: str) -> tuple[frozenset[str], str] | None:
    """The currencies that ``mark`` is written for, and the one meant where the shop's own is none of them ("": none).

    None where it is no sign. Case, spaces and full stops do not matter: ``Rs.`` is ``rs``.
    """
    return _SIGNS.get(unicodedata.normalize("NFKC", mark).casefold().replace(".", "").replace(" ", ""))


def looks_like_code(mark: str) -> bool:
    """Whether ``mark`` has the shape of an ISO 4217 code."""
    return len(mark) == _CODE_LETTERS and mark.isascii() and mark.isalpha()


def is_code(mark: str) -> bool:
    """Whether ``mark`` is a code that ISO 4217 has, or had, in capital letters."""
    return mark in _codes()


@cache
def usual_decimals(currency: str) -> int:
    """Decimals of a price in ``currency`` (0 to 4): 2 for EUR, 0 for JPY, 3 for KWD."""
    return 3 if currency in _THREE_DECIMALS else int(get_currency_precision(currency))


@cache
def _codes() -> frozenset[str]:
    """Every ISO 4217 code that the Unicode CLDR names, without those for tests and for no currency."""
    return frozenset(list_currencies()) - {"XTS", "XXX"}
