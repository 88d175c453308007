"""The house ad: what an account asks to be shown when nothing personal can be. Nothing of the visitor goes into it."""

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from adserver.model.reason import NoAdReason, TokenReason
from adserver.storage.valkey.embedded import EmbeddedValkey
from tests.http.conftest import (
    SECRET,
    Header,
    Reply,
    Wire,
    cookies,
    failures,
    impression_in,
    products_in,
    wire_to,
)
from tests.http.test_operations import samples, stopped, total
from tests.server import ACCOUNTS, Server, feed_xml, running_server, until

CAPPED_GRID = ACCOUNTS.replace('creative = "grid"', 'creative = "grid"\ncaps = ["1/day"]\nstatus = "active"')
HOUSE = """
[line_items.acme-house]
campaign = "acme-summer"
creative = "house"
status = "active"
caps = []
"""
CAPPED_HOUSE = HOUSE.replace("caps = []", 'caps = ["1/day"]')
PLACEMENTS = """
[placements.daily-paused]
publisher = "daily"
size = "300x250"
status = "paused"
[placements.daily-huge]
publisher = "daily"
size = "980x120"
"""
WITH_HOUSE = CAPPED_GRID + HOUSE + PLACEMENTS
WITHOUT_HOUSE = CAPPED_GRID + HOUSE.replace('"active"', '"paused"') + PLACEMENTS
HOUSE_ONLY = CAPPED_GRID.replace('caps = ["1/day"]\nstatus = "active"', 'status = "paused"') + HOUSE + PLACEMENTS
REFUSING: Header = ("Sec-GPC", "1")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    settings: dict[str, Any] = {"ADSERVER_SECRET": SECRET, "ADSERVER_AD_DEADLINE_MS": "5000"}
    with running_server(accounts=WITH_HOUSE, feed=feed_xml(["SKU1", "SKU2"]), **settings) as running:
        yield running
        assert failures(running) == []


@pytest.fixture(scope="module")
def wire(server: Server) -> Wire:
    return wire_to(server)


@pytest.fixture
def housed(server: Server, wire: Wire) -> Wire:
    """As it is when a test of this module begins: one house line item, without caps."""
    server.apply(WITH_HOUSE)
    return wire


def is_house(reply: Reply) -> bool:
    return reply.status == 200 and 'class="home"' in reply.text and products_in(reply.text) == []


def home_in(html: str) -> str:
    """The path of the link that is the whole banner."""
    return html.partition('class="home" href="')[2].partition('"')[0]


def why_house(wire: Wire) -> dict[str, float]:
    """House ads so far, by the reason why nothing personal was shown."""
    found = samples(wire.get("/metrics").text)
    assert total(found, "adserver_ad_requests_total") == total(found, "adserver_ads_total") + total(
        found, "adserver_no_ads_total"
    )
    return {labels["reason"]: value for labels, value in found.get("adserver_house_ads_total", [])}


def without_anything_personal(wire: Wire, placement: str = "daily-rectangle") -> dict[NoAdReason, Reply]:
    """One ad for each reason why a store that answers leads to nothing personal."""
    capped = wire.view("SKU1")
    assert products_in(wire.ad(capped, placement).text) == ["Product SKU1"]
    return {
        NoAdReason.CONSENT: wire.ad(wire.view("SKU1"), placement, REFUSING),
        NoAdReason.NO_VISITOR: wire.ad("", placement),
        NoAdReason.NO_HISTORY: wire.ad(wire.view(event="page_view"), placement),
        NoAdReason.NO_PRODUCT: wire.ad(wire.view("GONE"), placement),
        NoAdReason.CAPPED: wire.ad(capped, placement),
    }


def test_without_a_house_line_item_there_is_no_ad(server: Server, wire: Wire) -> None:
    server.apply(WITHOUT_HOUSE)
    before = why_house(wire)
    for reason, reply in without_anything_personal(wire).items():
        assert (reply.status, reply.reason, reply.body) == (204, reason.label, b""), reason
    assert why_house(wire) == before


@pytest.mark.parametrize("placement", ["daily-rectangle", "daily-leaderboard", "daily-skyscraper"])
def test_with_one_it_is_shown_and_the_reason_is_counted(housed: Wire, placement: str) -> None:
    before = why_house(housed)
    for reason, reply in without_anything_personal(housed, placement).items():
        assert is_house(reply), reason
        assert (reply.reason, reply.every("set-cookie")) == ("", []), reason
        assert "Acme Shoes" in reply.text
        assert ">Zum Shop<" in reply.text
    grown = {reason: value - before.get(reason, 0) for reason, value in why_house(housed).items()}
    assert {reason: value for reason, value in grown.items() if value} == {
        "consent": 1, "no_visitor": 1, "no_history": 1, "no_product": 1, "capped": 1,
    }  # fmt: skip


