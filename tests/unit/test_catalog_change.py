"""Changes of one product: read as a feed is, nothing else touched, whatever comes."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adserver.catalog.change import CHANGEABLE, changed, fields_of, settable
from adserver.model.product import MICROS, Availability, Product

BOOT = Product(
    "A/1",
    "Boot",
    "https://shop.test/p",
    "https://shop.test/i.png",
    129_900_000,
    "EUR",
    sale_price=99_000_000,
    sale_from=1_767_225_600,
    brand="Acme",
    labels=("a", "", "c"),
    history=((1_700_000_000, 129_900_000),),
)

PRICES = st.integers(1, 10**12 * MICROS)
PRODUCTS = st.builds(
    lambda price, sale, begin, end, availability, labels: BOOT._replace(
        price=price,
        sale_price=price * sale // 100 or None,
        sale_from=begin if price * sale // 100 else 0,
        sale_until=begin + end if price * sale // 100 and end else 0,
        availability=availability,
        labels=tuple(labels),
    ),
    PRICES,
    st.integers(0, 99),
    st.integers(1, 4_000_000_000),
    st.integers(0, 10_000_000),
    st.sampled_from(Availability),
    st.lists(st.sampled_from(["", "sale", "new"]), max_size=5).filter(lambda labels: not labels or labels[-1]),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.text() | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
PATCHES = st.dictionaries(st.sampled_from(CHANGEABLE) | st.text(max_size=5), JSON, max_size=6)


def done(product: Product, **patch: object) -> Product:
    outcome = changed(product, patch)
    assert isinstance(outcome, Product), outcome
    return outcome


def codes(product: Product, **patch: object) -> dict[str, str]:
    outcome = changed(product, patch)
    assert not isinstance(outcome, Product)
    return {problem.field: problem.code for problem in outcome}


@given(PRODUCTS)
def test_what_is_told_can_be_sent_back(product: Product) -> None:
    fields: dict[str, object] = {name: text for name, text in fields_of(product).items() if name != "id"}
    assert changed(product, fields) == product


@given(PRODUCTS, PATCHES)
def test_nothing_changes_but_what_is_named_and_nothing_breaks(product: Product, patch: dict[str, Any]) -> None:
    outcome = changed(product, patch)
    if isinstance(outcome, Product):
        names = settable(patch) | ({"sale_from", "sale_until"} if "sale_price" in patch else set())
        for name in set(Product._fields) - names:
            assert getattr(outcome, name) == getattr(product, name)
        assert 0 < outcome.price <= 10**12 * MICROS
        assert outcome.sale_price is None or 0 < outcome.sale_price < outcome.price
    else:
        assert outcome
        for problem in outcome:
            problem.found.encode()
            assert problem.expected
            assert problem.fix
            assert len(problem.found) <= 120


@given(PRICES)
def test_numbers_are_exact(price: int) -> None:
    assert done(BOOT, price=Decimal(price) / MICROS, sale_price=None).price == price


@pytest.mark.parametrize("number", [Decimal("0"), Decimal("-1"), Decimal("1e13"), Decimal("1e-7"), Decimal("1e999999")])
def test_numbers_that_are_no_prices(number: Decimal) -> None:
    assert set(codes(BOOT, price=number)) == {"price"}


def test_null_takes_away_what_may_be_missing() -> None:
    bare = done(BOOT, image_link=None, brand=None, sale_price=None, custom_label_2=None, availability=None)
    assert bare == BOOT._replace(image_link="", brand="", sale_price=None, sale_from=0, labels=("a",))
    assert codes(BOOT, title=None, link=None, price=None) == {
        "title": "title_missing",
        "link": "link_missing",
        "price": "price_missing",
    }


def test_a_sale_hangs_together() -> None:
    assert done(BOOT, sale_price="80").sale_from == BOOT.sale_from
    assert codes(BOOT, price="90.00") == {"sale_price": "sale_not_lower"}
    assert codes(BOOT, price="200 USD") == {"sale_price": "sale_currency_other"}
    assert done(BOOT, price="200 USD", sale_price="150 USD").currency == "USD"
    assert done(BOOT, sale_price_effective_date=None).sale_from == 0
    dates = "2026-01-01T00:00Z/2026-02-01T00:00Z"
    assert done(BOOT, sale_price_effective_date=dates).sale_until == 1_769_904_000
    plain = BOOT._replace(sale_price=None, sale_from=0)
    assert codes(plain, sale_price_effective_date=dates) == {"sale_price_effective_date": "sale_dates_without_sale"}
    assert codes(BOOT, sale_price_effective_date="soon") == {"sale_price_effective_date": "sale_dates_unreadable"}


def test_all_is_told_at_once() -> None:
    assert codes(BOOT, title="", link="/p", price="x", sale_price="y", condition="so so", id="B", colour="red") == {
        "title": "title_missing",
        "link": "link_unusable",
        "price": "price_unreadable",
        "sale_price": "price_unreadable",
        "condition": "condition_unknown",
        "id": "id_fixed",
        "colour": "field_unknown",
    }


def test_words_are_read_as_in_a_feed() -> None:
    assert done(BOOT, availability="SOLD OUT").availability is Availability.OUT_OF_STOCK
    assert done(BOOT, title="  Winter\n boot ").title == "Winter boot"
    assert done(BOOT, custom_label_1="b").labels == ("a", "b", "c")
    images = done(BOOT, additional_image_link="https://shop.test/2.png,https://shop.test/3.png").more_images
    assert images == ("https://shop.test/2.png", "https://shop.test/3.png")
