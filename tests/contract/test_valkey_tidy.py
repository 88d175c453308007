"""No catalog stays for ever that nobody reads."""

import pytest

from adserver.model.product import Product
from adserver.storage.valkey import keys
from adserver.storage.valkey.catalogs import ValkeyCatalogs
from adserver.storage.valkey.client import Valkey

pytest_plugins = ["tests.contract.valkey_server"]
pytestmark = pytest.mark.anyio


async def imported(valkey: Valkey, ref: int) -> None:
    writer = await ValkeyCatalogs(valkey).begin(ref)
    await writer.add(
        [Product(id="a", title="A", link="https://shop.test/a", image_link="", price=1_000_000, currency="EUR")]
    )
    assert await writer.swap(unless_swapped_since=False)


async def test_the_catalog_of_an_advertiser_that_is_gone_ends(valkey: Valkey) -> None:
    catalogs = ValkeyCatalogs(valkey)
    await imported(valkey, 1)
    await imported(valkey, 2)
    await catalogs.tidy({2})
    assert await catalogs.count(1) == 0
    assert await catalogs.count(2) == 1
    left = {key: await valkey.redis.ttl(key) async for key in valkey.redis.scan_iter(match="catalog:*")}
    assert {key.split(b":")[1]: ttl > 0 for key, ttl in left.items()} == {b"{1}": True, b"{2}": False}
    assert len(left) == 4
    assert await valkey.redis.hkeys(keys.CHECKED) == [b"2"]


@pytest.mark.parametrize("orphan", [*keys.catalog(1, 7), keys.legacy_catalog(1, 7)])
async def test_a_version_that_an_import_left_behind_ends(valkey: Valkey, orphan: str) -> None:
    await imported(valkey, 1)
    await valkey.redis.hset(orphan, "a", "x")
    await ValkeyCatalogs(valkey).tidy({1})
    assert 0 < await valkey.redis.ttl(orphan) <= 3_600
    assert await ValkeyCatalogs(valkey).count(1) == 1
