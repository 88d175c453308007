"""What a worker holds is bounded by bytes, whatever the catalogs are like."""

import gc
import random
import tracemalloc

import pytest

from adserver.model.product import Product
from adserver.storage.valkey.product_cache import ProductCache, Shelf, weight
from adserver.storage.valkey.product_codec import ProductCodec
from tests.contract.shop_products import Shop

SHOP = list(Shop().products(2_000))
CODEC = ProductCodec()
PACKED = [(product.id, CODEC.pack(product)) for product in SHOP]


def _sum(shelf: Shelf) -> int:
    return sum(weight(product_id, product) for product_id, product in [*shelf.young.items(), *shelf.old.items()])


def read(number: int) -> Product:
    """As a worker has it: texts of its own."""
    product_id, packed = PACKED[number % len(PACKED)]
    return CODEC.unpack(product_id + f"-{number}", packed)


def test_what_was_not_used_for_long_goes_first() -> None:
    cache = ProductCache(40_000)
    shelf = cache.shelf(1, 7)
    cache.hold(shelf, "loved", read(0))
    for number in range(1, 200):
        cache.hold(shelf, f"p{number}", read(number))
        assert cache.find(shelf, ["loved"])
        assert cache.weight <= 40_000
    assert cache.find(shelf, ["p199"])
    assert not cache.find(shelf, ["p1"])


def test_another_version_holds_nothing_of_the_one_before() -> None:
    cache = ProductCache(40_000)
    before = cache.shelf(1, 7)
    cache.hold(before, "a", read(0))
    after = cache.shelf(1, 8)
    assert not cache.find(after, ["a"])
    cache.hold(before, "late", read(1))  # it was being read while the catalogs were swapped
    assert not cache.find(after, ["late"])
    cache.clear(1)
    assert cache.weight == 0


def test_the_weights_add_up_whatever_happens() -> None:
    dice = random.Random(4)
    cache = ProductCache(60_000)
    for number in range(5_000):
        ref, product_id = dice.randrange(20), f"p{dice.randrange(60)}"
        shelf = cache.shelf(ref, dice.choice((1, 1, 1, 1, 1, 1, 2)))
        what = dice.random()
        if what < 0.5:
            cache.hold(shelf, product_id, read(number) if what < 0.4 else None)
        elif what < 0.6:
            cache.hold_head(shelf, bytes(dice.randrange(4_096)))
        elif what < 0.9:
            cache.find(shelf, [product_id, "p1"])
        elif what < 0.95:
            cache.drop(ref, product_id, "p2")
        else:
            cache.clear(ref)
        assert cache.weight == sum(shelf.young_bytes + shelf.old_bytes for shelf in cache.shelves.values())
        assert cache.weight <= 60_000 + 2_000
    for shelf in cache.shelves.values():
        assert _sum(shelf) <= shelf.young_bytes + shelf.old_bytes
    for ref in range(20):
        cache.clear(ref)
    assert cache.weight == 0


@pytest.mark.parametrize(
    ("shops", "each", "kind"),
    [(1, 6_000, "usual"), (2_000, 3, "usual"), (20, 300, "none"), (3, 400, "fat")],
)
def test_it_takes_no_more_than_it_says(shops: int, each: int, kind: str) -> None:
    """Measured by the interpreter itself: the bound holds, and is not wasted on guesses."""
    limit = 3_000_000
    gc.collect()
    tracemalloc.start()
    try:
        cache = ProductCache(limit)
        for number in range(shops * each):
            shelf = cache.shelf(number % shops, 1)
            product = read(number)
            if kind == "fat":
                product = product._replace(more_images=tuple(f"https://cdn.example/{n}" * 40 for n in range(10)))
            cache.hold(shelf, product.id, None if kind == "none" else product)
        del product, shelf
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    print(f"{kind}, {shops} shops: {cache.weight:,} bytes counted, {taken:,} taken")
    assert cache.weight <= limit
    assert 0.45 * cache.weight < taken <= cache.weight
