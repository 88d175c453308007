"""Where the demo's three sites live, and what the ad server has to know about them.

A *world* is one set of hosts. In ``APART`` shop, newspaper and ad server are three sites to a browser, and
the ad server's cookie is a third-party cookie; in ``TOGETHER`` they are one site, where no browser blocks
it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from lxml import etree

from adserver.demo.products import CURRENCY, LOCALE, PRODUCTS, SHOP_NAME, DemoProduct

NEWS_NAME = "The Harbour Times"
START_HOSTS = ("localhost", "demo.localhost", "127.0.0.1", "::1")

_GOOGLE = "http://base.google.com/ns/1.0"
_SIZES: Mapping[str, str] = {"rectangle": "300x250", "leaderboard": "728x90", "skyscraper": "160x600"}


@dataclass(frozen=True, slots=True)
class World:
    """One set of hosts; accounts of the second world carry its name as a suffix."""

    name: str
    shop_host: str
    news_host: str
    ads_host: str

    @property
    def advertiser(self) -> str:
        """The shop's id in the accounts."""
        return "wander" + self._suffix

    @property
    def placements(self) -> Mapping[str, str]:
        """The newspaper's slots by kind (``rectangle``, ``leaderboard``, ``skyscraper``): placement ids."""
        return {kind: f"harbour-{kind}{self._suffix}" for kind in _SIZES}

    def feed_file(self, port: int) -> str:
        """The file name of the shop's product feed; another port or other products make another name, so that the
        server sees a new source and imports it."""
        digest = hashlib.sha256(feed_xml(self, port)).hexdigest()[:12]
        return f"{self.advertiser}-{digest}.xml"

    def product_url(self, product: DemoProduct, port: int) -> str:
        """The product's page in the shop."""
        return f"http://{self.shop_host}:{port}/p/{product.slug}"

    def picture_url(self, product: DemoProduct, port: int) -> str:
        """The product's picture in the shop."""
        return f"http://{self.shop_host}:{port}/img/{product.id}.webp"

    @property
    def _suffix(self) -> str:
        return "" if self.name == "apart" else f"-{self.name}"


APART = World("apart", "shop.localhost", "news.localhost", "ads.localhost")
TOGETHER = World("together", "shop.demo.localhost", "news.demo.localhost", "ads.demo.localhost")
WORLDS = (APART, TOGETHER)


def write_demo(port: int, folder: Path) -> Path:
    """Write both feeds and the accounts file into ``folder``; the accounts file's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.xml"):
        old.unlink()
    for world in WORLDS:
        (folder / world.feed_file(port)).write_bytes(feed_xml(world, port))
    accounts = folder / "accounts.toml"
    accounts.write_text(accounts_toml(port, folder), encoding="utf-8")
    return accounts


def accounts_toml(port: int, feed_dir: Path) -> str:
    """The accounts file of both worlds; ``feed_dir`` is where ``feed_file`` of each world lies."""
    head = f"# The accounts of the demo at http://localhost:{port}/\n"
    return head + "".join(_accounts_of(world, port, feed_dir.resolve()) for world in WORLDS)


def _accounts_of(world: World, port: int, feed_dir: Path) -> str:
    suffix = world.advertiser.removeprefix("wander")
    tables: dict[str, dict[str, str | float | list[str]]] = {
        f"advertisers.{world.advertiser}": {
            "name": SHOP_NAME,
            "domains": [world.shop_host],
            "currency": CURRENCY,
            "locale": LOCALE,
            "consent_default": "allow",
        },
        f"advertisers.{world.advertiser}.feed": {"source": str(feed_dir / world.feed_file(port))},
        f"campaigns.wander-autumn{suffix}": {
            "advertiser": world.advertiser,
            "holdout": 0,
            "status": "active",
        },
        f"line_items.wander-viewers{suffix}": {
            "campaign": f"wander-autumn{suffix}",
            "creative": "grid",
            "status": "active",
        },
        f"publishers.harbour{suffix}": {"name": NEWS_NAME, "domains": [world.news_host]},
    }
    for kind, placement in world.placements.items():
        tables[f"placements.{placement}"] = {
            "publisher": f"harbour{suffix}",
            "size": _SIZES[kind],
            "status": "active",
        }
    return "".join(
        f"\n[{table}]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in keys.items())
        for table, keys in tables.items()
    )


def _toml(value: str | float | list[str]) -> str:
    """A TOML value: of strings, numbers and lists of strings, JSON is the same text (DEL apart)."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def feed_xml(world: World, port: int) -> bytes:
    """The shop's Google Merchant feed (RSS 2.0 with the ``g:`` namespace)."""
    rss = etree.Element("rss", {"version": "2.0"}, nsmap={"g": _GOOGLE})
    channel = etree.SubElement(rss, "channel")
    for name, text in (
        ("title", SHOP_NAME),
        ("link", f"http://{world.shop_host}:{port}/"),
        ("description", "Things for being outdoors"),
    ):
        etree.SubElement(channel, name).text = text
    for product in PRODUCTS:
        item = etree.SubElement(channel, "item")
        for name, text in _item(product, world, port).items():
            etree.SubElement(item, f"{{{_GOOGLE}}}{name}").text = text
    return etree.tostring(rss, encoding="utf-8", xml_declaration=True, pretty_print=True)


def _item(product: DemoProduct, world: World, port: int) -> dict[str, str]:
    fields = {
        "id": product.id,
        "title": product.title,
        "description": product.description,
        "link": world.product_url(product, port),
        "image_link": world.picture_url(product, port),
        "availability": "in_stock",
        "price": _money(product.price),
    }
    if product.sale_price is not None:
        fields["sale_price"] = _money(product.sale_price)
    return fields | {
        "brand": SHOP_NAME,
        "condition": "new",
        "identifier_exists": "no",
        "product_type": f"Outdoor > {product.kind}",
    }


def _money(amount: Decimal) -> str:
    return f"{amount:.2f} {CURRENCY}"
