"""Sales: which price is the usual one, which one is paid, and when."""

from datetime import UTC, datetime

import pytest

from adserver.catalog.sale import Sale, SaleReader
from adserver.catalog.sale_dates import OPEN, SaleDatesError, read_sale_date, read_sale_dates

MICROS = 1_000_000


def second(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("2026-01-01T00:00-0800/2026-02-01T00:00-0800", "2026-01-01T08:00", "2026-02-01T08:00"),
        ("2026-01-01T00:00-08:00/2026-02-01T00:00-08:00", "2026-01-01T08:00", "2026-02-01T08:00"),
        ("2026-01-01T00:00+01/2026-02-01T00:00+0530", "2025-12-31T23:00", "2026-01-31T18:30"),
        ("2026-01-01T00:00:30.500Z / 2026-02-01T23:59:59Z", "2026-01-01T00:00:30", "2026-02-01T23:59:59"),
        ("2026-01-01 00:00 +0100 - 2026-02-01 00:00 +0100", "2025-12-31T23:00", "2026-01-31T23:00"),
        ("2026-01-01T00:00Z,2026-02-01T00:00Z", "2026-01-01", "2026-02-01"),
        ("2026-01-01T00:00Z 2026-02-01T00:00Z", "2026-01-01", "2026-02-01"),
        ("20260101T0000Z/20260201T0000Z", "2026-01-01", "2026-02-01"),
        ("2026-01-01T24:00Z/2026-02-01T24:00Z", "2026-01-02", "2026-02-02"),
        ("2026-01-01T00:00Z/", "2026-01-01", None),
        ("/2026-02-01T00:00Z", None, "2026-02-01"),
        ("../2026-02-01T00:00Z", None, "2026-02-01"),
        ("", None, None),
        ("/", None, None),
    ],
)
def test_dates_with_an_offset(text: str, begin: str | None, end: str | None) -> None:
    assert read_sale_dates(text) == (second(begin) if begin else OPEN, second(end) if end else OPEN, True)


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("2026-01-01T08:00/2026-02-01T08:00", "2026-01-01T08:00", "2026-02-01T08:00"),
        ("2026-01-01/2026-01-31", "2026-01-01", "2026-02-01"),
        ("2026-01-01-2026-01-31", "2026-01-01", "2026-02-01"),
        ("2026-01-01 to 2026-01-31", "2026-01-01", "2026-02-01"),
        ("2026/01/01 - 2026/01/31", "2026-01-01", "2026-02-01"),
        ("2026-01-01 10:00:00,2026-01-31", "2026-01-01T10:00", "2026-02-01"),
        ("0000-00-00 00:00:00/2026-01-31", None, "2026-02-01"),
    ],
)
def test_dates_without_an_offset_are_in_utc_and_a_last_day_counts(text: str, begin: str | None, end: str) -> None:
    assert read_sale_dates(text) == (second(begin) if begin else OPEN, second(end), False)


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "2026-01-01T00:00Z",
        "2026-01-01",
        "01/02/2026 - 03/04/2026",
        "2026-13-01/2026-14-01",
        "2026-02-30/2026-03-01",
        "2026-01-01T25:00Z/2026-02-01T00:00Z",
        "2026-01-01T10:99Z/2026-02-01T00:00Z",
        "2026-01-01T00:00+9900/2026-02-01T00:00Z",
        "2026-01-01T00:00Z/2026-02-01T00:00Z/2026-03-01T00:00Z",
        "0000-01-01/0000-01-02",
        "x" * 100_000,
    ],
)
def test_what_is_no_pair_of_dates(text: str) -> None:
    with pytest.raises(SaleDatesError):
        read_sale_dates(text)


def test_a_sale_of_long_ago_is_over_and_not_endless() -> None:
    assert read_sale_dates("1950-01-01/1960-01-01") == (0, 1, False)


def test_each_end_in_a_field_of_its_own() -> None:
    assert read_sale_date("2026-01-31", last=False) == (second("2026-01-31"), False)
    assert read_sale_date("2026-01-31", last=True) == (second("2026-02-01"), False)
    assert read_sale_date(" ", last=True) == (OPEN, True)
    with pytest.raises(SaleDatesError):
        read_sale_date("2026-01-31/2026-02-28", last=True)


def read(**row: str) -> Sale:
    return SaleReader().read(row, 20 * MICROS, "EUR")


def told(sale: Sale) -> tuple[str, str]:
    assert sale.problem is not None
    return sale.problem.code, sale.field


def test_a_sale_price_below_the_price() -> None:
    assert read() == Sale(20 * MICROS)
    assert read(sale_price="15.00") == Sale(20 * MICROS, 15 * MICROS)
    sale = read(sale_price="15.00 EUR", sale_price_effective_date="2026-01-01T00:00Z/2026-02-01T00:00Z")
    assert (sale.price, sale.sale_price) == (20 * MICROS, 15 * MICROS)
    assert (sale.begin, sale.end, sale.problem) == (second("2026-01-01"), second("2026-02-01"), None)


@pytest.mark.parametrize("text", ["", " ", "__NULL__", "N/A"])
def test_no_sale_at_all(text: str) -> None:
    assert read(sale_price=text, sale_price_effective_date="nonsense") == Sale(20 * MICROS)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("cheap", "price_unreadable"),
        ("15.00 USD", "sale_currency_other"),
        ("20.00 EUR", "sale_is_price"),
        ("25.00 EUR", "sale_not_lower"),
        ("0.00 EUR", "price_zero"),
        ("{{ sale_price }}", "placeholder_unfilled"),
    ],
)
def test_a_sale_price_that_is_none(text: str, code: str) -> None:
    sale = read(sale_price=text)
    assert sale._replace(problem=None, field="") == Sale(20 * MICROS)
    assert told(sale) == (code, "sale_price")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("next week", "sale_dates_unreadable"),
        ("2026-02-01T00:00Z/2026-01-01T00:00Z", "sale_dates_reversed"),
        ("{{ dates }}", "placeholder_unfilled"),
    ],
)
def test_a_sale_whose_dates_can_not_be_told_is_not_shown(text: str, code: str) -> None:
    sale = read(sale_price="15.00", sale_price_effective_date=text)
    assert (sale.price, sale.sale_price) == (20 * MICROS, None)
    assert told(sale) == (code, "sale_price_effective_date")


def test_dates_in_two_fields() -> None:
    sale = read(sale_price="15.00", sale_start="2026-01-01", sale_end="2026-01-31 23:59:59")
    assert (sale.sale_price, sale.begin, sale.end) == (15 * MICROS, second("2026-01-01"), second("2026-01-31T23:59:59"))
    assert told(sale) == ("sale_dates_in_utc", "sale_end")
    assert told(read(sale_price="15.00", sale_start="soon")) == ("sale_dates_unreadable", "sale_start")
    assert read(sale_price="15.00", sale_start="", sale_end="") == Sale(20 * MICROS, 15 * MICROS)


def test_a_former_price_turns_the_price_into_that_of_the_sale() -> None:
    assert read(former_price="30.00") == Sale(30 * MICROS, 20 * MICROS)
    assert read(former_price="20.00") == Sale(20 * MICROS)
    assert read(former_price="0.00") == Sale(20 * MICROS)
    assert read(former_price="10.00", sale_price="15.00") == Sale(20 * MICROS, 15 * MICROS)
    assert told(read(former_price="much")) == ("price_unreadable", "former_price")
    sale = read(former_price="30.00", sale_end="once")
    assert (sale.price, sale.sale_price) == (20 * MICROS, None)
