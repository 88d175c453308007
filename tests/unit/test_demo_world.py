"""The accounts and feeds that the demo writes about itself."""

import tomllib
from pathlib import Path

import pytest
from lxml import etree

from adserver.demo.products import PRODUCTS
from adserver.demo.world import APART, TOGETHER, WORLDS, World, accounts_toml, feed_xml, write_demo

G = "{http://base.google.com/ns/1.0}"
KNOWN_KEYS = {
    "advertisers": {"name", "domains", "currency", "locale", "consent_default", "feed"},
    "campaigns": {"advertiser", "holdout", "status"},
    "line_items": {"campaign", "creative", "status"},
    "publishers": {"name", "domains"},
    "placements": {"publisher", "size", "status"},
}


def registrable(host: str) -> str:
    """The site of a host under ``localhost``, as browsers see it."""
    return ".".join(host.split(".")[-2:])


def test_the_worlds_are_three_sites_and_one_site() -> None:
    sites = [{registrable(host) for host in (world.shop_host, world.news_host, world.ads_host)} for world in WORLDS]
    assert [len(site) for site in sites] == [3, 1]


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_the_feed_has_every_product(world: World) -> None:
    items = etree.fromstring(feed_xml(world, 8123)).findall("channel/item")
    assert [item.findtext(f"{G}id") for item in items] == [product.id for product in PRODUCTS]
    for item, product in zip(items, PRODUCTS, strict=True):
        assert item.findtext(f"{G}title") == product.title
        assert item.findtext(f"{G}link") == f"http://{world.shop_host}:8123/p/{product.slug}"
        assert item.findtext(f"{G}image_link") == f"http://{world.shop_host}:8123/img/{product.id}.webp"
        assert item.findtext(f"{G}price") == f"{product.price} EUR"
    assert [item.findtext(f"{G}sale_price") for item in items if item.find(f"{G}sale_price") is not None] == [
        "279.00 EUR"
    ]


def test_the_accounts_use_known_keys_and_existing_ids(tmp_path: Path) -> None:
    accounts = tomllib.loads(accounts_toml(8123, tmp_path))
    assert accounts.keys() == KNOWN_KEYS.keys()
    for table, keys in KNOWN_KEYS.items():
        assert all(set(entry) <= keys for entry in accounts[table].values())
    assert set(accounts["advertisers"]) == {"wander", "wander-together"}
    assert all(entry["advertiser"] in accounts["advertisers"] for entry in accounts["campaigns"].values())
    assert all(entry["campaign"] in accounts["campaigns"] for entry in accounts["line_items"].values())
    assert all(entry["publisher"] in accounts["publishers"] for entry in accounts["placements"].values())
    for world in WORLDS:
        assert accounts["advertisers"][world.advertiser]["domains"] == [world.shop_host]
        sizes = [accounts["placements"][placement]["size"] for placement in world.placements.values()]
        assert sizes == ["300x250", "728x90", "160x600"]
    assert APART.placements["rectangle"] == "harbour-rectangle"
    assert TOGETHER.placements["rectangle"] == "harbour-rectangle-together"


def test_odd_folders_survive_the_accounts_file(tmp_path: Path) -> None:
    folder = tmp_path / 'a "quoted" \\ földer'
    accounts = tomllib.loads(write_demo(8123, folder).read_text(encoding="utf-8"))
    for world in WORLDS:
        source = Path(accounts["advertisers"][world.advertiser]["feed"]["source"])
        assert source.is_absolute()
        assert source.read_bytes() == feed_xml(world, 8123)
