"""One product changed: at once, for all workers, and for the imports that run."""

import asyncio

import pytest

from adserver.model.product import Product
from adserver.storage.valkey import keys
from adserver.storage.valkey.catalog_reader import ValkeyCatalogReader
from adserver.storage.valkey.catalogs import ValkeyCatalogs
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.hot import HotValkey
from tests.contract.catalog_steps import OUT, REF, import_of, product
from tests.contract.hot_link import hot_to

pytest_plugins = ["tests.contract.valkey_server", "tests.contract.redis_server", "tests.contract.catalog_server"]
pytestmark = pytest.mark.anyio


@pytest.fixture(params=["valkey", "redis"])
def valkey_url(request: pytest.FixtureRequest, valkey_url: str) -> str:
    return valkey_url if request.param == "valkey" else str(request.getfixturevalue("redis_url"))


def sold_out(shoe: Product) -> Product:
    return shoe._replace(availability=OUT)


async def looked_up(reader: ValkeyCatalogReader, *ids: str) -> list[Product]:
    return list((await reader.products(REF, ids)).values())


async def test_all_workers_see_it_with_their_next_look(
    catalogs: ValkeyCatalogs, valkey: Valkey, valkey_url: str, hot: HotValkey
) -> None:
    await import_of(catalogs, [product("a"), product("b")])
    async with hot_to(valkey_url) as other:
        workers = [ValkeyCatalogReader(hot), ValkeyCatalogReader(other)]
        for worker in workers:
            await worker.refresh()
            assert await looked_up(worker, "a", "b") == [product("a"), product("b")]
        patched = await catalogs.patch(REF, "a", sold_out)
        assert patched == product("a", availability=OUT)
        await valkey.redis.config_resetstat()
        for worker in workers:
            await worker.refresh()
            assert await looked_up(worker, "a", "b") == [patched, product("b")]
        # The table of catalogs was not read again, and of the products only the one.
        stats = await valkey.redis.info("commandstats")
        assert "cmdstat_hgetall" not in stats
        assert stats["cmdstat_hmget"]["calls"] == 2


async def test_what_is_not_there_is_not_patched(catalogs: ValkeyCatalogs, valkey: Valkey) -> None:
    assert await catalogs.patch(REF, "a", sold_out) is None
    await import_of(catalogs, [product("a")])
    before = await valkey.redis.xlen(keys.CHANGES)
    assert await catalogs.patch(REF, "b", sold_out) is None
    assert await catalogs.patch(REF + 1, "a", sold_out) is None

    def breaks(_shoe: Product) -> Product:
        raise ValueError("not like that")

    with pytest.raises(ValueError, match="not like that"):
        await catalogs.patch(REF, "a", breaks)
    assert await valkey.redis.xlen(keys.CHANGES) == before
    assert await valkey.redis.exists(keys.patches(REF)) == 0
    assert (await catalogs.begin(REF)).repeated == 0


async def test_a_product_keeps_its_id(catalogs: ValkeyCatalogs) -> None:
    await import_of(catalogs, [product("a")])
    assert await catalogs.patch(REF, "a", lambda shoe: shoe._replace(id="b", price=1)) == product("a", price=1)


async def test_of_many_patches_at_once_none_is_lost(catalogs: ValkeyCatalogs, hot: HotValkey) -> None:
    await import_of(catalogs, [product("a", price=0), product("b")])
    await asyncio.gather(
        *(catalogs.patch(REF, "a", lambda shoe: shoe._replace(price=shoe.price + 1)) for _ in range(60))
    )
    reader = ValkeyCatalogReader(hot)
    await reader.refresh()
    assert await looked_up(reader, "a") == [product("a", price=60)]