def test_where_nothing_else_runs_it_stands_in_for_everybody(server: Server, wire: Wire) -> None:
    server.apply(HOUSE_ONLY)
    before = why_house(wire).get("no_line_item", 0)
    assert is_house(wire.ad(wire.view("SKU1")))
    assert why_house(wire)["no_line_item"] == before + 1


def test_a_request_that_is_not_to_be_filled_gets_none(housed: Wire) -> None:
    cookie = housed.view(event="page_view")
    before = why_house(housed)
    bot = housed.ad(cookie, "daily-rectangle", ("User-Agent", "Googlebot/2.1 (+http://www.google.com/bot.html)"))
    foreign = housed.get("/ads?placement=daily-rectangle", *cookies(cookie), ("Origin", "https://evil.test"))
    assert foreign.json == {"ads": [{"placement": "daily-rectangle", "reason": "foreign_page"}]}
    refused = [bot, housed.ad(cookie, "daily-paused"), housed.ad(cookie, "nowhere"), housed.ad(cookie, "daily-huge")]
    assert [(reply.status, reply.reason) for reply in refused] == [
        (204, "bot"), (204, "placement_paused"), (204, "unknown_placement"), (204, "no_line_item"),
    ]  # fmt: skip
    assert why_house(housed) == before


def test_what_is_personal_comes_first_and_all_slots_are_answered(housed: Wire) -> None:
    cookie = housed.view("SKU2")
    target = "/ads?placement=daily-rectangle&placement=daily-leaderboard&placement=daily-paused"
    first, second, paused = housed.get(target, *cookies(cookie), ("Origin", "https://news.test")).json["ads"]
    # The cap lets one of them be personal.
    assert products_in(first["html"]) == ["Product SKU2"]
    assert 'class="home"' in second["html"]
    assert (second["width"], second["height"]) == (728, 90)
    assert paused == {"placement": "daily-paused", "reason": "placement_paused"}


def commands(server: Server, ask: Any) -> list[str]:
    """What Valkey was told while ``ask`` ran."""
    with server.valkey() as client, client.monitor() as monitor:
        ask()
        with server.valkey() as other:
            other.echo("that was all")
        seen: list[str] = []
        while "that was all" not in (command := monitor.next_command()["command"]):
            seen.append(command)
        return seen


def test_without_consent_nothing_of_the_visitor_is_read_or_written(server: Server, housed: Wire) -> None:
    cookie = housed.view("SKU1")

    def profile_reads(*headers: Header) -> list[str]:
        replies: list[Reply] = []
        told = commands(
            server, lambda: replies.extend(housed.ad(cookie, "daily-rectangle", *headers) for _ in range(5))
        )
        assert [reply.status for reply in replies] == [200] * 5
        assert [reply.every("set-cookie") for reply in replies] == [[]] * 5
        return [command for command in told if "u:{" in command]

    assert len(profile_reads()) >= 5  # with consent they are seen
    assert profile_reads(REFUSING) == []
    # Silence, where silence means no.
    server.apply(WITH_HOUSE.replace('consent_default = "allow"', 'consent_default = "deny"'))
    assert profile_reads() == []
    # Not even for its caps.
    server.apply(WITH_HOUSE.replace('"allow"', '"deny"').replace("caps = []", 'caps = ["1/day"]'))
    told = commands(server, lambda: housed.ad(cookie))
    assert [command for command in told if "u:{" in command] == []
    assert housed.ad(cookie).reason == "consent"


def test_its_link_lands_in_the_shop_and_all_is_counted_once(server: Server, housed: Wire) -> None:
    html = housed.ad().text
    clicked = [housed.get(home_in(html)) for _ in range(2)]
    assert [(reply.status, reply.header("location")) for reply in clicked] == [(302, "https://shop.test/")] * 2
    assert [reply.reason for reply in clicked] == ["", TokenReason.DUPLICATE.label]
    assert [housed.get(impression_in(html)).reason for _ in range(2)] == ["", TokenReason.DUPLICATE.label]

    def row() -> Any:
        report = server.report()
        assert report["totals"]["requests"] == sum(row["requests"] for row in report["rows"])
        key = ("acme-house", "daily-rectangle")
        (found,) = [r for r in report["rows"] if (r["line_item"], r["placement"]) == key] or [None]
        return found and found["clicks"] and found

    counted = until(row, within=10, what="the report")
    assert (counted["clicks"], counted["impressions"]) == (1, 1)
    assert counted["requests"] > 1  # those of the other tests


def test_its_caps_hold_and_where_they_can_not_be_looked_at_it_stays_away(server: Server, wire: Wire) -> None:
    server.apply(WITH_HOUSE.replace(HOUSE, CAPPED_HOUSE))
    cookie = wire.view(event="page_view")
    assert is_house(wire.ad(cookie))
    assert wire.ad(cookie).reason == NoAdReason.NO_HISTORY.label
    assert is_house(wire.ad(wire.view(event="page_view")))
    assert wire.ad().reason == NoAdReason.NO_VISITOR.label
    assert wire.ad(cookie, "daily-rectangle", REFUSING).reason == NoAdReason.CONSENT.label


