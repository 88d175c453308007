"""Catalogs: written beside the current one, swapped whole, and nothing is left lying about."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from adserver.model.product import Availability, Product
from adserver.storage.valkey import keys
from adserver.storage.valkey.catalog_reader import ValkeyCatalogReader
from adserver.storage.valkey.catalog_writer import ValkeyCatalogWriter
from adserver.storage.valkey.catalogs import ValkeyCatalogs
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.hot import HotValkey
from tests.contract.hot_link import hot_to

pytest_plugins = ["tests.contract.valkey_server", "tests.contract.redis_server"]
pytestmark = pytest.mark.anyio

REF = 3


@pytest.fixture(params=["valkey", "redis"])
def valkey_url(request: pytest.FixtureRequest, valkey_url: str) -> str:
    return valkey_url if request.param == "valkey" else str(request.getfixturevalue("redis_url"))


@pytest.fixture
async def hot(valkey: Valkey, valkey_url: str) -> AsyncIterator[HotValkey]:
    """The hot path's client of the emptied server."""
    async with hot_to(valkey_url) as client:
        yield client


def product(product_id: str, title: str = "Shoe") -> Product:
    return Product(
        id=product_id,
        title=title,
        link=f"https://shop.test/p/{product_id}",
        image_link="",
        price=19_900_000,
        currency="EUR",
        sale_price=9_900_000,
        availability=Availability.PREORDER,
        brand="B",
        item_group_id="G",
    )


async def written(valkey: Valkey, ids: Sequence[str], ref: int = REF, title: str = "Shoe") -> ValkeyCatalogWriter:
    """The write is done when this returns: one write waits for the one before."""
    writer = await ValkeyCatalogs(valkey).begin(ref)
    for products in ([product(i, title) for i in ids], [product(ids[-1], title)]):
        await writer.add(products)
    return writer


async def versions(valkey: Valkey) -> dict[bytes, set[bool]]:
    """The versions that there are, and whether their keys have a time to live."""
    found: dict[bytes, set[bool]] = {}
    async for key in valkey.redis.scan_iter(match="catalog:*"):
        found.setdefault(key.split(b":")[2], set()).add(await valkey.redis.ttl(key) > 0)
    return found


async def lasting(valkey: Valkey) -> list[bytes]:
    """Versions that would stay for ever."""
    return [version for version, ends in (await versions(valkey)).items() if ends == {False}]


async def test_products_come_back_as_they_went_in(valkey: Valkey, hot: HotValkey) -> None:
    await (await written(valkey, ["a", "größe", "x:y"])).swap(unless_swapped_since=False)
    reader = ValkeyCatalogReader(hot)
    await reader.refresh()
    found = await reader.products(REF, ["x:y", "gone", "größe", "a"])
    assert found == {i: product(i) for i in ("x:y", "größe", "a")}
    assert await reader.products(REF + 1, ["a"]) == {}


async def test_a_new_catalog_shows_after_the_swap_and_the_refresh(valkey: Valkey, hot: HotValkey) -> None:
    reader = ValkeyCatalogReader(hot)
    await (await written(valkey, ["a", "b"])).swap(unless_swapped_since=False)
    await reader.refresh()
    assert set(await reader.products(REF, ["a", "b", "c"])) == {"a", "b"}
    writer = await written(valkey, ["b", "c"], title="New")
    await reader.refresh()
    assert set(await reader.products(REF, ["a", "b", "c"])) == {"a", "b"}
    await writer.swap(unless_swapped_since=False)
    assert set(await reader.products(REF, ["a", "b", "c"])) == {"a", "b"}
    await reader.refresh()
    found = await reader.products(REF, ["a", "b", "c"])
    assert (set(found), found["b"].title) == ({"b", "c"}, "New")


async def test_the_replaced_catalog_goes_a_minute_later(valkey: Valkey) -> None:
    await (await written(valkey, ["a"])).swap(unless_swapped_since=False)
    (before,) = await lasting(valkey)
    await (await written(valkey, ["b"])).swap(unless_swapped_since=False)
    for key in keys.catalog(REF, int(before)):
        assert 0 < await valkey.redis.ttl(key) <= 60
    assert len(await lasting(valkey)) == 1
    assert len(await versions(valkey)) == 2


