"""What is read for an ad, when the offer is due, and what an ad counts for its products."""

from dataclasses import replace

import pytest

from adserver.decision.offer import due_offer
from adserver.decision.price_drop import has_dropped
from adserver.decision.product_counts import product_counts
from adserver.decision.purchases import DAY_S, bought_anything, bought_within
from adserver.decision.wishes import LOOKED_BACK
from adserver.model.line_item import ExcludePurchased, Fatigue, LineItem, Offer, PurchaseScope, Recommend
from adserver.model.product import MICROS, Availability, Product
from adserver.model.profile import Shopping, Window
from adserver.model.reason import LineItemReason
from adserver.service.fill_ad import Filled
from tests.choosing import NOW, Catalog, Related, ago, booking, filled, viewer

ITEM = LineItem(id="item", campaign="summer", creative="tiles", ref=3, fill_up=True)
SEVEN = 7 * DAY_S


def product(name: str, *, stock: bool = True, group: str = "") -> Product:
    availability = Availability.IN_STOCK if stock else Availability.OUT_OF_STOCK
    url = f"https://shop.test/{name}"
    return Product(name, name, url, "", 10 * MICROS, "EUR", availability=availability, item_group_id=group)


def shop(count: int = 30, *, sold_out: int = 0) -> Related:
    """Products P0, P1 and so on, the first of them sold out."""
    return Related(Catalog([product(f"P{number}", stock=number >= sold_out) for number in range(count)]))


def looked_at(count: int) -> Shopping:
    """P0 last."""
    return Shopping({f"P{number}": ago(60 * number + 60) for number in range(count)})


def shown(found: object) -> list[str]:
    assert isinstance(found, Filled)
    return [product.id for product in found.products]


def test_one_read_where_the_own_products_fill_the_banner() -> None:
    related = shop()
    assert shown(filled(booking(ITEM), viewer(looked_at(10), {}), related)) == ["P0", "P1", "P2", "P3"]
    assert related.catalog.asked == [[f"P{number}" for number in range(10)]]
    assert related.asked == []


def test_a_long_history_is_read_further_only_where_the_newest_do_not_do() -> None:
    related = shop()
    filled(booking(ITEM), viewer(looked_at(30), {}), related)
    assert [len(ids) for ids in related.catalog.asked] == [LOOKED_BACK]
    related = shop(sold_out=11)
    assert shown(filled(booking(ITEM), viewer(looked_at(30), {}), related)) == ["P11", "P12", "P13", "P14"]
    assert [len(ids) for ids in related.catalog.asked] == [LOOKED_BACK, 30 - LOOKED_BACK]
    assert related.asked == []


def test_what_others_did_is_asked_for_the_room_that_is_left() -> None:
    related = shop()
    related.viewed, related.best = {"P0": ["P7"]}, ["P8", "P9"]
    assert shown(filled(booking(ITEM), viewer(looked_at(1), {}), related)) == ["P0", "P7", "P8", "P9"]
    assert related.asked == ["viewed", "best"]


def test_nothing_is_asked_for_where_nothing_is_recommended() -> None:
    related = shop()
    related.viewed, related.best = {"P0": ["P7"]}, ["P8", "P9"]
    item = replace(ITEM, recommend=(), fatigue=Fatigue(ads=1))
    bought = looked_at(2)._replace(bought={"P1": ago(5)})
    seen = {"d7:P0": (Window(30 * DAY_S, ago(5), 9),)}
    assert shown(filled(booking(item), viewer(bought, seen), related)) == ["P0"]
    assert related.asked == []


def test_nothing_is_recommended_where_nothing_gives_way_unless_it_shall_fill_up() -> None:
    related = shop()
    assert shown(filled(booking(replace(ITEM, fill_up=False)), viewer(looked_at(2), {}), related)) == ["P0", "P1"]
    sold_out = filled(booking(replace(ITEM, fill_up=False)), viewer(looked_at(2), {}), shop(sold_out=2))
    assert sold_out is LineItemReason.NO_PRODUCT
    assert related.asked == []


def test_only_what_the_line_item_names_is_asked_for() -> None:
    bought = looked_at(2)._replace(bought={"P1": ago(5)})
    for source, asked in {
        Recommend.BOUGHT_TOGETHER: ["bought"],
        Recommend.TOGETHER: ["viewed"],
        Recommend.BEST_SELLERS: ["best"],
        Recommend.UPSELL: ["bought", "viewed", "best"],
    }.items():
        related = shop()
        filled(booking(replace(ITEM, recommend=(source,))), viewer(bought, {}), related)
        assert related.asked == asked, source


def test_a_full_banner_asks_only_for_what_takes_the_place_of_the_bought_one() -> None:
    related = shop()
    related.bought = {"P1": ["P20"]}
    bought = looked_at(9)._replace(bought={"P1": ago(5)})
    assert shown(filled(booking(ITEM), viewer(bought, {}), related)) == ["P0", "P20", "P2", "P3"]
    assert related.asked == ["bought"]


OFFER = Offer(text="10 % off", coupon="BACK10")
HOUR, DAY = 3_600, 86_400


def ads(count: int, *, age: int = HOUR, length: int = DAY) -> dict[str, tuple[Window, ...]]:
    return {"f3": (Window(length, ago(age), count),)}


