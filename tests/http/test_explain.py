"""``GET /ad?...&explain=1``: who may ask, what is told of each line item, and that nothing is counted."""

from collections.abc import Iterator
from typing import Any

import pytest

from adserver.storage.valkey import keys
from tests.http.conftest import Reply, Wire, cookies, wire_to
from tests.journeys.inside import cli, quick_server, totals, visitor_of
from tests.server import ACCOUNTS, Server, feed_xml, until

SHOP = """
[advertisers.{shop}]
name = "{shop}"
domains = ["{shop}.test"]
currency = "EUR"
locale = "en_GB"
consent_default = "allow"
[campaigns.{shop}]
advertiser = "{shop}"
holdout = {holdout}
[line_items.{shop}-viewers]
campaign = "{shop}"
creative = "grid"
"""
LINE_ITEM = """
[line_items.{name}]
campaign = "acme-summer"
creative = "grid"
{terms}
"""
TERMS = {
    "paused": 'status = "paused"',
    "elsewhere": 'placements = ["daily-leaderboard"]',
    "ended": "end = 2026-01-01T00:00:00Z",
    "buyers": 'segment = "past_buyer"',
    "capped": 'priority = 1\ncaps = ["1/day"]',
    "broke": 'priority = 2\nbid = { model = "CPM", amount = "20.00" }\nbudget = { total = "0.01" }',
    "winner": 'priority = 3\nbid = { model = "CPM", amount = "2.00" }\nbudget = { total = "100.00", pacing = "asap" }',
}
EXPLAINED = (
    ACCOUNTS
    + "".join(LINE_ITEM.format(name=name, terms=terms) for name, terms in TERMS.items())
    + SHOP.format(shop="ghosts", holdout=1)
    + '[placements.daily-huge]\npublisher = "daily"\nsize = "980x120"\n'
    + '[placements.daily-paused]\npublisher = "daily"\nsize = "300x250"\nstatus = "paused"\n'
    + '[publishers.weekly]\nname = "The Weekly"\ndomains = ["weekly.test"]\n'
    + '[placements.weekly-rectangle]\npublisher = "weekly"\nsize = "300x250"\nno_history = "best_sellers"\n'
)
ASKED = "/ad?explain=1&placement="


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with quick_server(accounts=EXPLAINED, feed=feed_xml(["SKU1", "SKU2"])) as running:
        file = running.data_dir.parent / "ghosts.xml"
        file.write_text(feed_xml(["G1"], base="https://ghosts.test"), "utf-8")
        cli(running, "feed", "import", "ghosts", str(file))
        for scope in ("operator", "publisher:daily", "publisher:weekly", "advertiser:acme"):
            SECRETS[scope] = cli(running, "key", "create", scope).split()[-1]
        running.wait_for_workers()
        yield running


SECRETS: dict[str, str] = {}


@pytest.fixture(scope="module")
def wire(server: Server) -> Wire:
    return wire_to(server)


def ask(wire: Wire, scope: str, placement: str = "daily-rectangle", *, cookie: str = "", more: str = "") -> Reply:
    secret = SECRETS.get(scope, scope)
    key = (("Authorization", f"Bearer {secret}"),) if secret else ()
    return wire.get(f"{ASKED}{placement}{more}", *cookies(cookie), *key)


def told(wire: Wire, cookie: str, placement: str = "daily-rectangle") -> Any:
    reply = ask(wire, "operator", placement, cookie=cookie)
    assert (reply.status, reply.header("content-type")) == (200, "application/json")
    assert "no-store" in reply.header("cache-control")
    return reply.json


def reasons(found: Any) -> dict[str, str]:
    return {row["line_item"]: row["reason"] for row in found["line_items"]}


def test_it_needs_a_key(wire: Wire) -> None:
    for scope in ("", "ak_" + "x" * 43, "nonsense"):
        reply = ask(wire, scope)
        assert (reply.status, reply.header("content-type")) == (401, "application/problem+json")
        assert reply.header("www-authenticate").startswith("Bearer")
    for value in ("1", "", "0"):
        assert wire.get(f"/ad?placement=daily-rectangle&explain={value}").status == 401


def test_a_publisher_looks_at_its_own_placements_and_at_nobody_else(wire: Wire) -> None:
    assert ask(wire, "publisher:daily").status == 200
    for scope, placement in (
        ("publisher:weekly", "daily-rectangle"),
        ("advertiser:acme", "daily-rectangle"),
        ("publisher:weekly", "no-such-place"),
    ):
        assert ask(wire, scope, placement).status == 403
    assert ask(wire, "operator", "no-such-place").status == 404


