"""Golden choices: who did what, and which products are shown for it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from adserver.model.line_item import ExcludePurchased, Fatigue, LineItem, PurchaseScope, Recommend
from adserver.model.product import MICROS, Availability, Product
from adserver.model.product_set import ProductSet
from adserver.model.profile import EPOCH, Shopping, Window, fatigue_counter
from adserver.model.reason import LineItemReason
from adserver.service.accounts_file import AccountsFile, parse_accounts
from adserver.service.fill_ad import Filled
from tests.choosing import NOW, REF, Catalog, Related, ago, booking, filled, viewer

FOLDER = Path(__file__).parents[1] / "golden" / "products"
UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
KEYS = {
    *(
        "name",
        "viewed",
        "carted",
        "bought",
        "views",
        "line_item",
        "seen",
        "unclicked",
        "unclicked_age",
        "stranger",
        "hidden",
    ),
    *("bought_together", "viewed_together", "best_sellers", "most_viewed", "room", "minimum", "shown", "reason"),
}

Case = Mapping[str, Any]


def cases() -> Iterator[Any]:
    for path in sorted(FOLDER.glob("*.yaml")):
        file = yaml.safe_load(path.read_text("utf-8"))
        for case in file["cases"]:
            yield pytest.param(file["products"], case, id=f"{path.stem}: {case['name']}")


def seconds(age: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([smhd])", age).groups()  # type: ignore[union-attr]
    return int(number) * UNITS[unit]


def product(name: str, told: Mapping[str, Any]) -> Product:
    def when(age: str | None) -> int:
        return NOW - seconds(age) if age else 0

    price = told.get("price", 10) * MICROS
    stock = Availability.IN_STOCK if told.get("stock", True) else Availability.OUT_OF_STOCK
    history = [(when(age), cost * MICROS) for age, cost in told.get("history", [["90d", told.get("price", 10)]])]
    return Product(
        id=name,
        title=name,
        link=f"https://{told.get('host', 'shop.test')}/{name.replace(' ', '-')}",
        image_link="",
        price=price,
        currency="EUR",
        sale_price=told["sale_price"] * MICROS if "sale_price" in told else None,
        sale_from=when(told.get("sale_from")),
        sale_until=when(told.get("sale_until")),
        availability=Availability(told["availability"]) if "availability" in told else stock,
        brand=told.get("brand", ""),
        item_group_id=told.get("group", ""),
        category=told.get("category", ""),
        labels=tuple(told.get("labels", ())),
        history=tuple(history),
    )


def times(done: Sequence[str] | Mapping[str, str] | None) -> dict[str, int]:
    if not isinstance(done, Mapping):
        return {name: ago(60 * (place + 1)) for place, name in enumerate(done or ())}
    return {name: ago(seconds(age)) for name, age in done.items()}


def line_item(told: Mapping[str, Any]) -> LineItem:
    item = LineItem(id="item", campaign="summer", creative="tiles", ref=3, fill_up=told.get("fill_up", True))
    if "recommend" in told:
        item = replace(item, recommend=tuple(map(Recommend, told["recommend"])))
    if "exclude_purchased" in told:
        exclude = dict(told["exclude_purchased"])
        scope = PurchaseScope(exclude.pop("scope", "product"))
        item = replace(item, exclude_purchased=ExcludePurchased(scope=scope, **exclude))
    return replace(item, fatigue=Fatigue(**told["fatigue"])) if "fatigue" in told else item


def product_set(told: Mapping[str, Any]) -> ProductSet:
    def texts(name: str) -> tuple[str, ...]:
        return tuple(told.get(name, ()))

    return ProductSet(
        id="set",
        advertiser="acme",
        categories=texts("categories"),
        brands=texts("brands"),
        labels={number: tuple(values) for number, values in told.get("labels", {}).items()},
        min_price=told["min_price"] * MICROS if "min_price" in told else None,
        max_price=told["max_price"] * MICROS if "max_price" in told else None,
        on_sale=told.get("on_sale", False),
        products=texts("products"),
        exclude=texts("exclude"),
    )


def frequency(case: Case, limits: Sequence[tuple[int, int]], item: LineItem) -> dict[str, tuple[Window, ...]]:
    begun = ago(3_600)
    counted = {
        f"p{REF}:{name}": tuple([Window(window_s, begun, count) for _, window_s in limits])
        for name, count in case.get("seen", {}).items()
    }
    begun = ago(seconds(case.get("unclicked_age", "1h")))
    days = item.fatigue.days if item.fatigue else 30
    tired = {
        fatigue_counter(REF, name): (Window(days * 86_400, begun, count),)
        for name, count in case.get("unclicked", {}).items()
    }
    return counted | tired


def chosen(products: Mapping[str, Mapping[str, Any]], case: Case) -> Filled | LineItemReason:
    told = case.get("line_item", {})
    item = line_item(told)
    limits = [(limit, seconds(window)) for limit, window in told.get("product_caps", ())]
    only = product_set(told["product_set"]) if "product_set" in told else None
    shopping = Shopping(
        times(case.get("viewed")), times(case.get("carted")), times(case.get("bought")), views=case.get("views", {})
    )
    hidden = frozenset(case.get("hidden", ()))
    who = None if case.get("stranger") else viewer(shopping, frequency(case, limits, item), hidden=hidden)
    related = Related(
        Catalog([product(name, fields) for name, fields in products.items()]),
        case.get("bought_together", {}),
        case.get("viewed_together", {}),
        case.get("best_sellers", ()),
        case.get("most_viewed", ()),
    )
    room, minimum = case.get("room", 4), case.get("minimum", 1)
    return filled(booking(item, limits, only), who, related, room=room, minimum=minimum, hidden=hidden)


@pytest.mark.parametrize(("products", "case"), list(cases()))
def test_a_golden_choice(products: Mapping[str, Mapping[str, Any]], case: Case) -> None:
    assert case.keys() <= KEYS
    found = chosen(products, case)
    if "reason" in case:
        assert found is LineItemReason[case["reason"].upper()]
        return
    assert isinstance(found, Filled), found.label
    shown = [f"{product.id} {why.value}" for product, why in zip(found.products, found.why, strict=True)]
    assert shown == case["shown"]


def test_ages_are_read_as_they_are_written() -> None:
    assert times({"A": "2h"}) == {"A": NOW - EPOCH - 7_200}
    assert times(["A", "B"]) == {"A": NOW - EPOCH - 60, "B": NOW - EPOCH - 120}


def test_the_examples_of_the_page_are_accepted() -> None:
    page = (Path(__file__).parents[2] / "docs" / "products.md").read_text("utf-8")
    blocks = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        assert isinstance(parse_accounts(block, base_dir=Path("/")), AccountsFile), block
