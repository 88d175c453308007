"""What of a catalog is shown: one tile per shoe and not per size, true prices, and no feed that is too old."""

import re
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest

from adserver.model.reason import NoAdReason
from adserver.storage.valkey import keys
from tests.http.conftest import SECRET, Reply, Wire, cookies, failures, products_in, wire_to
from tests.server import ACCOUNTS, Server, running_server, until


def shop(name: str, keys_of_its_own: str) -> str:
    """One more shop with a campaign."""
    return f"""
[advertisers.{name}]
name = "{name.title()}"
domains = ["{name}.test"]
currency = "CHF"
locale = "de_CH"
consent_default = "allow"
{keys_of_its_own}
[campaigns.{name}-all]
advertiser = "{name}"
holdout = 0
[line_items.{name}-viewers]
campaign = "{name}-all"
creative = "grid"
"""


SWISS = shop("swiss", "")
AGED = shop("aged", 'strike_through = "never"')
HOUSE = '[line_items.acme-house]\ncampaign = "acme-summer"\ncreative = "house"\n'

COLUMNS = ("id", "title", "link", "image_link", "price", "sale_price", "availability", "item_group_id")


def row(name: str, price: str = "10", sale: str = "", group: str = "", *, stock: bool = True, at: str = "shop") -> str:
    link = f"https://{at}.test/{name}"
    fields = (name, f"Product {name}", link, f"{link}.png", price, sale, "in stock" if stock else "out of stock", group)
    return "\t".join(fields)


def tsv(*rows: str) -> str:
    return "\n".join(("\t".join(COLUMNS), *rows)) + "\n"


SIZES = [f"shoe-{size}" for size in range(36, 48)]
SAME = (
    *(row(size, group="shoe") for size in SIZES),
    row("hat-s", group="hat", stock=False),
    row("hat-m", group="hat"),
    row("hat-l", group="hat"),
    row("cap-s", group="cap", stock=False),
    *(row(name) for name in ("sock", "belt", "tie", "bag")),
)
BEFORE = tsv(*SAME, row("fallen", "100"), row("raised", "100"), row("cheaper", "100"))
AFTER = tsv(
    *SAME, row("fallen", "100", "80"), row("raised", "150", "80"), row("cheaper", "80"), row("new", "100", "80")
)


FEEDS = {
    "acme": (BEFORE, "never"),
    "swiss": (tsv(row("swiss-1", "100", "80", at="swiss")), "never"),
    "aged": (tsv(row("aged-1", "100", "80", at="aged")), "1h"),
}
"""What is imported first, and how old it may be."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Each shop's products are there; those of acme were imported twice."""
    folder = tmp_path_factory.mktemp("feeds")
    accounts = ACCOUNTS + SWISS + AGED
    for name, (text, max_age) in FEEDS.items():
        (folder / name).write_text(text, "utf-8")
        accounts += f'[advertisers.{name}.feed]\nsource = "{folder / name}"\nmax_age = "{max_age}"\n'
    settings: dict[str, Any] = {"ADSERVER_SECRET": SECRET, "ADSERVER_AD_DEADLINE_MS": "5000"}
    with running_server(accounts=accounts, **settings) as running:
        until(lambda: running.client.get("/readyz").json()["swaps"] == len(FEEDS), what="the first imports")
        running.import_feed(AFTER, suffix=".tsv")
        yield running
        assert failures(running) == []


@pytest.fixture(scope="module")
def wire(server: Server) -> Wire:
    return wire_to(server)


def viewed(wire: Wire, *products: str) -> str:
    """The cookie of a visitor who looked at these, one after the other."""
    cookie = ""
    for product in products:
        cookie = wire.view(product, cookie=cookie)
    return cookie


def shown(wire: Wire, *products: str) -> list[str]:
    """The ids in the banner of a visitor who looked at these, one after the other."""
    return [title.removeprefix("Product ") for title in products_in(wire.ad(viewed(wire, *products)).text)]


def test_three_sizes_of_one_shoe_are_one_tile(wire: Wire) -> None:
    assert shown(wire, "shoe-40", "shoe-42", "shoe-41") == ["shoe-41"]
    assert shown(wire, "shoe-40", "sock", "shoe-42", "shoe-41") == ["shoe-41", "sock"]


def test_each_slot_of_a_page_folds_them(wire: Wire) -> None:
    cookie = viewed(wire, "sock", "shoe-40", "shoe-41")
    slots = wire.get("/ads?placement=daily-rectangle&placement=daily-leaderboard", *cookies(cookie)).json
    banners = [products_in(entry["html"]) for entry in slots["ads"]]
    assert banners == [["Product shoe-41", "Product sock"]] * 2


