"""From what visitors did to the products of an ad, with catalog and relations in a real Valkey."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest

from adserver.model.line_item import Fatigue, LineItem
from adserver.model.product import MICROS, Availability, Product
from adserver.model.profile import Shopping, Window
from adserver.model.reason import LineItemReason
from adserver.model.related import Kind, Popular, Standing
from adserver.service.fill_ad import FillAd, Filled
from adserver.storage.valkey.catalog_reader import ValkeyCatalogReader
from adserver.storage.valkey.catalogs import ValkeyCatalogs
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.hot import HotValkey
from adserver.storage.valkey.related import ValkeyRelated
from adserver.storage.valkey.related_reader import ValkeyRelatedReader
from tests.choosing import ENTRY, NOW, REF, ago, booking, design, viewer
from tests.contract.hot_link import hot_to

pytest_plugins = ["tests.contract.valkey_server"]
pytestmark = pytest.mark.anyio

ITEM = LineItem(id="item", campaign="summer", creative="tiles", ref=3, fill_up=True)


def product(name: str, *, group: str = "", stock: bool = True) -> Product:
    availability = Availability.IN_STOCK if stock else Availability.OUT_OF_STOCK
    url = f"https://shop.test/{name}"
    return Product(name, name, url, "", 10 * MICROS, "EUR", availability=availability, item_group_id=group)


CATALOG = [
    product("boots-41", group="boots"),
    product("boots-42", group="boots"),
    product("laces-1m", group="laces", stock=False),
    product("laces-2m", group="laces"),
    product("hat"),
    product("coat"),
    product("wax"),
]


@pytest.fixture
async def hot(valkey: Valkey, valkey_url: str) -> AsyncIterator[HotValkey]:
    writer = await ValkeyCatalogs(valkey).begin(REF)
    await writer.add(CATALOG)
    assert await writer.swap(unless_swapped_since=False, checked_at=NOW)
    related = ValkeyRelated(valkey)
    bought = {"boots": Standing(NOW, 5.0, {"laces": (4.0, 5.0), "wax": (2.5, 5.0), "hat": (2.4, 5.0)})}
    viewed = {"hat": Standing(NOW, 5.0, {"coat": (4.0, 5.0)})}
    await related.save(REF, Kind.BOUGHT, bought, Popular(NOW, {"wax": 9.0, "boots": 5.0}))
    await related.save(REF, Kind.VIEWED, viewed, Popular(NOW, {"hat": 9.0}))
    async with hot_to(valkey_url) as link:
        yield link


@pytest.fixture
async def fill(hot: HotValkey) -> FillAd:
    catalogs = ValkeyCatalogReader(hot)
    await catalogs.refresh()
    return FillAd(catalogs, ValkeyRelatedReader(hot, catalogs), {"tiles": design(4)})


def in_time() -> float:
    return asyncio.get_running_loop().time() + 5.0


async def shown(
    fill: FillAd, item: LineItem, shopping: Shopping, frequency: Mapping[str, tuple[Window, ...]] | None = None
) -> list[str]:
    found = await fill.fill(ENTRY, booking(item), "tiles", viewer(shopping, frequency or {}), in_time())
    assert isinstance(found, Filled), found
    return [f"{product.id} {why.value}" for product, why in zip(found.products, found.why, strict=True)]


async def test_the_ad_after_a_purchase_shows_what_is_bought_with_it(fill: FillAd) -> None:
    before = Shopping({"boots-41": ago(60), "hat": ago(90)})
    assert (await shown(fill, ITEM, before))[:2] == ["boots-41 viewed", "hat viewed"]
    after = before._replace(bought={"boots-42": ago(1)})
    assert await shown(fill, ITEM, after) == [
        "laces-2m bought_together",
        "hat viewed",
        "wax bought_together",
        "coat together",
    ]


async def test_what_tires_gives_way_to_what_is_looked_at_with_it(fill: FillAd) -> None:
    item = LineItem(id="item", campaign="summer", creative="tiles", ref=3, fill_up=True, fatigue=Fatigue(ads=2))
    seen = {f"d{REF}:hat": (Window(30 * 86_400, ago(5), 2),)}
    assert await shown(fill, item, Shopping({"hat": ago(9)}), seen) == [
        "coat together",
        "wax best_seller",
        "boots-41 best_seller",
    ]


async def test_best_sellers_for_a_stranger(fill: FillAd) -> None:
    item = LineItem(id="item", campaign="summer", creative="tiles", ref=3)
    found = await fill.best_sellers(ENTRY, booking(item), "tiles", NOW, in_time())
    assert isinstance(found, Filled)
    assert [product.id for product in found.products] == ["wax", "boots-41"]


async def test_what_was_read_is_held(fill: FillAd, valkey: Valkey) -> None:
    first = await shown(fill, ITEM, Shopping({"hat": ago(9)}))
    assert first == ["hat viewed", "coat together", "wax best_seller", "boots-41 best_seller"]
    await valkey.redis.flushdb()
    assert await shown(fill, ITEM, Shopping({"hat": ago(9)})) == first
    stranger = viewer(Shopping({"gone": ago(9)}), {})
    only_own = LineItem(id="item", campaign="summer", creative="tiles", ref=3, fill_up=True, recommend=())
    found = await fill.fill(ENTRY, booking(only_own), "tiles", stranger, in_time())
    assert found is LineItemReason.NO_PRODUCT
