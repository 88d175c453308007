"""An item group's name gives one of its products."""

from typing import cast

import pytest

from adserver.storage.valkey import keys
from adserver.storage.valkey.catalog_reader import ValkeyCatalogReader
from adserver.storage.valkey.catalogs import ValkeyCatalogs
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.hot import HotValkey
from tests.contract.catalog_steps import OUT, REF, import_of, product

pytest_plugins = ["tests.contract.valkey_server", "tests.contract.redis_server", "tests.contract.catalog_server"]
pytestmark = pytest.mark.anyio


@pytest.fixture(params=["valkey", "redis"])
def valkey_url(request: pytest.FixtureRequest, valkey_url: str) -> str:
    return valkey_url if request.param == "valkey" else str(request.getfixturevalue("redis_url"))


async def reader_of(hot: HotValkey) -> ValkeyCatalogReader:
    reader = ValkeyCatalogReader(hot)
    await reader.refresh()
    return reader


async def test_one_in_stock_is_preferred(catalogs: ValkeyCatalogs, hot: HotValkey) -> None:
    await import_of(
        catalogs,
        [
            product("shoe-38", item_group_id="shoe", availability=OUT),
            product("shoe-39", item_group_id="shoe"),
            product("hat-1", item_group_id="hat", availability=OUT),
            product("hat-2", item_group_id="hat", availability=OUT),
            product("größe:1", item_group_id="größe"),
            product("alone"),
        ],
    )
    reader = await reader_of(hot)
    asked = ["alone", "shoe", "nobody", "hat", "größe", "", "shoe-38"]
    for _ in range(2):  # read, then held
        found = await reader.products(REF, asked)
        assert list(found) == ["alone", "shoe", "hat", "größe", "shoe-38"]
        assert [one.id for one in found.values()] == ["alone", "shoe-39", "hat-1", "größe:1", "shoe-38"]


async def test_a_product_goes_before_a_group_of_its_name(catalogs: ValkeyCatalogs, hot: HotValkey) -> None:
    """Whether it comes before its group's other products or behind them, and in a later write."""
    writer = await catalogs.begin(REF)
    await writer.add([product("early", item_group_id="early"), product("early-2", item_group_id="early")])
    await writer.add([product("late-1", item_group_id="late")])
    await writer.add([product("late", availability=OUT), product("late-2", item_group_id="late")])
    assert await writer.swap(unless_swapped_since=False)
    found = await (await reader_of(hot)).products(REF, ["early", "late", "late-2"])
    assert {asked: one.id for asked, one in found.items()} == {"early": "early", "late": "late", "late-2": "late-2"}


async def test_a_big_group_takes_little_and_has_one_in_stock(
    catalogs: ValkeyCatalogs, valkey: Valkey, hot: HotValkey
) -> None:
    writer = await catalogs.begin(REF)
    for first in range(0, 900, 300):
        ids = range(first, first + 300)
        await writer.add([product(f"s{n}", item_group_id="s", availability=OUT) for n in ids if n != 777])
        await writer.add([product(f"s{n}", item_group_id="s") for n in ids if n in (777, 778)])
        await writer.add([product("s1", item_group_id="s", availability=OUT)])  # once more
    assert await writer.swap(unless_swapped_since=False)
    version = int(await valkey.redis.hget(keys.CATALOGS, str(REF)) or 0)
    members = cast("bytes", await valkey.redis.hget(keys.groups(REF, version), "s")).decode()
    assert members[1:].split("\n") == [*(f"s{n}" for n in range(7)), "s777"]
    assert (await (await reader_of(hot)).products(REF, ["s"]))["s"].id == "s777"


async def test_a_size_that_sells_out_gives_way_to_another(catalogs: ValkeyCatalogs, hot: HotValkey) -> None:
    await import_of(catalogs, [product(f"shoe-{n}", item_group_id="shoe") for n in (38, 39)])
    reader = await reader_of(hot)
    assert (await reader.products(REF, ["shoe"]))["shoe"].id == "shoe-38"
    await catalogs.patch(REF, "shoe-38", lambda shoe: shoe._replace(availability=OUT))
    await reader.refresh()
    assert (await reader.products(REF, ["shoe"]))["shoe"].id == "shoe-39"


async def test_a_group_is_the_very_product_that_its_id_gives(catalogs: ValkeyCatalogs, hot: HotValkey) -> None:
    """What is made of a product is kept for that one object."""
    await import_of(catalogs, [product("shoe-38", item_group_id="shoe")])
    reader = await reader_of(hot)
    one = (await reader.products(REF, ["shoe-38"]))["shoe-38"]
    assert (await reader.products(REF, ["shoe"]))["shoe"] is one
    other = await reader_of(hot)
    two = (await other.products(REF, ["shoe"]))["shoe"]
    assert (await other.products(REF, ["shoe-38"]))["shoe-38"] is two


async def test_how_often_the_store_is_asked(catalogs: ValkeyCatalogs, valkey: Valkey, hot: HotValkey) -> None:
    await import_of(catalogs, [product(f"p{n}") for n in range(20)] + [product("shoe-1", item_group_id="shoe")])
    reader = await reader_of(hot)

    async def asked(*ids: str) -> int:
        await valkey.redis.config_resetstat()
        await reader.products(REF, ids)
        stats = await valkey.redis.info("commandstats")
        return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("hmget", "get", "fcall"))

    assert await asked("p1", "p2", "p3") == 2  # and what they are compressed with, once
    assert await asked(*(f"p{n}" for n in range(1, 20))) == 1
    assert await asked(*(f"p{n}" for n in range(1, 20))) == 0
    assert await asked("nothing", "p1") == 2
    assert await asked("nothing", "p1") == 0
    assert await asked("shoe", "p0") == 3
    assert await asked("shoe", "p0", "shoe-1") == 0
