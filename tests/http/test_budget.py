"""A budget from the accounts file to the report: ads while there is money, and not one impression billed beyond it."""

from collections.abc import Iterator

import orjson
import pytest

from adserver.model.reason import NoAdReason
from tests.http.conftest import Wire, clicks_in, impression_in, wire_to
from tests.journeys.inside import quick_server
from tests.server import ACCOUNTS, Server, feed_xml, until

TERMS = """creative = "grid"
bid = { model = "CPM", amount = "4.00" }
budget = { total = "0.020", pacing = "asap" }"""
CLICKS = """
[advertisers.clicks]
name = "Clicks"
domains = ["clicks.test"]
currency = "EUR"
locale = "en_GB"
consent_default = "allow"
[campaigns.clicks]
advertiser = "clicks"
holdout = 0
[line_items.clicks]
campaign = "clicks"
creative = "grid"
bid = { model = "CPC", amount = "0.50" }
budget = { daily = "1.00", pacing = "asap" }
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Two workers with five impressions, and two clicks, to share."""
    accounts = ACCOUNTS.replace('creative = "grid"', TERMS, 1) + CLICKS
    with quick_server("--workers", "2", accounts=accounts, feed=feed_xml(["SKU1"])) as running:
        file = running.data_dir.parent / "clicks.xml"
        file.write_text(feed_xml(["A"], base="https://clicks.test"), "utf-8")
        running.cli("feed", "import", "clicks", str(file))
        running.wait_for_workers()
        until(lambda: len(budgets(running)) == 2, what="the ledgers")
        yield running


@pytest.fixture(scope="module")
def wire(server: Server) -> Wire:
    return wire_to(server)


def budgets(server: Server) -> dict[str, dict[str, str]]:
    """Of the line items that have a ledger."""
    rows = orjson.loads(server.cli("budget", "--json"))["budgets"]
    return {row["line_item"]: row for row in rows if row["spent"] is not None}


def costs(server: Server, kind: str) -> list[int]:
    with server.valkey() as valkey:
        entries = valkey.xrange("events:{0}")
        records = [record for _, fields in entries for record in orjson.loads(fields[b"b"])]
    return [record[6] for record in records if record[0] == kind]


def test_impressions_are_billed_up_to_the_budget(server: Server, wire: Wire) -> None:
    visitor = wire.view("SKU1")
    ads = [wire.ad(visitor) for _ in range(12)]
    shown = [ad for ad in ads if ad.status == 200]
    assert len(shown) == 5
    assert {ad.reason for ad in ads if ad.status != 200} == {NoAdReason.BUDGET.label}
    for ad in shown:
        assert wire.get(impression_in(ad.text)).reason == ""
    assert costs(server, "impression") == [4_000] * 5
    (row,) = (row for name, row in budgets(server).items() if name != "clicks")
    assert (row["spent"], row["held"]) == ("0.02", "0.00")


def test_clicks_are_billed_up_to_the_budget(server: Server, wire: Wire) -> None:
    visitor = wire.view("A", advertiser="clicks")
    ads = [wire.ad(visitor) for _ in range(3)]
    assert [ad.status for ad in ads] == [200] * 3
    assert [wire.get(clicks_in(ad.text)[0]).status for ad in ads] == [302] * 3
    assert costs(server, "click") == [500_000, 500_000, 0]
    until(lambda: wire.ad(visitor).reason == NoAdReason.BUDGET.label, what="the end of the money")
    assert budgets(server)["clicks"]["spent_today"] == "1.00"