def test_behind_many_sizes_there_is_more(wire: Wire) -> None:
    assert shown(wire, "sock", "belt", *SIZES) == ["shoe-47", "belt", "sock"]


def test_another_size_takes_the_place_of_one_sold_out(wire: Wire) -> None:
    assert shown(wire, "hat-m", "sock", "hat-s") == ["hat-m", "sock"]
    assert shown(wire, "hat-m", "sock", "belt", "tie", "bag", "hat-s")[0] == "hat-m"


def test_what_is_sold_out_in_all_sizes_is_gone(wire: Wire) -> None:
    assert shown(wire, "sock", "cap-s") == ["sock"]
    assert wire.ad(viewed(wire, "cap-s")).reason == NoAdReason.NO_PRODUCT.label


def test_an_event_may_name_the_group(wire: Wire) -> None:
    (alone,) = shown(wire, "shoe")
    assert alone in SIZES
    assert shown(wire, "shoe", "sock", "shoe-40") == ["shoe-40", "sock"]
    assert shown(wire, "shoe-40", "sock", "shoe") == [alone, "sock"]
    assert shown(wire, "hat")[0] in {"hat-m", "hat-l"}, "of a group, one in stock"


def prices_of(reply: Reply) -> tuple[str, str]:
    """The price to pay of a banner with one product, and the one struck through."""
    text = re.sub(r'<span class="sr">[^<]*</span>', "", reply.text.replace("\xa0", " "))
    found = {tag: re.search(rf"<{tag}( [^>]*)?>([^<]*)</{tag}>", text) for tag in ("b", "s")}
    return found["b"][2] if found["b"] else "", found["s"][2] if found["s"] else ""


@pytest.mark.parametrize(
    ("product", "prices"),
    [
        ("fallen", ("80,00 €", "100,00 €")),
        ("raised", ("80,00 €", "")),
        ("cheaper", ("80,00 €", "")),
        ("new", ("80,00 €", "")),
        ("sock", ("10,00 €", "")),
    ],
)
def test_a_price_is_struck_through_if_that_is_true(wire: Wire, product: str, prices: tuple[str, str]) -> None:
    assert prices_of(wire.ad(viewed(wire, product))) == prices


@pytest.mark.parametrize(
    ("advertiser", "prices"), [("swiss", ("CHF 80.00", "CHF 100.00")), ("aged", ("CHF 80.00", ""))]
)
def test_a_currency_or_the_account_has_another_rule(wire: Wire, advertiser: str, prices: tuple[str, str]) -> None:
    assert prices_of(wire.ad(wire.view(f"{advertiser}-1", advertiser=advertiser))) == prices


def found_good(server: Server, age_s: int) -> None:
    """Let the feed of every shop have been read so long ago; the server itself never turns that back."""
    then = int(time.time()) - age_s
    with server.valkey() as valkey:
        for ref in cast("list[bytes]", valkey.hkeys(keys.CHECKED)):
            valkey.hset(keys.CHECKED, ref.decode(), str(then))
            valkey.xadd(keys.CHANGES, {"ref": ref, "checked": then})


def test_a_feed_that_is_too_old_is_not_advertised(server: Server, wire: Wire) -> None:
    cookie = wire.view("aged-1", advertiser="aged")
    found_good(server, 3_500)
    assert products_in(wire.ad(cookie).text) == ["Product aged-1"]
    found_good(server, 3_700)
    until(lambda: wire.ad(cookie).reason == NoAdReason.FEED_STALE.label, what="no ad")
    assert wire.ad(cookie).status == 204
    assert shown(wire, "sock") == ["sock"], "a shop without a limit"

    wire.view("sock", cookie=cookie)
    wire.view("aged-1", cookie=cookie, advertiser="aged")
    assert products_in(wire.ad(cookie).text) == ["Product sock"], "its place is for the next shop"
    found_good(server, 0)
    until(lambda: products_in(wire.ad(cookie).text) == ["Product aged-1"], what="the ad")


def test_a_house_ad_stands_in_for_it(server: Server, wire: Wire) -> None:
    cookie = wire.view("aged-1", advertiser="aged")
    found_good(server, 3_700)
    until(lambda: wire.ad(cookie).reason == NoAdReason.FEED_STALE.label, what="no ad")
    server.apply(HOUSE)
    reply = wire.ad(cookie)
    assert (reply.status, products_in(reply.text)) == (200, [])
    assert 'class="home"' in reply.text
