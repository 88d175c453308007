"""Which of a row's prices is the usual one, which one a visitor pays in a sale, and when."""

from collections.abc import Mapping
from typing import NamedTuple

from adserver.catalog.price import PriceError, parse_price
from adserver.catalog.problem import ProblemKind
from adserver.catalog.problem_kinds import (
    PLACEHOLDER,
    PRICE_ZERO,
    SALE_CURRENCY_OTHER,
    SALE_DATES_IN_UTC,
    SALE_DATES_REVERSED,
    SALE_DATES_UNREADABLE,
    SALE_IS_PRICE,
    SALE_NOT_LOWER,
)
from adserver.catalog.remembered import PRICES_REMEMBERED, Remembered
from adserver.catalog.sale_dates import OPEN, SaleDatesError, read_sale_date, read_sale_dates
from adserver.catalog.text import has_placeholder, means_none

SALE_FIELDS = ("sale_price", "former_price", "sale_price_effective_date", "sale_start", "sale_end")
"""What ``SaleReader.read`` looks at."""


class Sale(NamedTuple):
    """``price`` is the usual one; ``sale_price`` holds from ``begin`` up to, but not at, ``end`` (see ``sale_dates``).

    ``problem`` is about the text of ``field``.
    """

    price: int
    sale_price: int | None = None
    begin: int = OPEN
    end: int = OPEN
    problem: ProblemKind | None = None
    field: str = ""


class _Dates(NamedTuple):
    """Not ``known``: there are some, but which ones can not be told."""

    begin: int = OPEN
    end: int = OPEN
    problem: ProblemKind | None = None
    field: str = ""
    known: bool = True


class SaleReader:
    """Reads the sales of one feed; what a sale costs and its dates come again in many rows."""

    __slots__ = ("_amounts", "_currency", "_dates")

    def __init__(self) -> None:
        self._dates = Remembered(_read_dates)
        self._currency = ""
        self._amounts = Remembered(lambda text: _amount(text, self._currency), PRICES_REMEMBERED)

    def read(self, row: Mapping[str, str], price: int, currency: str) -> Sale:
        """What ``row`` says beside its ``price`` (micros of ``currency``).

        ``sale_price`` is below the price. ``former_price`` is above it, and then the price is that of the sale.
        """
        if currency != self._currency:
            self._currency = currency
            self._amounts.clear()
        text = row.get("sale_price", "")
        if text and not means_none(text):
            sale_price, problem = self._amounts[text]
            if problem is None and sale_price >= price:
                problem = SALE_IS_PRICE if sale_price == price else SALE_NOT_LOWER
            if problem is not None:
                return Sale(price, problem=problem, field="sale_price")
            return self._dated(row, price, sale_price, otherwise=price)
        text = row.get("former_price", "")
        if text and not means_none(text):
            former, problem = self._amounts[text]
            if problem is not None and problem is not PRICE_ZERO:
                return Sale(price, problem=problem, field="former_price")
            if former > price:
                return self._dated(row, former, price, otherwise=price)
        return Sale(price)

    def _dated(self, row: Mapping[str, str], price: int, sale_price: int, *, otherwise: int) -> Sale:
        """``otherwise`` is the one price that is true where the dates can not be told."""
        dates = self._dates_of(row)
        if not dates.known:
            return Sale(otherwise, problem=dates.problem, field=dates.field)
        return Sale(price, sale_price, dates.begin, dates.end, dates.problem, dates.field)

    def _dates_of(self, row: Mapping[str, str]) -> _Dates:
        text = row.get("sale_price_effective_date", "")
        if text and not means_none(text):
            return self._dates[text]
        begin, end = row.get("sale_start", ""), row.get("sale_end", "")
        return _read_ends(begin, end) if begin or end else _Dates()


def _amount(text: str, currency: str) -> tuple[int, ProblemKind | None]:
    try:
        micros, other_currency = parse_price(text, currency)
    except PriceError as error:
        return 0, PLACEHOLDER if has_placeholder(text) else error.kind
    if other_currency != currency:
        return 0, SALE_CURRENCY_OTHER
    return micros, None if micros else PRICE_ZERO


def _read_dates(text: str) -> _Dates:
    field = "sale_price_effective_date"
    try:
        begin, end, zoned = read_sale_dates(text)
    except SaleDatesError:
        return _unknown(SALE_DATES_UNREADABLE, field, text)
    return _judged(begin, end, field, zoned=zoned)


def _read_ends(begin_text: str, end_text: str) -> _Dates:
    field, text = "sale_start", begin_text
    try:
        begin, begin_zoned = read_sale_date("" if means_none(text) else text, last=False)
        field, text = "sale_end", end_text
        end, end_zoned = read_sale_date("" if means_none(text) else text, last=True)
    except SaleDatesError:
        return _unknown(SALE_DATES_UNREADABLE, field, text)
    return _judged(begin, end, field, zoned=begin_zoned and end_zoned)


def _judged(begin: int, end: int, field: str, *, zoned: bool) -> _Dates:
    if end and end <= begin:
        return _unknown(SALE_DATES_REVERSED, field)
    return _Dates(begin, end, None if zoned else SALE_DATES_IN_UTC, field)


def _unknown(problem: ProblemKind, field: str, text: str = "") -> _Dates:
    return _Dates(problem=PLACEHOLDER if has_placeholder(text) else problem, field=field, known=False)
