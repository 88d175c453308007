"""``adserver explain``: for a person and for a program, beside a running server, and nothing is changed by it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from adserver.cli import app
from adserver.commands.explain_report import tell
from adserver.decision.explain import Explained
from adserver.model.decision import Why
from adserver.model.product import Product
from adserver.model.reason import LineItemReason, NoAdReason
from adserver.service.explanation import Explanation, Shown
from adserver.storage.valkey import keys
from tests.journeys.inside import ad, cli, quick_server, view, visitor_of
from tests.server import ACCOUNTS, Server, cookie_of, feed_xml, until

EXPLAINED = (
    ACCOUNTS.replace('creative = "grid"', 'creative = "grid"\ncreatives = ["hero"]')
    + """
[line_items.capped]
campaign = "acme-summer"
creative = "grid"
priority = 1
caps = ["1/day"]
[line_items.paid]
campaign = "acme-summer"
creative = "grid"
priority = 2
bid = { model = "CPM", amount = "2.00" }
budget = { total = "50.00", pacing = "asap" }
[line_items.mornings]
campaign = "acme-summer"
creative = "grid"
end = 2027-01-01T00:00:00Z
"""
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with quick_server(accounts=EXPLAINED, feed=feed_xml(["SKU1"])) as running:
        yield running


def explain(server: Server, visitor: str, *arguments: str) -> Any:
    return json.loads(
        cli(server, "explain", "--visitor", visitor, "--placement", "daily-rectangle", "--json", *arguments)
    )


def reasons(found: Any) -> dict[str, str]:
    return {row["line_item"]: row["reason"] for row in found["line_items"]}


def test_by_id_and_by_cookie_for_people_and_programs(server: Server) -> None:
    cookie = cookie_of(view(server, "SKU1"))
    visitor = visitor_of(server, cookie)
    assert ad(server, cookie).status_code == 200
    until(lambda: explain(server, visitor)["line_item"] == "paid", what="the ledgers")
    found = explain(server, visitor)
    assert found == explain(server, cookie.partition("=")[2])
    assert reasons(found) == {
        "capped": "line_item_cap",
        "paid": "chosen",
        "acme-viewers": "outranked",
        "mornings": "outranked",
    }
    page = cli(server, "explain", "--visitor", visitor, "--placement", "daily-rectangle")
    for part in (
        "Would be shown: paid",
        "SKU1  Product SKU1 (viewed)",
        "Creatives: grid 100%",
        "product_viewer at acme",
        "442",
        "its cap is reached",
        "1 of 1 within 1 day, again ",
        "another one went first",
    ):
        assert part in page, page


def test_at_another_time(server: Server) -> None:
    visitor = visitor_of(server, cookie_of(view(server, "SKU1")))
    for moment in ("2027-01-01T00:01", "2027-01-01T00:00:01Z", "2027-01-01T01:00:01+01:00"):
        assert reasons(explain(server, visitor, "--at", moment))["mornings"] == "ended"
    assert reasons(explain(server, visitor, "--at", "2027-01-01T00:00:00Z"))["mornings"] != "ended"
    cli(server, "explain", "--visitor", visitor, "--placement", "daily-rectangle", "--at", "tomorrow", code=2)


def test_what_is_not_there_is_told_in_one_line(server: Server) -> None:
    visitor = visitor_of(server, cookie_of(view(server, "SKU1")))
    for asked, line in (
        (
            ("--visitor", visitor, "--placement", "daily-rectangel"),
            "there is no daily-rectangel. Did you mean daily-rectangle?",
        ),
        (("--visitor", visitor, "--placement", "x"), "Known: daily-leaderboard, daily-rectangle, daily-skyscraper"),
        (("--visitor", "somebody", "--placement", "daily-rectangle"), "--visitor: expected the id of a visitor"),
    ):
        done = CliRunner().invoke(app, ["explain", *asked, "--data-dir", str(server.data_dir)], env=server.env)
        assert (done.exit_code, done.stdout) == (1, "")
        assert line in done.stderr
        assert done.stderr.count("\n") == 1


def test_nothing_is_changed(server: Server) -> None:
    """The visitor is new and stays it, and the money of a line item that would pay is where it was."""
    visitor = visitor_of(server, cookie_of(view(server, "SKU1")))
    assert ad(server, cookie_of(view(server, "SKU1"))).status_code == 200
    until(lambda: ledger(server), what="the ledger")

    def state() -> tuple[object, ...]:
        with server.valkey() as valkey:
            key = keys.visitor(visitor)
            return valkey.dump(key), valkey.ttl(key) <= 3_600, valkey.xlen(keys.EVENTS), ledger(server)

    until(lambda: state() == state(), what="rest")
    before = state()
    for moment in ((), ("--at", "2030-01-01T00:00:00Z")):
        explain(server, visitor, *moment)
        cli(server, "explain", "--visitor", visitor, "--placement", "daily-leaderboard")
    assert state() == before


def ledger(server: Server) -> dict[bytes, bytes]:
    """What was spent; what workers hold comes and goes with the time."""
    with server.valkey() as valkey:
        found: list[dict[bytes, bytes]] = [valkey.hgetall(key) for key in valkey.scan_iter("budget:*")]
    return {name: value for name, value in found[0].items() if name.startswith(b"s")} if found else {}


def test_there_are_words_for_every_reason() -> None:
    for why in Why:
        found = EMPTY._replace(line_item="i", products=(Shown(PRODUCT, why),))
        assert shown_page(found)
    for reason in LineItemReason:
        page = shown_page(EMPTY._replace(told=[Explained("i", reason.label, int(reason))]))
        assert str(int(reason)) in page
    for answer, line in (
        (EMPTY, "Nothing: no_history (212). The publisher's passback is called."),
        (EMPTY._replace(instead=("a", "b")), "Nothing personal: no_history (212). House ads take turns: a, b"),
        (EMPTY._replace(line_item="i"), "Would be shown: i, as the answer to no_history (212)"),
        (EMPTY._replace(line_item="i", ghost=True), "Nothing: i is held back, for the control group of its campaign."),
        (EMPTY._replace(reason=NoAdReason.PLACEMENT_PAUSED), "Nothing: the placement is paused."),
    ):
        assert line in shown_page(answer)


def shown_page(found: Explanation) -> str:
    console = Console(file=StringIO(), width=200)
    tell(found, visitor="A" * 22, at=datetime(2026, 11, 22, tzinfo=UTC), console=console)
    return str(console.file.getvalue())  # type: ignore[attr-defined]  # it is the StringIO of two lines before


PRODUCT = Product(id="SKU1", title="Boot", link="https://shop.test/", image_link="", price=1, currency="EUR")
EMPTY = Explanation("here", "", False, NoAdReason.NO_HISTORY, (), (), (), {}, [])