def test_house_line_items_take_turns_and_a_cap_leaves_the_other(server: Server, wire: Wire) -> None:
    other = HOUSE.replace("acme-house", "boots-house").replace("acme-summer", "boots-all")
    boots = """
[advertisers.boots]
name = "Boots & Co"
domains = ["boots.test"]
currency = "EUR"
locale = "en_GB"
consent_default = "allow"
[campaigns.boots-all]
advertiser = "boots"
holdout = 0
status = "active"
"""
    try:
        server.apply(WITH_HOUSE + boots + other)
        names = ["Acme" if "Acme Shoes" in wire.ad().text else "Boots" for _ in range(40)]
        assert set(names) == {"Acme", "Boots"}
        server.apply(WITH_HOUSE.replace(HOUSE, CAPPED_HOUSE) + boots + other)
        cookie = wire.view(event="page_view")
        texts = [wire.ad(cookie).text for _ in range(40)]
        assert sum("Acme Shoes" in text for text in texts) == 1
        assert sum("Boots &amp; Co" in text for text in texts) == 39
        assert all("Boots &amp; Co" in wire.ad().text for _ in range(20))
    finally:
        server.apply(WITH_HOUSE + boots + other.replace('"active"', '"paused"'))


def test_a_shop_with_nothing_but_a_house_ad_needs_no_feed(server: Server, wire: Wire) -> None:
    shop = """
[advertisers.hats]
name = "Hats"
domains = ["hats.test"]
currency = "EUR"
locale = "en_GB"
consent_default = "allow"
[campaigns.hats-all]
advertiser = "hats"
holdout = 0
"""
    item = HOUSE.replace("acme-house", "hats-house").replace("acme-summer", "hats-all")
    complaint = "The account of hats names no feed."
    try:
        server.apply(WITH_HOUSE + shop + item)
        said = server.cli("doctor")
        assert complaint not in said
        assert "creatives of hats" not in said
        assert "hats has no active line item" not in said
        server.apply(WITH_HOUSE + shop + item.replace('"house"', '"grid"'))
        assert complaint in server.cli("doctor")
    finally:
        server.apply(WITH_HOUSE + shop + item.replace('"active"', '"paused"'))


def timed(wire: Wire, cookie: str = "") -> tuple[Reply, float]:
    started = time.monotonic()
    return wire.ad(cookie), time.monotonic() - started


def test_while_the_store_is_away_it_is_there_within_the_budget() -> None:
    """Hanging, gone, there again: the same server all the time."""
    with TemporaryDirectory(prefix="vk-") as folder:
        valkey = EmbeddedValkey(Path(folder))
        valkey.start()
        settings: dict[str, Any] = {"ADSERVER_VALKEY_URL": valkey.url, "ADSERVER_AD_DEADLINE_MS": "200"}
        try:
            with running_server(accounts=ACCOUNTS + HOUSE, feed=feed_xml(["SKU1"]), **settings) as server:
                wire = wire_to(server)
                cookie = wire.view("SKU1")
                until(lambda: products_in(wire.ad(cookie).text), what="a personal ad")
                before = why_house(wire)
                with stopped(server):
                    check_away(wire, cookie, {NoAdReason.DEADLINE, NoAdReason.STORE_UNAVAILABLE}, before)
                until(lambda: products_in(wire.ad(cookie).text), what="a personal ad")
                before = why_house(wire)
                valkey.stop()
                check_away(wire, cookie, {NoAdReason.STORE_UNAVAILABLE}, before)
                valkey.start()
                until(lambda: products_in(wire.ad(cookie).text), what="a personal ad")
                assert failures(server) == []
        finally:
            valkey.stop()


def check_away(wire: Wire, cookie: str, reasons: set[NoAdReason], before: dict[str, float]) -> None:
    answers = [timed(wire, cookie) for _ in range(10)]
    assert all(is_house(reply) for reply, _ in answers), [reply.reason for reply, _ in answers]
    assert sorted(seconds for _, seconds in answers)[5] < 1.0  # of a machine that may be busy
    assert is_house(wire.ad(cookie, "daily-rectangle", REFUSING))
    assert is_house(wire.ad())
    grown = {reason: value - before.get(reason, 0) for reason, value in why_house(wire).items()}
    assert grown.pop("consent") == grown.pop("no_visitor") == 1
    assert {reason for reason, value in grown.items() if value} <= {reason.label for reason in reasons}
    assert sum(grown.values()) == 10
    clicked = wire.get(home_in(answers[0][0].text))
    assert (clicked.status, clicked.header("location")) == (302, "https://shop.test/")
