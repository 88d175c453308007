"""Sizes of one shoe are one product to a visitor."""

from adserver.decision.purchases import NOTHING_EXCLUDED, Excluded
from adserver.decision.showable import showable
from adserver.decision.variant import Gap, Places
from adserver.model.decision import Why
from adserver.model.line_item import LineItem, Recommend
from adserver.model.product import Availability, Product
from tests.choosing import NOW, booking

ITEM = LineItem(id="item", campaign="summer", creative="tiles", recommend=(Recommend.BOUGHT_TOGETHER,))
PLAIN = LineItem(id="item", campaign="summer", creative="tiles", recommend=(Recommend.TOGETHER,))


def shoe(name: str, group: str = "", *, stock: bool = True, host: str = "shop.test") -> Product:
    availability = Availability.IN_STOCK if stock else Availability.OUT_OF_STOCK
    return Product(
        id=name,
        title=name,
        link=f"https://{host}/{name}",
        image_link="",
        price=1,
        currency="EUR",
        availability=availability,
        item_group_id=group,
    )


def places(excluded: Excluded = NOTHING_EXCLUDED, *, item: LineItem = ITEM, most: int = 2) -> Places:
    return Places(booking(item), {}, excluded, NOW, most)


def ids(found: Places) -> list[str]:
    return [product.id for product, _ in found.first()]


def test_it_tells_when_nothing_more_is_wanted() -> None:
    found = places()
    assert not found.put(shoe("a"), Why.VIEWED)
    assert found.room == 1
    assert found.put(shoe("b"), Why.VIEWED)
    assert found.room == 0


def test_a_place_that_may_still_be_taken_is_not_settled() -> None:
    found = places()
    assert not any(found.put(product, Why.CART) for product in (shoe("a-40", "a", stock=False), shoe("b"), shoe("c")))
    assert ids(found) == ["b", "c"]
    assert found.put(shoe("a-41", "a"), Why.VIEWED)
    assert found.first() == [(shoe("a-41", "a"), Why.CART), (shoe("b"), Why.CART)], "its place, and why it is there"


def test_what_is_sold_out_and_has_no_sizes_keeps_no_place() -> None:
    found = places()
    found.put(shoe("a", stock=False), Why.VIEWED)
    found.put(shoe("b"), Why.VIEWED)
    assert found.put(shoe("c"), Why.VIEWED)


def test_what_was_bought_leaves_a_gap_only_for_what_is_bought_with_it() -> None:
    for item, gaps in ((ITEM, [Gap(shoe("a"), Why.CART, True)]), (PLAIN, [])):
        found = places(Excluded({"a"}), item=item)
        found.put(shoe("a"), Why.CART)
        assert (found.gaps(), found.first(), found.purchased) == (gaps, [], 1)


def test_a_gap_takes_what_has_no_place_yet() -> None:
    found = places(Excluded({"a"}))
    found.put(shoe("a"), Why.CART)
    found.put(shoe("b"), Why.VIEWED)
    (gap,) = found.gaps()
    assert not found.fill_gap(gap, shoe("b"), Why.BOUGHT_TOGETHER)
    assert not found.fill_gap(gap, shoe("c", stock=False), Why.BOUGHT_TOGETHER)
    assert found.fill_gap(gap, shoe("d"), Why.BOUGHT_TOGETHER)
    assert found.first() == [(shoe("d"), Why.BOUGHT_TOGETHER), (shoe("b"), Why.VIEWED)]
    assert found.gaps() == []
    found.put(shoe("d"), Why.VIEWED)
    assert ids(found) == ["d", "b"]


def test_only_what_is_in_stock_and_at_home_is_shown() -> None:
    one = shoe("1", host="www.shop.test")
    assert showable(one, ("shop.test",))
    assert not showable(one._replace(availability=Availability.OUT_OF_STOCK), ("shop.test",))
    assert not showable(one._replace(availability=Availability.PREORDER), ("shop.test",))
    assert not showable(one._replace(link="https://evil.test/1"), ("shop.test",))
    assert not showable(one._replace(link="https://evilshop.test/1"), ("shop.test",))
    assert not showable(one, ())
