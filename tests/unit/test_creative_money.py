"""Prices as people of a locale write them."""

import pytest

from adserver.creative.money import format_price


@pytest.mark.parametrize(
    ("micros", "currency", "locale", "text"),
    [
        (1_299_000_000_000, "EUR", "de_DE", "1.299.000,00\xa0€"),
        (129_000_000, "EUR", "de-DE", "129,00\xa0€"),
        (129_000_000, "EUR", "de", "129,00\xa0€"),
        (19_900_000, "USD", "en_US", "$19.90"),
        (12_900_000_000, "JPY", "ja_JP", "￥12,900"),
        (0, "EUR", "en", "€0.00"),
        (5_000, "EUR", "en", "€0.00"),  # half a cent, to even
        (15_000, "EUR", "en", "€0.02"),
        (90_071_992_547_409_930_000, "USD", "en", "$90,071,992,547,409.93"),  # no float holds this one
    ],
)
def test_a_price_is_written_the_way_of_its_locale(micros: int, currency: str, locale: str, text: str) -> None:
    assert format_price(micros, currency, locale) == text


@pytest.mark.parametrize("locale", ["", "xx_YY", "de_XX", "../../etc/passwd", "🎧", "en_US_POSIX_x"])
def test_an_unknown_locale_reads_as_english(locale: str) -> None:
    assert format_price(12_000_000, "EUR", locale) == "€12.00"


@pytest.mark.parametrize(
    ("micros", "currency", "text"),
    [
        (12_000_000, "XXQ", "12.00 XXQ"),
        (12_000_000, "eur", "12.00 eur"),
        (12_000_000, "", "12.00"),
        (10**40, "EUR", f"{10**34}.00 EUR"),
    ],
)
def test_what_can_not_be_formatted_is_still_a_price(micros: int, currency: str, text: str) -> None:
    assert format_price(micros, currency, "de_DE") == text
