"""Sizes of one shoe are one product to a visitor."""

from hypothesis import given
from hypothesis import strategies as st

from adserver.decision.variant import Places, are_settled, first_of, fold
from adserver.model.product import Availability, Product

DOMAINS = ("shop.test",)


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


def shown(*products: Product, most: int = 4) -> list[str]:
    places: Places = {}
    fold(places, products, DOMAINS)
    return [product.id for product in first_of(places, most)]


def test_one_tile_for_three_sizes() -> None:
    assert shown(shoe("a-40", "a"), shoe("b", ""), shoe("a-41", "a"), shoe("a-42", "a")) == ["a-40", "b"]


def test_products_without_a_group_are_their_own() -> None:
    assert shown(shoe("a"), shoe("b"), shoe("c")) == ["a", "b", "c"]


def test_another_size_takes_the_place_of_one_sold_out() -> None:
    sold_out = shoe("a-40", "a", stock=False)
    assert shown(sold_out, shoe("b"), shoe("a-41", "a"), shoe("a-42", "a")) == ["a-41", "b"]
    assert shown(sold_out, shoe("b"), shoe("a-41", "a", stock=False)) == ["b"]
    assert shown(shoe("a-40", "a", host="evil.test"), shoe("a-41", "a")) == ["a-41"]


def test_a_group_that_is_named_itself_counts_as_that_group() -> None:
    some_size = shoe("a-42", "a")
    assert shown(some_size, shoe("b"), some_size, shoe("a-40", "a")) == ["a-42", "b"]
    assert shown(shoe("a"), shoe("a-40", "a")) == ["a"], "the parent has the group's id for its own"


def test_only_as_many_as_there_is_room_for() -> None:
    assert shown(*(shoe(name) for name in "abcdef"), most=4) == ["a", "b", "c", "d"]
    assert shown(most=4) == []


def test_a_place_that_may_still_be_taken_is_not_settled() -> None:
    places: Places = {}
    fold(places, [shoe("a-40", "a", stock=False), shoe("b"), shoe("c")], DOMAINS)
    assert not are_settled(places, 2)
    fold(places, [shoe("a-41", "a")], DOMAINS)
    assert are_settled(places, 2)
    assert not are_settled(places, 4)
    fold(places, [shoe("d-1", "d", stock=False)], DOMAINS)
    assert are_settled(places, 3)


def test_what_is_sold_out_and_has_no_sizes_keeps_no_place() -> None:
    places: Places = {}
    fold(places, [shoe("a", stock=False), shoe("b")], DOMAINS)
    assert are_settled(places, 1)


VIEWED = st.lists(st.tuples(st.integers(0, 9), st.sampled_from("abcd") | st.just(""), st.booleans()), max_size=20)


@given(VIEWED, st.integers(1, 4), st.integers(1, 6))
def test_reading_until_settled_shows_what_reading_all_does(
    viewed: list[tuple[int, str, bool]], most: int, batch: int
) -> None:
    products = [shoe(f"{group}-{size}-{stock}", group, stock=stock) for size, group, stock in viewed]
    places: Places = {}
    for start in range(0, len(products), batch):
        if are_settled(places, most):
            break
        fold(places, products[start : start + batch], DOMAINS)
    assert [product.id for product in first_of(places, most)] == shown(*products, most=most)
    groups = [product.item_group_id or product.id for product in first_of(places, most)]
    assert len(groups) == len(set(groups))