async def test_an_import_that_runs_keeps_what_is_patched(catalogs: ValkeyCatalogs, hot: HotValkey) -> None:
    names = [f"p{n}" for n in range(700)]
    await import_of(catalogs, [product(name) for name in names])
    await catalogs.patch(REF, "p1", lambda shoe: shoe._replace(price=5))
    writer = await catalogs.begin(REF)
    await writer.add([product(name, title="New") for name in names[:350]])
    await catalogs.patch(REF, "p2", lambda shoe: shoe._replace(price=6))
    await catalogs.patch(REF, "p2", sold_out)
    await catalogs.patch(REF, "p600", lambda shoe: shoe._replace(price=7))
    await catalogs.patch(REF, "p699", sold_out)
    await writer.add([product(name, title="New") for name in names[350:-1]])
    assert await writer.swap(unless_swapped_since=True)
    reader = ValkeyCatalogReader(hot)
    await reader.refresh()
    assert await looked_up(reader, "p1", "p2", "p600", "p699") == [
        product("p1", title="New"),  # the import began after that patch
        product("p2", title="New", price=6, availability=OUT),
        product("p600", title="New", price=7),
    ]
    await import_of(catalogs, [product(name) for name in names])
    await reader.refresh()
    assert await looked_up(reader, "p2", "p600") == [product("p2"), product("p600")]


async def test_what_a_patch_says_counts_also_where_it_changes_nothing(catalogs: ValkeyCatalogs, hot: HotValkey) -> None:
    """Sold out already, says the shop, while a feed from before is being imported."""
    await import_of(catalogs, [product("a", availability=OUT)])
    writer = await catalogs.begin(REF)
    await writer.add([product("a", title="New")])
    await catalogs.patch(REF, "a", sold_out, says=("availability",))
    assert await writer.swap(unless_swapped_since=True)
    reader = ValkeyCatalogReader(hot)
    await reader.refresh()
    assert await looked_up(reader, "a") == [product("a", title="New", availability=OUT)]


async def test_patches_are_told_for_an_hour(catalogs: ValkeyCatalogs, valkey: Valkey) -> None:
    await import_of(catalogs, [product("a")])
    await valkey.redis.xadd(keys.patches(REF), {"id": "old", "change": "{}"}, id="1000-0")
    for _ in range(200):  # a server trims a whole page of them at a time
        await valkey.redis.xadd(keys.patches(REF), {"id": "old", "change": "{}"}, id="1000-*")
    await catalogs.patch(REF, "a", sold_out)
    assert await valkey.redis.xlen(keys.patches(REF)) <= 101
    assert 3_500 < await valkey.redis.ttl(keys.patches(REF)) <= 3_600


async def test_a_worker_that_missed_too_much_forgets_everything(
    catalogs: ValkeyCatalogs, valkey: Valkey, hot: HotValkey
) -> None:
    await import_of(catalogs, [product("a"), product("b")])
    reader = ValkeyCatalogReader(hot)
    await reader.refresh()
    assert await looked_up(reader, "a", "b") == [product("a"), product("b")]
    await catalogs.patch(REF, "a", sold_out)
    async with valkey.redis.pipeline(transaction=False) as pipe:
        for _ in range(6_000):
            pipe.xadd(keys.CHANGES, {"ref": 9, "id": "x", "group": ""}, maxlen=4_096, approximate=True)
        await pipe.execute()
    assert await valkey.redis.xlen(keys.CHANGES) < 4_400
    await reader.refresh()
    assert await looked_up(reader, "a", "b") == [product("a", availability=OUT), product("b")]


async def test_many_changes_come_one_look_after_the_other(
    catalogs: ValkeyCatalogs, valkey: Valkey, hot: HotValkey
) -> None:
    await import_of(catalogs, [product("a")])
    reader = ValkeyCatalogReader(hot)
    await reader.refresh()
    async with valkey.redis.pipeline(transaction=False) as pipe:
        for _ in range(3_000):
            pipe.xadd(keys.CHANGES, {"ref": 9, "id": "x", "group": ""})
        await pipe.execute()
    await looked_up(reader, "a")
    await catalogs.patch(REF, "a", sold_out)
    await reader.refresh()
    await reader.refresh()
    assert await looked_up(reader, "a") == [product("a", availability=OUT)]
