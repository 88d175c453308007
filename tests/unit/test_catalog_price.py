"""How the text of a price is read. The laws for any text are in ``tests/properties/test_price.py``."""

import pytest

from adserver.catalog.price import LARGEST, PriceError, names_currency, parse_price, read_currency
from adserver.model.product import MICROS


@pytest.mark.parametrize(
    ("text", "micros", "currency"),
    [
        ("129.00 EUR", 129_000_000, "EUR"),
        ("EUR 129.00", 129_000_000, "EUR"),
        ("129.00EUR", 129_000_000, "EUR"),
        ("129.00 eur", 129_000_000, "EUR"),
        ("129,00 EUR", 129_000_000, "EUR"),
        ("129,5 EUR", 129_500_000, "EUR"),
        ("1.299,00 EUR", 1_299_000_000, "EUR"),
        ("1,299.00 EUR", 1_299_000_000, "EUR"),
        ("1 299,00 EUR", 1_299_000_000, "EUR"),
        ("1\u00a0299,00\u00a0EUR", 1_299_000_000, "EUR"),
        ("1\u202f299,00\u202fEUR", 1_299_000_000, "EUR"),
        ("1'299.00 CHF", 1_299_000_000, "CHF"),
        ("1,234,567 JPY", 1_234_567_000_000, "JPY"),
        ("1.234.567 EUR", 1_234_567_000_000, "EUR"),
        ("1.234.567,89 EUR", 1_234_567_890_000, "EUR"),
        ("9.99", 9_990_000, "GBP"),
        ("  9.99\n", 9_990_000, "GBP"),
        ("0.1", 100_000, "GBP"),
        ("0.000001 BHD", 1, "BHD"),
        ("0 EUR", 0, "EUR"),
        (f"{LARGEST} EUR", LARGEST * MICROS, "EUR"),
        ("€9.99", 9_990_000, "EUR"),
        ("9,99 €", 9_990_000, "EUR"),
        ("£9.99", 9_990_000, "GBP"),
        ("$9.99 USD", 9_990_000, "USD"),
        ("US$129", 129_000_000, "USD"),
        ("A$ 1,299.50", 1_299_500_000, "AUD"),
        ("R$ 1.299,90", 1_299_900_000, "BRL"),
        ("129,-", 129_000_000, "GBP"),
        ("129,- €", 129_000_000, "EUR"),
        ("CHF 1'299.-", 1_299_000_000, "CHF"),
        ("129.\u2014 CHF", 129_000_000, "CHF"),
        ("1 299,00 zł", 1_299_000_000, "PLN"),
        ("1 299 Kč", 1_299_000_000, "CZK"),
        ("12 990 Ft", 12_990_000_000, "HUF"),
        ("1 299,50 руб.", 1_299_500_000, "RUB"),
        ("129 Euro", 129_000_000, "EUR"),
        ("&euro;129.00", 129_000_000, "EUR"),
        ("&#8364; 129,00", 129_000_000, "EUR"),
        ("₹1,29,999.00", 129_999_000_000, "INR"),
        ("1,29,999 INR", 129_999_000_000, "INR"),
        ("¥1,299 JPY", 1_299_000_000, "JPY"),
        ("1,299円", 1_299_000_000, "JPY"),
        ("\u200f١٬٢٩٩٫٥٠\u00a0ج.م.\u200f", 1_299_500_000, "EGP"),
        ("১২৯.৫০৳", 129_500_000, "BDT"),
        ("12.500 KWD", 12_500_000, "KWD"),
        ("12.500 د.ك", 12_500_000, "KWD"),
    ],
)
def test_prices_as_shops_write_them(text: str, micros: int, currency: str) -> None:
    assert parse_price(text, "GBP") == (micros, currency)


@pytest.mark.parametrize(
    ("text", "micros"), [("1.299 EUR", 1_299_000), ("1,299 EUR", 1_299_000_000), ("12.500 EUR", 12_500_000)]
)
def test_three_digits_after_one_separator(text: str, micros: int) -> None:
    """The format's decimal point is the period; a lone comma before three digits separates thousands."""
    assert parse_price(text, "EUR") == (micros, "EUR")
    assert parse_price("\u00a0" + text, "EUR") == (micros, "EUR")


