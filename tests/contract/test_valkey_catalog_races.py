"""Imports, patches and readers, all at once."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from adserver.model.product import Product
from adserver.storage.valkey.catalog_reader import ValkeyCatalogReader
from adserver.storage.valkey.catalogs import ValkeyCatalogs
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.hot import HotValkey
from tests.contract.catalog_steps import REF, import_of, product
from tests.contract.hot_link import hot_to

pytest_plugins = ["tests.contract.valkey_server", "tests.contract.redis_server", "tests.contract.catalog_server"]
pytestmark = pytest.mark.anyio

NAMES = [f"p{n}" for n in range(120)]


@pytest.fixture(params=["valkey", "redis"])
def valkey_url(request: pytest.FixtureRequest, valkey_url: str) -> str:
    return valkey_url if request.param == "valkey" else str(request.getfixturevalue("redis_url"))


def priced(price: int) -> Callable[[Product], Product]:
    return lambda shoe: shoe._replace(price=price)


async def imported(catalogs: ValkeyCatalogs, title: str) -> None:
    writer = await catalogs.begin(REF)
    for first in range(0, len(NAMES), 40):
        await writer.add([product(name, title=title) for name in NAMES[first : first + 40]])
    assert await writer.swap(unless_swapped_since=False)


async def test_every_read_is_wholly_old_or_wholly_new(catalogs: ValkeyCatalogs, valkey_url: str) -> None:
    """Two importers take turns as they like; three workers look and read all the time, each with a small memory."""
    await imported(catalogs, "0")
    titles: set[str] = set()
    done = asyncio.Event()

    async def import_many(importer: int) -> None:
        for number in range(25):
            await imported(catalogs, f"{importer}-{number}")

    async def read_many(seed: int) -> int:
        dice, reads = random.Random(seed), 0
        async with hot_to(valkey_url) as hot:
            reader = ValkeyCatalogReader(hot, cached_bytes=30_000)
            while not done.is_set() or not reads:
                await reader.refresh()
                for _ in range(5):
                    ids = dice.sample(NAMES, 12)
                    found = await reader.products(REF, ids)
                    assert set(found) == set(ids)
                    (title,) = {one.title for one in found.values()}
                    titles.add(title)
                    reads += 1
        return reads

    async def all_imports() -> int:
        await asyncio.gather(import_many(1), import_many(2))
        done.set()
        return 0

    reads = await asyncio.gather(read_many(1), read_many(2), read_many(3), all_imports())
    assert sum(reads) > 50
    assert len(titles) > 5


async def test_no_patch_is_lost_to_an_import_that_began_before(catalogs: ValkeyCatalogs, hot: HotValkey) -> None:
    """Patches go on while one import after the other is swapped in. In the end each product has its last patch, unless
    the last import began behind it."""
    await imported(catalogs, "0")
    steps, done = iter(range(10**9)), asyncio.Event()
    began: list[int] = []
    last: dict[str, int] = {}

    async def import_many() -> None:
        for number in range(12):
            writer = await catalogs.begin(REF)
            began.append(next(steps))
            await asyncio.sleep(0)
            for first in range(0, len(NAMES), 15):
                await writer.add([product(name, title=str(number)) for name in NAMES[first : first + 15]])
            assert await writer.swap(unless_swapped_since=True)
        done.set()

    async def patch_many(mine: list[str]) -> None:
        dice = random.Random(mine[0])
        while not done.is_set():
            name, step = dice.choice(mine), next(steps)
            assert await catalogs.patch(REF, name, priced(step), says=["price"])
            last[name] = step

    await asyncio.gather(import_many(), *(patch_many(NAMES[n::4]) for n in range(4)))
    reader = ValkeyCatalogReader(hot)
    await reader.refresh()
    found = await reader.products(REF, NAMES)
    assert {one.title for one in found.values()} == {"11"}
    certain = 0
    for name, sent in last.items():
        if sent > began[-1]:
            certain += 1
            assert found[name].price == sent
        else:
            assert found[name].price in (sent, product("").price)
    assert certain > 10


async def test_what_a_worker_holds_is_what_is_there(catalogs: ValkeyCatalogs, hot: HotValkey) -> None:
    """Reads are under way while products change; whatever they brought, after the next look all is as it is."""
    await imported(catalogs, "0")
    reader = ValkeyCatalogReader(hot)
    await reader.refresh()
    for number in range(150):
        name = NAMES[number % 3]
        under_way: list[Awaitable[object]] = [reader.products(REF, NAMES[:3]) for _ in range(3)]
        patching = catalogs.patch(REF, name, priced(number))
        await asyncio.gather(*under_way, patching, reader.refresh(), reader.products(REF, NAMES[:3]))
        await reader.refresh()
        assert (await reader.products(REF, [name]))[name].price == number


async def test_a_patch_finds_the_version_that_is_current(catalogs: ValkeyCatalogs, valkey: Valkey) -> None:
    """Many imports of one product, and patches of it at the same time: the catalog that is current has the last one."""
    await import_of(catalogs, [product("a", price=0)])

    async def import_many() -> None:
        for _ in range(30):
            writer = await catalogs.begin(REF)
            now = await writer.current(["a"])
            await writer.add([product("a", price=now["a"].price)])
            assert await writer.swap(unless_swapped_since=True)

    async def patch_many() -> None:
        for number in range(1, 101):
            await catalogs.patch(REF, "a", priced(number), says=["price"])

    await asyncio.gather(import_many(), patch_many())
    writer = await catalogs.begin(REF)
    assert (await writer.current(["a"]))["a"].price == 100
