"""What an import finds out about the catalog that it replaces, and what becomes of one that breaks off."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from adserver.model.product import Product
from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.valkey import keys
from adserver.storage.valkey.catalog_reader import ValkeyCatalogReader
from adserver.storage.valkey.catalogs import ValkeyCatalogs
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.hot import HotValkey
from tests.contract.catalog_steps import REF, import_of, product
from tests.contract.shop_products import Shop

pytest_plugins = ["tests.contract.valkey_server", "tests.contract.redis_server", "tests.contract.catalog_server"]
pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["valkey", "redis"])
def valkey_url(request: pytest.FixtureRequest, valkey_url: str) -> str:
    return valkey_url if request.param == "valkey" else str(request.getfixturevalue("redis_url"))


async def test_a_shop_goes_in_whole_and_comes_out_whole(catalogs: ValkeyCatalogs, hot: HotValkey) -> None:
    shop = list(Shop().products(1_200))
    writer = await catalogs.begin(REF)
    for first in range(0, 1_200, 500):
        await writer.add(shop[first : first + 500])
    assert await writer.swap(unless_swapped_since=True)
    reader = ValkeyCatalogReader(hot)
    await reader.refresh()
    assert dict(await reader.products(REF, [one.id for one in shop])) == {one.id: one for one in shop}
    assert (await catalogs.count(REF), writer.repeated) == (1_200, 0)


async def test_an_import_is_told_what_it_replaces(catalogs: ValkeyCatalogs) -> None:
    writer = await catalogs.begin(REF)
    assert (await writer.current(["p1"]), await writer.current_size()) == ({}, 0)
    shop = list(Shop().products(400))
    await import_of(catalogs, shop)
    writer = await catalogs.begin(REF)
    await import_of(catalogs, [product("other")])  # another one is quicker: what was compared so far stays
    assert await writer.current_size() == 400
    old = await writer.current([shop[7].id, "new", shop[300].id])
    assert old == {one.id: one for one in (shop[7], shop[300])}
    assert old[shop[7].id].history
    assert await writer.current([]) == {}


async def test_the_last_of_an_id_stays_and_the_others_are_counted(catalogs: ValkeyCatalogs, hot: HotValkey) -> None:
    writer = await catalogs.begin(REF)
    await writer.add([product(f"p{n}") for n in range(400)])
    await writer.add([product("p3", title="Second"), product("new"), product("p3", title="Third")])
    assert await writer.swap(unless_swapped_since=False)
    assert writer.repeated == 2
    reader = ValkeyCatalogReader(hot)
    await reader.refresh()
    assert (await reader.products(REF, ["p3"]))["p3"].title == "Third"


async def test_a_feed_is_as_fresh_as_it_was_looked_at(catalogs: ValkeyCatalogs, hot: HotValkey) -> None:
    reader = ValkeyCatalogReader(hot)
    await reader.refresh()
    assert not await catalogs.touch(REF, 500)
    await import_of(catalogs, [product("a")], checked_at=1_000)
    await reader.refresh()
    assert [reader.checked_at(ref) for ref in (REF, REF + 1)] == [1_000, 0]
    assert await catalogs.touch(REF, 2_000)
    assert await catalogs.touch(REF, 1_500)  # it came late
    await reader.refresh()
    assert (reader.checked_at(REF), reader.swaps) == (2_000, 1)
    await import_of(catalogs, [product("a")])
    await reader.refresh()
    assert abs(reader.checked_at(REF) - time.time()) < 60


async def test_an_advertiser_that_is_gone_shows_nothing(catalogs: ValkeyCatalogs, hot: HotValkey) -> None:
    reader = ValkeyCatalogReader(hot)
    await import_of(catalogs, [product("a")])
    await reader.refresh()
    assert await reader.products(REF, ["a"])
    await catalogs.tidy([REF + 1])
    await reader.refresh()
    assert (await reader.products(REF, ["a"]), reader.checked_at(REF)) == ({}, 0)


async def test_a_write_that_failed_is_never_swapped(catalogs: ValkeyCatalogs, valkey: Valkey) -> None:
    await import_of(catalogs, [product("a")])
    writer = await catalogs.begin(REF)
    await writer.add([product("b")])
    (half,) = [key async for key in valkey.redis.scan_iter(match="catalog:*") if await valkey.redis.ttl(key) > 0]
    await valkey.redis.set(half, "no hash")
    await writer.add([product("c")])
    with pytest.raises(StoreUnavailable):
        await writer.swap(unless_swapped_since=False)
    await writer.discard()
    assert await catalogs.count(REF) == 1
    assert not await valkey.redis.exists(half)


async def test_half_a_catalog_is_never_swapped(catalogs: ValkeyCatalogs, valkey: Valkey) -> None:
    """Valkey came back empty, or took a very long time."""
    writer = await catalogs.begin(REF)
    await writer.add([product("a"), product("b")])
    await writer.add([product("c")])
    await valkey.redis.flushall()
    await import_of(catalogs, [product("other")])
    await writer.add([product("d")])
    with pytest.raises(StoreUnavailable, match="lost a part of the catalog"):
        await writer.swap(unless_swapped_since=False)
    await writer.discard()
    assert await catalogs.count(REF) == 1


def import_and_kill(url: str) -> None:
    """An import ends in the middle, as a crash ends it."""
    command = [sys.executable, "-m", "tests.contract.endless_import", url, str(REF)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as importer:
        assert importer.stdout is not None
        while importer.stdout.readline() != b"5000\n":
            assert importer.poll() is None
        importer.kill()


async def test_a_killed_import_leaves_the_old_catalog(
    catalogs: ValkeyCatalogs, valkey: Valkey, valkey_url: str, hot: HotValkey
) -> None:
    await import_of(catalogs, [product("a")])
    import_and_kill(valkey_url)
    reader = ValkeyCatalogReader(hot)
    await reader.refresh()
    found: dict[str, Product] = dict(await reader.products(REF, ["a", "endless-1"]))
    assert found == {"a": product("a")}
    lasting = [key async for key in valkey.redis.scan_iter(match="catalog:*") if await valkey.redis.ttl(key) == -1]
    assert sorted(lasting) == sorted(key.encode() for key in keys.catalog(REF, await _version(valkey))[::2])
    await import_of(catalogs, [product("b")])
    assert await catalogs.count(REF) == 1


async def _version(valkey: Valkey) -> int:
    return int(await valkey.redis.hget(keys.CATALOGS, str(REF)) or 0)


async def test_what_an_earlier_server_wrote_is_no_catalog(
    catalogs: ValkeyCatalogs, valkey: Valkey, hot: HotValkey
) -> None:
    """Its products were packed otherwise, under another name. Nothing breaks, and the next import is a first one."""
    await valkey.redis.hset(keys.CATALOGS, mapping={str(REF): "7", "swaps": "1", "latest": "7"})
    await valkey.redis.hset(keys.legacy_catalog(REF, 7), "a", b'["Shoe","https://shop.test/","",1,"EUR",null,0,"",""]')
    reader = ValkeyCatalogReader(hot)
    await reader.refresh()
    assert await reader.products(REF, ["a"]) == {}
    assert await catalogs.count(REF) == 0
    assert await catalogs.patch(REF, "a", lambda shoe: shoe._replace(price=2)) is None
    writer = await catalogs.begin(REF)
    assert (await writer.current(["a"]), await writer.current_size()) == ({}, 0)
    await writer.add([product("a")])
    assert await writer.swap(unless_swapped_since=True)
    await reader.refresh()
    assert set(await reader.products(REF, ["a"])) == {"a"}
    assert 0 < await valkey.redis.ttl(keys.legacy_catalog(REF, 7)) <= 60


async def test_an_earlier_server_sees_no_products_of_ours(catalogs: ValkeyCatalogs, valkey: Valkey) -> None:
    """It asks for the version under the name that it knows, and every field of the table of versions is a number."""
    await import_of(catalogs, [product("a")])
    table = await valkey.redis.hgetall(keys.CATALOGS)
    assert {int(value) >= 0 for value in table.values()} == {True}
    assert {name for name in table if not name.isdigit()} == {b"swaps", b"latest"}
    assert not await valkey.redis.exists(keys.legacy_catalog(REF, int(table[str(REF).encode()])))