@pytest.mark.parametrize("text", ["1,299 KWD", "0,129 EUR", "1299,000 EUR", "1.299,000 EUR", "1,2995 EUR"])
def test_a_comma_that_could_mean_two_things_is_refused(text: str) -> None:
    with pytest.raises(PriceError, match="comma could mean thousands or decimals"):
        parse_price(text, "EUR")


@pytest.mark.parametrize("text", ["1.299 €", "€1.299", "1.299 JPY", "12.500 ₫"])
def test_a_period_that_could_mean_two_things_is_refused(text: str) -> None:
    """Beside a sign no format says what it means, and in a currency without decimals it can be none."""
    with pytest.raises(PriceError, match="period could mean thousands or decimals"):
        parse_price(text, "EUR")


@pytest.mark.parametrize(
    ("default", "sign"),
    [
        ("SEK", "kr"),
        ("DKK", "kr."),
        ("PKR", "Rs."),
        ("CHF", "Fr."),
        ("USD", "$"),
        ("CAD", "$"),
        ("JPY", "¥"),
        ("EGP", "£"),
    ],
)
def test_a_sign_means_the_shops_own_currency(default: str, sign: str) -> None:
    assert parse_price(f"{sign}5", default) == (5 * MICROS, default)


@pytest.mark.parametrize("text", ["$5", "¥5", "5 kr", "Rs. 5", "5 Fr."])
def test_a_sign_of_several_currencies_is_refused_elsewhere(text: str) -> None:
    with pytest.raises(PriceError, match="several currencies"):
        parse_price(text, "EUR")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "a number and a currency code"),
        ("NaN", "a number and a currency code"),
        ("NaN EUR", "a number and a currency code"),
        ("Infinity EUR", "a number and a currency code"),
        ("1e309 EUR", "a number and a currency code"),
        ("0x10 EUR", "a number and a currency code"),
        ("1_000 EUR", "a number and a currency code"),
        ("from 5 EUR", "a number and a currency code"),
        ("5 EUR each", "a number and a currency code"),
        ("10 - 20 EUR", "a number and a currency code"),
        ("5.00 EUR 6.00 USD", "a number and a currency code"),
        ("1,29,999,00 INR", "a number and a currency code"),
        ("²", "a number and a currency code"),
        ("#price#", "a number and a currency code"),
        ("12.34.5 EUR", "a number and a currency code"),
        ("1,299,00.5.5", "a number and a currency code"),
        ("free", "a number and a currency code"),
        ("-5.00 EUR", "not negative"),
        ("EUR -5.00", "not negative"),
        ("\u22125.00 EUR", "not negative"),
        ("1.0000001 EUR", "at most 6 decimals"),
        ("1000000000001 EUR", "at most 1,000,000,000,000"),
        ("1000000000000.01 EUR", "at most 1,000,000,000,000"),
        ("9" * 401, "at most 1,000,000,000,000"),
        ("9" * 100_000 + ".5.5 EUR", "at most 1,000,000,000,000"),
        ("5.00 ABC", "a currency code of ISO 4217"),
        ("5.00 XXX", "a currency code of ISO 4217"),
        ("USD 5.00 EUR", "one currency"),
        ("€5.00 USD", "one currency"),
        ("€5.00 €", "one currency"),
    ],
)
def test_what_is_no_price(text: str, expected: str) -> None:
    with pytest.raises(PriceError) as caught:
        parse_price(text, "EUR")
    assert expected in caught.value.expected


@pytest.mark.parametrize(
    ("text", "currency"),
    [("EUR", "EUR"), (" usd ", "USD"), ("€", "EUR"), ("$", ""), ("XYZ", ""), ("", ""), ("x" * 999, "")],
)
def test_a_currency_on_its_own(text: str, currency: str) -> None:
    assert read_currency(text, "EUR") == currency


def test_a_bare_sign_on_its_own_is_the_shops_currency() -> None:
    assert (read_currency("$", "CAD"), read_currency("kr", "SEK"), read_currency("€", "CAD")) == ("CAD", "SEK", "EUR")


@pytest.mark.parametrize(("text", "named"), [("9.99", False), ("1 299,00", False), ("9.99 EUR", True), ("€9", True)])
def test_whether_a_price_names_its_currency(text: str, named: bool) -> None:
    assert names_currency(text) is named
