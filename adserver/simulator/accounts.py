"""The simulated world as its accounts file and its feeds."""

from xml.sax.saxutils import escape

from adserver.simulator.shoppers import PAGES
from adserver.simulator.world import (
    CATEGORIES,
    CLICK_RATES,
    LEARNING,
    MEASURED,
    PACED,
    PRODUCTS,
    PUBLISHERS,
    RENDERED,
    SHOPS,
    Shop,
    World,
    placement,
)

PRICE_MICROS = 4_000
"""Of one impression: a CPM of 4.00."""

_KNOWN = 0.5
"""Share of a first day's pages that are looked at after the shop was, about."""


def goal(world: World) -> int:
    """Impressions that the daily budget of the second shop pays for."""
    return int(world.visitors * PAGES * _KNOWN * RENDERED * world.goal_share)


def budget_micros(world: World) -> int:
    """The daily budget of the second shop: whole cents."""
    return goal(world) * PRICE_MICROS // 10_000 * 10_000


def accounts_toml(world: World) -> str:
    """The accounts file."""
    shops = "".join(_shop(shop) for shop in SHOPS)
    publishers = "".join(_publisher(name) for name in PUBLISHERS)
    return shops + publishers + _measured(world) + _paced(world) + _learning()


def feed_xml(shop: Shop) -> str:
    """All products of a shop; the first category has the first, the seventh, ..."""
    items = "".join(_item(shop, number) for number in range(PRODUCTS))
    head = '<?xml version="1.0"?><rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>'
    return f"{head}{items}</channel></rss>"


def _shop(shop: Shop) -> str:
    return f"""
[advertisers.{shop.name}]
name = "The {shop.name} shop"
domains = ["{shop.domain}"]
currency = "EUR"
locale = "en_IE"
consent_default = "allow"
"""


def _publisher(name: str) -> str:
    slots = "".join(f'[placements.{placement(name, shop)}]\npublisher = "{name}"\nsize = "300x250"\n' for shop in SHOPS)
    return f'\n[publishers.{name}]\nname = "The {name}"\ndomains = ["{name}.test"]\n{slots}'


def _measured(world: World) -> str:
    return f"""
[campaigns.{MEASURED.campaign}]
advertiser = "{MEASURED.name}"
holdout = {world.holdout}
[line_items.{MEASURED.name}]
campaign = "{MEASURED.campaign}"
creative = "grid"
placements = [{_slots(MEASURED)}]
bid = {{ model = "CPM", amount = "4.00" }}
caps = [{{ per = "line_item", limit = 4, window = "6h" }}, {{ per = "advertiser", limit = 10, window = "1d" }}]
min_gap = "5min"
"""


def _paced(world: World) -> str:
    cents = budget_micros(world) // 10_000
    return f"""
[campaigns.{PACED.campaign}]
advertiser = "{PACED.name}"
holdout = 0
[line_items.{PACED.name}]
campaign = "{PACED.campaign}"
creative = "grid"
placements = [{_slots(PACED)}]
bid = {{ model = "CPM", amount = "4.00" }}
budget = {{ daily = "{cents // 100}.{cents % 100:02d}", pacing = "even" }}
"""


def _learning() -> str:
    """Two line items, so that the caps of their campaign and of their advertiser count what is not of one alone."""
    first, *others = CLICK_RATES
    line_items = "".join(
        f"""
[line_items.{LEARNING.name}-{publisher}]
campaign = "{LEARNING.campaign}"
creative = "{first}"
creatives = [{", ".join(f'"{name}"' for name in others)}]
placements = ["{placement(publisher, LEARNING)}"]
bid = {{ model = "CPM", amount = "2.00" }}
caps = [
  {{ per = "line_item", limit = 2, window = "2h" }},
  {{ per = "line_item", limit = 5, window = "1d" }},
  {{ per = "campaign", limit = 3, window = "3h" }},
  {{ per = "advertiser", limit = 7, window = "1d" }},
  {{ per = "product", limit = 4, window = "1d" }},
]
min_gap = "10min"
"""
        for publisher in PUBLISHERS
    )
    return f'\n[campaigns.{LEARNING.campaign}]\nadvertiser = "{LEARNING.name}"\nholdout = 0\n{line_items}'


def _slots(shop: Shop) -> str:
    return ", ".join(f'"{placement(publisher, shop)}"' for publisher in PUBLISHERS)


def _item(shop: Shop, number: int) -> str:
    name, category = shop.product(number), CATEGORIES[number % len(CATEGORIES)]
    return (
        f"<item><g:id>{name}</g:id><title>{escape(category)} number {number}</title>"
        f"<link>https://{shop.domain}/p/{name}</link><g:image_link>https://{shop.domain}/i/{name}.jpg</g:image_link>"
        f"<g:price>{10 + number}.90 EUR</g:price><g:availability>in stock</g:availability>"
        f"<g:product_type>{escape(category)}</g:product_type></item>"
    )