def test_only_an_operator_names_a_visitor(server: Server, wire: Wire) -> None:
    cookie = wire.view("SKU1")
    visitor, value = visitor_of(server, cookie), cookie.partition("=")[2]
    assert ask(wire, "publisher:daily", more=f"&visitor={visitor}").status == 403
    for name in (visitor, value):
        assert ask(wire, "operator", more=f"&visitor={name}").json["segments"] == {"acme": "product_viewer"}
    assert ask(wire, "operator", more=f"&visitor={visitor[:-1]}x").json["segments"] == {}


def test_every_line_item_has_its_first_reason_at_once(server: Server, wire: Wire) -> None:
    cookie = wire.view("SKU1")
    assert wire.ad(cookie).status == 200  # which takes the one ad of "capped"
    until(lambda: reasons(told(wire, cookie))["broke"] == "total_budget", what="the ledgers")
    found = told(wire, cookie)
    assert reasons(found) == {
        "acme-viewers": "outranked",
        "paused": "paused",
        "elsewhere": "other_placement",
        "ended": "ended",
        "buyers": "segment",
        "capped": "line_item_cap",
        "broke": "total_budget",
        "winner": "chosen",
        "ghosts-viewers": "no_history",
    }
    rows = {row["line_item"]: row for row in found["line_items"]}
    assert set(rows["capped"]) == {"line_item", "reason", "number", "detail"}
    assert (rows["winner"]["number"], rows["capped"]["number"], rows["buyers"]["number"]) == (0, 442, 425)
    assert rows["capped"]["detail"].startswith("1 of 1 within 1 day, again ")
    assert rows["buyers"]["detail"] == "asks for past_buyer; this is product_viewer"
    assert found | {"line_items": []} == {
        "placement": "daily-rectangle",
        "line_item": "winner",
        "held_back": False,
        "reason": None,
        "instead": [],
        "products": [{"id": "SKU1", "title": "Product SKU1", "why": "viewed"}],
        "creatives": [{"creative": "grid", "propensity": 1.0}],
        "segments": {"acme": "product_viewer"},
        "hidden": {},
        "line_items": [],
    }


def test_sizes_strangers_and_paused_placements(wire: Wire) -> None:
    cookie = wire.view("SKU1")
    huge = told(wire, cookie, "daily-huge")
    assert (huge["line_item"], huge["reason"]) == (None, "no_line_item")
    assert reasons(huge)["winner"] == "other_size"
    assert told(wire, cookie, "daily-paused")["reason"] == "placement_paused"
    nobody = told(wire, "")
    assert (nobody["line_item"], nobody["reason"], nobody["segments"]) == (None, "no_visitor", {})
    assert reasons(nobody)["winner"] == "no_history"
    refused = ask(wire, "operator", cookie=cookie, more="&consent=0").json
    assert (refused["reason"], reasons(refused)["winner"]) == ("consent", "consent")


def test_the_control_group_is_held_back(wire: Wire) -> None:
    cookie = wire.view("G1", advertiser="ghosts")
    found = told(wire, cookie)
    assert (found["line_item"], found["held_back"], found["reason"]) == ("ghosts-viewers", True, "holdout")
    assert {"line_item": "ghosts-viewers", "reason": "holdout", "number": 472, "detail": ""} in found["line_items"]
    assert wire.ad(cookie).reason == "holdout"


def counted(wire: Wire) -> list[str]:
    """What the metrics say of ads."""
    wanted = ("adserver_ad_requests", "adserver_ads_", "adserver_no_ads", "adserver_house_ads")
    return [
        line for line in wire.get("/metrics").text.splitlines() if line.startswith(wanted) and "_created" not in line
    ]


def test_nothing_is_counted_or_taken(server: Server, wire: Wire) -> None:
    """Not even that the cookie has come back: a new visitor lives no longer by being looked at."""
    cookie = wire.view("SKU1")
    wire.ad(wire.view("SKU2"))
    visitor = keys.visitor(visitor_of(server, cookie))
    until(lambda: totals(server)["requests"] >= 1, what="the report")
    with server.valkey() as valkey:
        ledgers = list(valkey.scan_iter("budget:*"))
        assert ledgers

        def state() -> tuple[object, ...]:
            return valkey.hgetall(visitor), valkey.ttl(visitor) <= 3_600, valkey.xlen(keys.EVENTS), counted(wire)

        before, spent = state(), [valkey.hget(key, "s") for key in ledgers]
        for _ in range(5):
            assert told(wire, cookie)["line_item"] == "capped"
            told(wire, "")
            ask(wire, "publisher:daily", cookie=cookie)
        assert state() == before
        assert [valkey.hget(key, "s") for key in ledgers] == spent
    assert wire.ad(cookie).status == 200  # and this one is
    until(lambda: counted(wire) != before[-1], what="the counted ad")
