"""Frequency caps from the accounts file to the ad: never one more than is allowed, whoever asks at the same time."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import orjson
import pytest

from adserver.model.reason import NoAdReason
from tests.http.conftest import Reply, Wire, clicks_in, cookies, impression_in, products_in, request, wire_to
from tests.journeys.inside import profile, quick_server, visitor_of
from tests.server import ACCOUNTS, Server, feed_xml, until

SHOPS = """
[advertisers.{shop}]
name = "{shop}"
domains = ["{shop}.test"]
currency = "EUR"
locale = "en_GB"
consent_default = "allow"
[campaigns.{shop}]
advertiser = "{shop}"
holdout = 0
"""
CAPPED = (
    ACCOUNTS.replace('creative = "grid"', 'creative = "grid"\ncaps = ["5/day"]')
    + SHOPS.format(shop="twice")
    + '[line_items.twice]\ncampaign = "twice"\ncreative = "grid"\ncaps = ["2/day"]\n'
    + SHOPS.format(shop="pair")
    + '[line_items.pair-one]\ncampaign = "pair"\ncreative = "grid"\ncaps = ["2/day"]\n'
    + '[line_items.pair-two]\ncampaign = "pair"\ncreative = "grid"\ncaps = ["1/day", "9/week"]\n'
    + SHOPS.format(shop="tired")
    + '[line_items.tired]\ncampaign = "tired"\ncreative = "grid"\nfatigue = { ads = 6, days = 30 }\n'
)
AD = "/ad?placement=daily-rectangle"
SLOTS = "/ads?placement=daily-rectangle&placement=daily-leaderboard&placement=daily-skyscraper"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Two workers: what one has counted, the other one knows."""
    with quick_server("--workers", "2", accounts=CAPPED, feed=feed_xml(["SKU1"])) as running:
        for shop in ("twice", "pair", "tired"):
            file = running.data_dir.parent / f"{shop}.xml"
            file.write_text(feed_xml(["A"], base=f"https://{shop}.test", titles={"A": f"Of {shop}"}), "utf-8")
            running.cli("feed", "import", shop, str(file))
        running.wait_for_workers()
        yield running


@pytest.fixture(scope="module")
def wire(server: Server) -> Wire:
    return wire_to(server)


def check_capped(reply: Reply) -> None:
    assert (reply.status, reply.reason, reply.body) == (204, NoAdReason.CAPPED.label, b"")


def test_the_third_of_two_a_day_is_capped(wire: Wire) -> None:
    visitor, other = (wire.view("A", advertiser="twice") for _ in range(2))
    for _ in range(2):
        assert products_in(wire.ad(visitor).text) == ["Of twice"]
    for placement in ("daily-rectangle", "daily-leaderboard", "daily-rectangle"):
        check_capped(wire.ad(visitor, placement))
    assert wire.ad(other).status == 200  # everybody has a count of their own
    assert wire.ad(wire.view("SKU1", cookie=visitor)).status == 200  # and every line item


def test_the_other_line_item_takes_over(server: Server, wire: Wire) -> None:
    before = shown(server)
    visitor = wire.view("A", advertiser="pair")
    for _ in range(3):
        assert products_in(wire.ad(visitor).text) == ["Of pair"]
    check_capped(wire.ad(visitor))
    assert shown(server) - before == Counter({"pair-one": 2, "pair-two": 1})


def shown(server: Server) -> "Counter[str]":
    """How often each line item was decided, as the event stream tells."""
    found: Counter[str] = Counter()
    with server.valkey() as valkey:
        for _, fields in valkey.xrange("events:{0}"):
            found.update(row[2] for row in orjson.loads(fields[b"b"]) if row[0] == "ad" and row[2])
    return found


def test_slots_of_one_page_are_counted_each(wire: Wire) -> None:
    visitor = wire.view("A", advertiser="twice")
    entries = wire.get(SLOTS, *cookies(visitor)).json["ads"]
    assert [entry.get("reason", "") for entry in entries] == ["", "", "capped"]
    check_capped(wire.ad(visitor))


def test_forty_at_once_get_five(wire: Wire) -> None:
    """On connections of their own, over both workers, all sent in the same moment."""
    for _ in range(3):
        visitor = wire.view("SKU1")
        ready = Barrier(40)

        def ask(raw: bytes, ready: Barrier = ready) -> int:
            with wire.connect() as connection, connection.makefile("rb") as stream:
                ready.wait()
                connection.sendall(raw)
                return int(stream.readline().split()[1])

        with ThreadPoolExecutor(40) as pool:
            statuses = Counter(pool.map(ask, [request(AD, *cookies(visitor))] * 40))
        assert statuses == {200: 5, 204: 35}
        check_capped(wire.ad(visitor))


def test_forty_in_one_segment_get_five(wire: Wire) -> None:
    visitor = wire.view("SKU1")
    replies = wire.batch((request(AD, *cookies(visitor)) for _ in range(40)), at_once=40)
    assert [reply.status for reply in replies] == [200] * 5 + [204] * 35


def waiting(server: Server, visitor: str) -> int:
    """Ads that this visitor got and that nobody has seen yet."""
    with server.valkey() as valkey:
        held = valkey.hget(f"u:{{{visitor_of(server, visitor)}}}", "q")
    return (len(held) - 2) // 15 if isinstance(held, bytes) else 0


def test_an_impression_makes_its_ad_final_for_the_visitor_who_saw_it(server: Server, wire: Wire) -> None:
    visitor = wire.view("A", advertiser="twice")
    ads = [wire.ad(visitor) for _ in range(2)]
    assert waiting(server, visitor) == 2
    silent = [(), (("Cookie", visitor), ("Sec-GPC", "1")), (("Cookie", f"{visitor}; adserver-opt-out=1"),)]
    first, second = (impression_in(ad.text) for ad in ads)
    for number, headers in enumerate(silent):
        reply = wire.get(first, *headers)
        assert (reply.status, reply.reason) == (200, "duplicate" if number else "")
    until(lambda: waiting(server, visitor) == 1, what="the ad that was seen waits no more")
    check_capped(wire.ad(visitor))  # the other one may still be seen
    assert wire.get(second, *cookies(visitor)).reason == ""
    until(lambda: waiting(server, visitor) == 0, what="nor does the other one")
    check_capped(wire.ad(visitor))


def test_a_click_ends_the_tiredness(server: Server, wire: Wire) -> None:
    visitor = wire.view("A", advertiser="tired")
    ad = wire.ad(visitor)
    (counter,) = profile(server, visitor).frequency
    assert counter.startswith("d")
    assert counter.endswith(":A")
    assert wire.get(clicks_in(ad.text)[0], *cookies(visitor)).status in {302, 303}
    until(lambda: not profile(server, visitor).frequency, what="the click is known")