@pytest.mark.parametrize(
    ("offer", "seen", "silent", "is_due"),
    [
        (OFFER, {}, 0, True),
        (replace(OFFER, after_ads=3), {}, HOUR, False),
        (replace(OFFER, after_ads=3), ads(2), HOUR, False),
        (replace(OFFER, after_ads=3), ads(3), HOUR, True),
        (replace(OFFER, after_ads=3), ads(3, age=DAY), HOUR, False),
        (replace(OFFER, after_ads=3), {"f4": (Window(DAY, ago(HOUR), 9),)}, HOUR, False),
        (replace(OFFER, after_ads=3), {"f3": (Window(60, ago(9), 1), Window(DAY, ago(9), 3))}, HOUR, True),
        (replace(OFFER, after_s=HOUR), {}, HOUR - 1, False),
        (replace(OFFER, after_s=HOUR), {}, HOUR, True),
        (replace(OFFER, after_s=HOUR, after_ads=3), ads(3), 1, True),
        (replace(OFFER, after_s=HOUR, after_ads=3), ads(1), HOUR, True),
        (replace(OFFER, after_s=HOUR, after_ads=3), ads(1), 1, False),
    ],
)
def test_the_offer_is_due(offer: Offer, seen: dict[str, tuple[Window, ...]], silent: int, is_due: bool) -> None:
    item = replace(ITEM, offer=offer)
    assert due_offer(item, seen, ago(silent), ago(0)) is (offer if is_due else None)
    found = filled(booking(item), viewer(Shopping({"P1": ago(silent)}), seen), shop())
    assert isinstance(found, Filled)
    assert found.offer is (offer if is_due else None)


def test_no_offer_without_one_and_none_for_somebody_unknown_who_did_not_see_enough() -> None:
    assert due_offer(ITEM, ads(9), ago(DAY), ago(0)) is None


@pytest.mark.parametrize(("ends", "is_due"), [(0, True), (NOW + 1, True), (NOW, False), (NOW - 1, False)])
def test_an_offer_that_has_ended_is_not_shown(ends: int, is_due: bool) -> None:
    for offer in (Offer(text="10 %", ends=ends), Offer(text="10 %", after_ads=1, ends=ends)):
        item = replace(ITEM, offer=offer)
        assert due_offer(item, ads(9), ago(DAY), ago(0)) is (offer if is_due else None)
    related = shop()
    related.best = ["P1"]
    for offer, is_due in ((OFFER, True), (replace(OFFER, after_ads=1), False), (replace(OFFER, after_s=1), False)):
        found = filled(booking(replace(ITEM, offer=offer)), None, related)
        assert isinstance(found, Filled)
        assert found.offer is (offer if is_due else None)


def test_an_ad_counts_for_each_of_its_products() -> None:
    products = [product("a-40", group="a"), product("b")]
    assert product_counts(booking(ITEM), products) == ()
    capped = booking(ITEM, [(2, DAY), (6, SEVEN)])
    limits = ((2, DAY), (6, SEVEN))
    assert product_counts(capped, products) == (("p7:a", limits), ("p7:b", limits))
    tiring = booking(replace(ITEM, fatigue=Fatigue(ads=6, days=7)), limits)
    counts = product_counts(tiring, products)
    assert [count.counter for count in counts] == ["p7:a", "p7:b", "d7:a", "d7:b"]
    (((limit, window_s),),) = {count.limits for count in counts[2:]}
    assert limit > 65_535, "it only counts"
    assert window_s == SEVEN


def test_purchases_in_their_window() -> None:
    shopping = Shopping(bought={"a": ago(DAY), "b": ago(2 * DAY), "": ago(5), "c": ago(2 * DAY + 1)})
    assert bought_within(shopping, 2, ago(0)) == ["a", "b"]
    assert bought_within(Shopping(), 2, ago(0)) == []
    everything = ExcludePurchased(scope=PurchaseScope.ALL, days=2)
    unnamed = Shopping(bought={"": ago(2 * DAY)})
    assert bought_anything(unnamed, everything, ago(0))
    assert not bought_anything(unnamed, everything, ago(-1))
    assert not bought_anything(unnamed, replace(everything, scope=PurchaseScope.CATEGORY), ago(0))
    assert not bought_anything(Shopping(), everything, ago(0))


def test_a_price_that_fell() -> None:
    fell = product("a")._replace(history=((NOW - 100, 30 * MICROS), (NOW - 50, 10 * MICROS)))
    assert has_dropped(fell, NOW - 51, NOW)
    assert has_dropped(fell, NOW - 100, NOW)
    assert not has_dropped(fell, NOW - 50, NOW)
    assert not has_dropped(fell, NOW - 101, NOW), "nobody knows what it was"
    assert not has_dropped(fell._replace(history=()), NOW - 60, NOW)
    sale = fell._replace(history=((NOW - 100, 10 * MICROS),), sale_price=8 * MICROS, sale_from=NOW - 5)
    assert has_dropped(sale, NOW - 6, NOW)
    assert not has_dropped(sale, NOW - 5, NOW)
    assert not has_dropped(sale, NOW - 6, NOW - 6)
    assert not has_dropped(sale._replace(sale_until=NOW), NOW - 6, NOW)
