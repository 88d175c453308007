"""Laws of reading a price: what is written exactly is read exactly, and nothing else ever happens."""

from hypothesis import given
from hypothesis import strategies as st

from adserver.catalog.price import LARGEST, PriceError, parse_price
from adserver.model.product import MICROS

AMOUNTS = st.integers(min_value=0, max_value=LARGEST * MICROS)
SEPARATORS = st.sampled_from([(",", "."), (".", ","), (" ", ","), ("\u202f", ","), ("'", ".")])
CODES = st.sampled_from(["EUR", "USD", "JPY", "KWD", "CHF"])


@given(AMOUNTS, CODES)
def test_a_written_price_is_read_back(micros: int, code: str) -> None:
    whole, rest = divmod(micros, MICROS)
    number = f"{whole}.{rest:06}"
    assert parse_price(f"{number} {code}", "GBP") == (micros, code)
    assert parse_price(f"{code} {number}", "GBP") == (micros, code)
    assert parse_price(number, code) == (micros, code)


@given(st.integers(min_value=0, max_value=LARGEST * 100 - 1), SEPARATORS)
def test_grouped_cents_are_read_back(cents: int, separators: tuple[str, str]) -> None:
    thousands, decimal = separators
    whole, rest = divmod(cents, 100)
    number = f"{whole:,}".replace(",", thousands) + f"{decimal}{rest:02}"
    assert parse_price(f"{number} EUR", "GBP") == (cents * MICROS // 100, "EUR")


@given(st.text() | st.text(alphabet="0123456789., '-+eE€$£NaEURSD\u00a0\u2212", max_size=40))
def test_garbage_is_refused_and_never_more_than_that(text: str) -> None:
    try:
        micros, currency = parse_price(text, "EUR")
    except PriceError:
        return
    assert 0 <= micros <= LARGEST * MICROS
    assert len(currency) == 3
