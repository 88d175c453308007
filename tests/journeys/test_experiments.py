"""Control group, A/B test and rotation through a real server: dealt for good, logged as they are, and reported."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from adserver.decision.assign import Assigner
from adserver.model.account import Campaign
from adserver.storage.sql.accounts import SqlAccounts
from adserver.storage.sql.engine import open_engine
from adserver.storage.valkey import keys
from tests.journeys.inside import ad, cli, quick_server, reason, view, visitor_of
from tests.server import ACCOUNTS, Server, cookie_of, feed_xml, until

VISITORS = 48
MORE = (
    ACCOUNTS.replace("holdout = 0\n", "holdout = 0.4\n").replace(
        'creative = "grid"', 'creative = "grid"\ncreatives = ["hero"]\nexperiment = "offer"\narm = "plain"'
    )
    + """
[line_items.acme-coupon]
campaign = "acme-summer"
creative = "grid"
experiment = "offer"
arm = "coupon"
[experiments.offer]
advertiser = "acme"
arms = { plain = 1, coupon = 1 }
"""
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with quick_server("--workers", "2", accounts=MORE, feed=feed_xml(["A", "B", "C", "D"])) as running:
        yield running


def buy(server: Server, cookie: str, order: str) -> None:
    server.client.cookies.clear()
    fields = {"a": "acme", "e": "purchase", "p": "D", "v": "20.00", "c": "EUR", "o": order}
    answer = server.client.get("/pixel.gif", params=fields, headers={"cookie": cookie})
    assert (answer.status_code, reason(answer)) == (200, "")


def assigner(server: Server) -> Assigner:
    """As any process deals that knows the database, and nothing of the server's secret."""
    engine = open_engine(f"sqlite:///{server.data_dir / 'adserver.db'}")
    try:
        return Assigner(SqlAccounts(engine).salt().encode())
    finally:
        engine.dispose()


def lift(server: Server, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cli(server, "lift", name, "--json"))["measurements"][0]
    return found


def counted(server: Server, name: str) -> dict[str, tuple[int, int, int, str]]:
    return {
        arm["arm"]: (arm["visitors"], arm["buyers"], arm["purchases"], arm["value"])
        for arm in lift(server, name)["arms"]
    }


def drawn(server: Server) -> Counter[tuple[str, str, float]]:
    """Line item, creative and propensity of every ad in the stream."""
    with server.valkey() as valkey:
        entries: Any = valkey.xrange(keys.EVENTS)
    records = [record for _, fields in entries for record in json.loads(fields[b"b"])]
    return Counter((record[2], record[5], record[6]) for record in records if record[0] == "ad" and record[2])


def test_what_ads_cause_is_measured(server: Server) -> None:
    """Every second visitor buys, twice: whoever was met before is counted, in the arm where it was met."""
    dealt, campaign = assigner(server), Campaign(id="acme-summer", advertiser="acme", holdout=0.4)
    arms: Counter[str] = Counter()
    bought: Counter[str] = Counter()
    for number in range(VISITORS):
        cookie = cookie_of(view(server, "A"))
        answers = [ad(server, cookie) for _ in range(3)]
        held_back = {reason(answer) == "holdout" for answer in answers}
        assert len(held_back) == 1, "a visitor is in the control group for good, or never"
        arm = "ghost" if held_back.pop() else "treated"
        assert {answer.status_code for answer in answers} == {204 if arm == "ghost" else 200}
        assert (arm == "ghost") == dealt.is_ghost(visitor_of(server, cookie), campaign)
        arms[arm] += 1
        if number % 2:
            buy(server, cookie, f"first-{number}")
            buy(server, cookie, f"second-{number}")
            bought[arm] += 1
    assert set(arms) == {"ghost", "treated"}
    stranger = cookie_of(view(server, "A"))
    buy(server, stranger, "nobody met this one")

    expected = {arm: (arms[arm], bought[arm], 2 * bought[arm], f"{40 * bought[arm]}.00") for arm in arms}
    until(lambda: counted(server, "acme-summer") == expected, what=f"{expected} in the report")
    by_arm = counted(server, "offer")
    assert set(by_arm) == {"plain", "coupon"}
    assert sum(buyers for _, buyers, _, _ in by_arm.values()) <= VISITORS // 2
    assert "acme-summer" in cli(server, "lift")
    asked = json.loads(cli(server, "report", "--json", "--by", "creative"))
    assert {"placement": "daily-rectangle", "reason": "holdout", "requests": 3 * arms["ghost"]} in asked["no_ad"]
    shown = {(row["line_item"], row["creative"]): row["requests"] for row in asked["rows"] if row["line_item"]}
    assert sum(shown.values()) == 3 * arms["treated"]


def test_designs_take_turns_and_what_was_drawn_is_logged(server: Server) -> None:
    cookie = cookie_of(view(server, "B"))
    for _ in range(8):
        ad(server, cookie)
    found = drawn(server)
    assert {(name, design) for name, design, _ in found} <= {
        ("acme-viewers", "grid"),
        ("acme-viewers", "hero"),
        ("acme-coupon", "grid"),
    }
    assert {chance for name, _, chance in found if name == "acme-coupon"} == {1}
    assert all(0.01 <= chance <= 0.99 for name, _, chance in found if name == "acme-viewers")
    assert len({design for name, design, _ in found if name == "acme-viewers"}) == 2
