"""What is in a product set."""

from typing import Any

import pytest

from adserver.model.product import Product
from adserver.model.product_set import ProductSet, category_path

NOW = 1_790_000_000
BOOT = Product(
    id="boot-41", title="Boot", link="https://shop.test/b", image_link="", price=100, currency="EUR", sale_price=80,
    sale_from=NOW, sale_until=NOW + 10, brand="Nord  Weg", item_group_id="BOOT", category="Shoes  >Boots > Winter",
    labels=("", "Sale"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("terms", "is_in"),
    [
        ({}, True),
        ({"categories": ("shoes",)}, True),
        ({"categories": ("SHOES > boots",)}, True),
        ({"categories": ("Shoes>Boots>Winter",)}, True),
        ({"categories": ("Shoes > Boots > Winter > Men",)}, False),
        ({"categories": ("Shoe",)}, False),
        ({"categories": ("Boots",)}, False),
        ({"categories": ("Hats", "Shoes")}, True),
        ({"brands": ("NORD WEG",)}, True),
        ({"brands": ("Nord",)}, False),
        ({"labels": {"1": ("sale", "new")}}, True),
        ({"labels": {"0": ("sale",)}}, False),
        ({"labels": {"4": ("sale",)}}, False),
        ({"labels": {"1": ("sale",), "2": ("x",)}}, False),
        ({"min_price": 80}, True),
        ({"min_price": 81}, False),
        ({"max_price": 80}, True),
        ({"max_price": 79}, False),
        ({"on_sale": True}, True),
        ({"products": ("boot-41",)}, True),
        ({"products": ("BOOT",)}, True),
        ({"products": ("boot",)}, False),
        ({"exclude": ("BOOT",)}, False),
        ({"exclude": ("boot-41",), "products": ("BOOT",)}, False),
        ({"brands": ("nord weg",), "categories": ("Hats",)}, False),
    ],
)
def test_every_filter(terms: dict[str, Any], is_in: bool) -> None:
    assert ProductSet(id="s", advertiser="acme", **terms).has(BOOT, NOW) is is_in


def test_prices_are_those_of_the_moment() -> None:
    reduced = ProductSet(id="s", advertiser="acme", on_sale=True)
    dear = ProductSet(id="s", advertiser="acme", min_price=100)
    assert [reduced.has(BOOT, NOW + second) for second in (-1, 0, 9, 10)] == [False, True, True, False]
    assert [dear.has(BOOT, NOW + second) for second in (-1, 0, 9, 10)] == [True, False, False, True]


def test_what_has_no_category_or_group_is_in_none() -> None:
    plain = BOOT._replace(category="", item_group_id="", brand="")
    assert not ProductSet(id="s", advertiser="acme", categories=("Shoes",)).has(plain, NOW)
    assert ProductSet(id="s", advertiser="acme", exclude=("",)).has(plain, NOW)
    assert category_path(" > ") == ""
