"""What a product costs in Valkey, and what a worker holds of many catalogs."""

import gc
import tracemalloc

import pytest

from adserver.storage.valkey import keys
from adserver.storage.valkey.catalog_reader import ValkeyCatalogReader
from adserver.storage.valkey.catalogs import ValkeyCatalogs
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.hot import HotValkey
from tests.contract.catalog_steps import REF, import_of
from tests.contract.shop_products import Shop

pytest_plugins = ["tests.contract.valkey_server", "tests.contract.catalog_server"]
pytestmark = pytest.mark.anyio

BYTES_PER_PRODUCT = 450


@pytest.mark.parametrize(
    "count",
    [
        20_000,
        pytest.param(100_000, marks=pytest.mark.long),
        pytest.param(1_000_000, marks=pytest.mark.long),
    ],
)
async def test_a_product_with_all_that_belongs_to_it(catalogs: ValkeyCatalogs, valkey: Valkey, count: int) -> None:
    before = (await valkey.redis.info("memory"))["used_memory"]
    writer, batch, groups = await catalogs.begin(REF), [], set()
    for product in Shop().products(count):
        groups.add(product.item_group_id)
        batch.append(product)
        if len(batch) == 500:
            await writer.add(batch)
            batch = []
    assert await writer.swap(unless_swapped_since=False)
    version = int(await valkey.redis.hget(keys.CATALOGS, str(REF)) or 0)
    every = [await valkey.redis.memory_usage(key, samples=2_000) or 0 for key in keys.catalog(REF, version)]
    used = (await valkey.redis.info("memory"))["used_memory"] - before
    print(f"{count:,} products: {sum(every) / count:.0f} bytes each by MEMORY USAGE, {used / count:.0f} by used_memory")
    assert await catalogs.count(REF) == count
    assert await valkey.redis.hlen(keys.groups(REF, version)) == len(groups - {""})
    assert sum(every) / count <= BYTES_PER_PRODUCT
    assert used / count <= BYTES_PER_PRODUCT


async def test_a_worker_keeps_to_its_bound_whatever_it_reads(catalogs: ValkeyCatalogs, hot: HotValkey) -> None:
    products = list(Shop().products(200))
    fat = [one._replace(description="long " * 800) for one in products]
    for ref in range(1, 17):
        await import_of(catalogs, fat if ref % 8 == 0 else products, ref=ref)
    ids = [one.id for one in products]
    limit = 800_000
    gc.collect()
    tracemalloc.start()
    try:
        reader = ValkeyCatalogReader(hot, cached_bytes=limit)
        await reader.refresh()
        for first in range(0, 200, 100):
            for ref in range(1, 17):
                asked = [*ids[first : first + 100], *(f"nothing {ref} {n}" for n in range(20)), "G1"]
                assert len(await reader.products(ref, asked)) == 100
                assert reader.cached_bytes <= limit * 1.02
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    print(f"{reader.cached_bytes:,} bytes counted, {taken:,} taken")
    # What packs and unpacks is held for the catalogs used last, and is not part of the bound.
    assert taken <= limit + 500_000
