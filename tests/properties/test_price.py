"""Laws of reading a price: what is written exactly is read exactly, and nothing else ever happens."""

from decimal import Decimal

import pytest
from babel.numbers import format_currency
from hypothesis import given, settings
from hypothesis import strategies as st

from adserver.catalog.currency import usual_decimals
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


COUNTRIES = st.sampled_from(
    [
        ("ar_EG", "EGP"),
        ("ar_SA", "SAR"),
        ("bn_BD", "BDT"),
        ("cs_CZ", "CZK"),
        ("da_DK", "DKK"),
        ("de_AT", "EUR"),
        ("de_CH", "CHF"),
        ("de_DE", "EUR"),
        ("el_GR", "EUR"),
        ("en_AU", "AUD"),
        ("en_CA", "CAD"),
        ("en_GB", "GBP"),
        ("en_IN", "INR"),
        ("en_US", "USD"),
        ("es_ES", "EUR"),
        ("es_MX", "MXN"),
        ("fi_FI", "EUR"),
        ("fr_CH", "CHF"),
        ("fr_FR", "EUR"),
        ("he_IL", "ILS"),
        ("hi_IN", "INR"),
        ("hu_HU", "HUF"),
        ("it_IT", "EUR"),
        ("ja_JP", "JPY"),
        ("kk_KZ", "KZT"),
        ("ko_KR", "KRW"),
        ("nb_NO", "NOK"),
        ("nl_NL", "EUR"),
        ("pl_PL", "PLN"),
        ("pt_BR", "BRL"),
        ("ro_RO", "RON"),
        ("ru_RU", "RUB"),
        ("sk_SK", "EUR"),
        ("sv_SE", "SEK"),
        ("th_TH", "THB"),
        ("tr_TR", "TRY"),
        ("uk_UA", "UAH"),
        ("vi_VN", "VND"),
        ("zh_CN", "CNY"),
    ]
)


@settings(deadline=None)  # the first price of a country makes Babel read its file
@given(st.integers(min_value=0, max_value=10**11), COUNTRIES)
def test_a_price_as_its_country_writes_it_is_read_exactly(cents: int, country: tuple[str, str]) -> None:
    """In the currency of the shop, all but what is refused because it could mean two prices."""
    locale, currency = country
    amount = Decimal(cents).scaleb(-usual_decimals(currency))
    written = format_currency(amount, currency, locale=locale)
    if not usual_decimals(currency) and 1_000 <= amount < 1_000_000 and "." in written:
        with pytest.raises(PriceError, match="could mean thousands or decimals"):
            parse_price(written, currency)
    else:
        assert parse_price(written, currency) == (int(amount * MICROS), currency)


@given(st.text() | st.text(alphabet="0123456789., '-+eE€$£NaEURSD\u00a0\u2212", max_size=40))
def test_garbage_is_refused_and_never_more_than_that(text: str) -> None:
    try:
        micros, currency = parse_price(text, "EUR")
    except PriceError:
        return
    assert 0 <= micros <= LARGEST * MICROS
    assert len(currency) == 3


@given(st.text(alphabet="0123456789., '€$-", max_size=20))
def test_what_is_expected_never_repeats_what_was_found(text: str) -> None:
    kinds = set()
    for price in (text, text + "x", "\u00a0" + text):
        try:
            parse_price(price, "EUR")
        except PriceError as error:
            kinds.add(error.kind)
    assert all(len(kind.expected) < 120 and kind.fix for kind in kinds)