async def test_half_an_import_has_a_time_to_live(valkey: Valkey) -> None:
    await written(valkey, ["a", "b"])
    found = [key async for key in valkey.redis.scan_iter(match="catalog:*")]
    assert len(found) == 2  # products and groups
    assert all([0 < await valkey.redis.ttl(key) <= 3_600 for key in found])
    assert await ValkeyCatalogs(valkey).count(REF) == 0


async def test_a_discarded_import_leaves_nothing(valkey: Valkey) -> None:
    await (await written(valkey, ["a"])).swap(unless_swapped_since=False)
    await (await written(valkey, ["b", "c"])).discard()
    assert await ValkeyCatalogs(valkey).count(REF) == 1
    assert len(await versions(valkey)) == 1


async def test_the_slower_one_gives_way_when_it_said_so(valkey: Valkey) -> None:
    slow, quick = await written(valkey, ["slow"]), await written(valkey, ["quick", "too"], title="Quick")
    assert await quick.swap(unless_swapped_since=True)
    assert not await slow.swap(unless_swapped_since=True)
    assert await ValkeyCatalogs(valkey).count(REF) == 2
    assert len(await versions(valkey)) == 1


async def test_of_many_that_give_way_one_wins(valkey: Valkey) -> None:
    writers = [await written(valkey, [f"p{n}"], title=str(n)) for n in range(10)]
    swapped = await asyncio.gather(*(writer.swap(unless_swapped_since=True) for writer in writers))
    assert swapped.count(True) == 1
    assert len(await lasting(valkey)) == 1


async def test_the_later_swap_wins_and_the_earlier_is_not_left_behind(valkey: Valkey) -> None:
    """Two imports by hand at a time: both began before either had finished."""
    await (await written(valkey, ["old"])).swap(unless_swapped_since=False)
    writers = [await written(valkey, [f"p{n}"] * (n + 1)) for n in range(6)]
    assert all(await asyncio.gather(*(writer.swap(unless_swapped_since=False) for writer in writers)))
    assert len(await lasting(valkey)) == 1
    assert await ValkeyCatalogs(valkey).count(REF) == 1


async def test_what_a_worker_holds_is_bounded(valkey: Valkey, hot: HotValkey) -> None:
    await (await written(valkey, [f"p{n}" for n in range(100)])).swap(unless_swapped_since=False)
    reader = ValkeyCatalogReader(hot, cached_bytes=20_000)
    await reader.refresh()
    for begin in range(0, 100, 20):
        ids = [f"p{n}" for n in range(begin, begin + 20)]
        assert set(await reader.products(REF, ids)) == set(ids)
        # Partly held, partly read again.
        assert set(await reader.products(REF, ids)) == set(ids)
        assert reader.cached_bytes < 22_000
    assert set(await reader.products(REF, [f"nothing-{n}" for n in range(1_000)])) == set()
    assert 0 < reader.cached_bytes < 22_000


async def test_held_products_need_no_store(valkey: Valkey, hot: HotValkey) -> None:
    await (await written(valkey, ["a"])).swap(unless_swapped_since=False)
    reader = ValkeyCatalogReader(hot)
    await reader.refresh()
    await reader.products(REF, ["a", "gone"])
    await valkey.redis.flushall()
    assert await reader.products(REF, ["a", "gone"]) == {"a": product("a")}


async def test_swaps_count_over_all_advertisers(valkey: Valkey, hot: HotValkey) -> None:
    reader = ValkeyCatalogReader(hot)
    assert reader.swaps == -1
    await reader.refresh()
    assert reader.swaps == 0
    for ref in (1, 2, 1):
        await (await written(valkey, [f"p{ref}"], ref=ref)).swap(unless_swapped_since=False)
    await reader.refresh()
    assert reader.swaps == 3
    assert await valkey.redis.hget(keys.CATALOGS, "swaps") == b"3"


async def test_a_swap_is_noticed_when_the_count_began_anew_between_two_looks(valkey: Valkey, hot: HotValkey) -> None:
    reader = ValkeyCatalogReader(hot)
    await (await written(valkey, ["a"])).swap(unless_swapped_since=False)
    await reader.refresh()
    await valkey.redis.flushall()  # it came back empty
    await (await written(valkey, ["b"])).swap(unless_swapped_since=False)
    await reader.refresh()
    assert set(await reader.products(REF, ["a", "b"])) == {"b"}
