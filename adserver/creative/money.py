"""Prices as people of a locale write them."""

from contextlib import suppress
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency, format_percent, list_currencies

_FALLBACK = Locale("en")
_CURRENCIES = frozenset(list_currencies())
_CACHED_PRICES = 16_384  # about 3 MB: a shop's prices repeat, so most calls are one dictionary look-up


@lru_cache(maxsize=_CACHED_PRICES)
def format_price(micros: int, currency: str, locale: str) -> str:
    """``1_299_000_000, "EUR", "de_DE"`` -> ``1.299,00 €`` (with a no-break space).

    ``micros`` is an exact amount of millionths; it is rounded half to even to the digits that ``currency``
    (ISO 4217) has. ``locale`` is ``de``, ``de_DE`` or ``de-DE``; one that is not known reads as ``en``. A
    currency that is not known gives ``12.00 XXX``, and so does an amount beyond 28 digits. Raises nothing.

    The first price of a locale makes Babel read that locale's file: format one when accounts are loaded.
    """
    amount = Decimal(micros).scaleb(-6)
    if currency in _CURRENCIES:
        with suppress(ArithmeticError):  # more digits than a decimal context holds
            return format_currency(amount, currency, locale=_locale(locale))
    return f"{amount:.2f} {currency}".rstrip()


def discount_of(price: int, was: int) -> int:
    """By how many whole percent ``price`` is lower than ``was`` (both micros), rounded down; 0 where it is not."""
    return max(0, (was - price) * 100 // was) if was > 0 else 0


@lru_cache(maxsize=1_024)
def format_discount(percent: int, locale: str) -> str:
    """``20, "de_DE"`` -> ``-20 %``; empty for 0. Raises nothing."""
    return format_percent(Decimal(-percent) / 100, locale=_locale(locale)) if percent else ""


def _locale(name: str) -> Locale:
    try:
        return Locale.parse(name.replace("-", "_"))
    except (UnknownLocaleError, ValueError, TypeError):
        return _FALLBACK
