"""``adserver report``: adds up, close behind, and reads well by people and by programs."""

import json
import os
import random
import re
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.inside import ad, cli, links, quick_server, reason, view
from tests.server import ACCOUNTS, Server, cookie_of, feed_xml, until

BEHIND_S = 10.0
MORE = (
    ACCOUNTS
    + """
[placements.daily-paused]
publisher = "daily"
size = "300x250"
status = "paused"
[placements.daily-odd]
publisher = "daily"
size = "980x120"
"""
)
PLACEMENTS = ["daily-rectangle", "daily-leaderboard", "daily-skyscraper", "daily-paused", "daily-odd"]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with quick_server("--workers", "2", accounts=MORE, feed=feed_xml(["A", "B"])) as running:
        yield running


def read(server: Server, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cli(server, "report", "--json", *arguments))
    return found


def exposed(server: Server) -> str:
    return server.client.get("/metrics").text


def metrics(server: Server) -> dict[str, float]:
    """Sums over all labels."""
    sums: dict[str, float] = defaultdict(float)
    for name, value in re.findall(r"^(adserver_\w+)(?:{[^}]*})? (\S+)$", exposed(server), re.M):
        sums[name] += float(value)
    return sums


def settled(server: Server) -> dict[str, Any]:
    """The report once every request answered so far is in it: what an earlier test asked for may still be under way."""
    asked = sum(
        float(count)
        for why, count in re.findall(
            r'^adserver_(?:ads|no_ads)_total(?:{reason="(\w+)"})? (\S+)$', exposed(server), re.M
        )
        if why != "unknown_placement"
    )
    found: dict[str, Any] = until(
        lambda: (r := read(server))["totals"]["requests"] == asked and r, within=BEHIND_S, what="the rest"
    )
    return found


def test_nothing_yet_is_said_in_words(server: Server) -> None:
    assert cli(server, "report").startswith("Nothing was counted yet.")
    assert read(server) == {"rows": [], "totals": {"requests": 0, "impressions": 0, "clicks": 0}, "no_ad": []}


def test_a_random_mix_adds_up(server: Server) -> None:
    dice = random.Random(3)
    with_history = cookie_of(view(server, "A"))
    with_lost_product = cookie_of(view(server, "GONE"))
    cookies = [with_history, with_history, with_lost_product, "adserver=made-up", ""]
    filled: Counter[str] = Counter()
    reasons: Counter[tuple[str, str]] = Counter()
    impressions: Counter[str] = Counter()
    clicks: Counter[str] = Counter()
    unknown = 0
    for _ in range(200):
        placement = dice.choice([*PLACEMENTS, "no-such-placement"])
        headers = {"cookie": dice.choice(cookies)} | dice.choice([{}, {}, {}, {"sec-gpc": "1"}])
        server.client.cookies.clear()
        answer = server.client.get("/ad", params={"placement": placement}, headers=headers)
        if answer.status_code == 204 and reason(answer) == "unknown_placement":
            unknown += 1
            continue
        if answer.status_code == 204:
            reasons[placement, reason(answer)] += 1
            continue
        assert answer.status_code == 200
        filled[placement] += 1
        for _ in range(dice.randrange(3)):  # never, once, or twice by the same token
            impressions[placement] += reason(server.client.get(links(answer.text, "i")[0])) == ""
        for _ in range(dice.randrange(3)):
            clicks[placement] += reason(server.client.get(links(answer.text, "c")[0])) == ""
    last_answer = time.monotonic()
    assert len({why for _, why in reasons}) >= 5
    requests = sum(filled.values()) + sum(reasons.values())

    found = until(lambda: (r := read(server))["totals"]["requests"] == requests and r, within=BEHIND_S, what="all")
    assert time.monotonic() - last_answer < BEHIND_S
    assert found["totals"] == {
        "requests": requests,
        "impressions": sum(impressions.values()),
        "clicks": sum(clicks.values()),
    }
    with_ad = {row["placement"]: row for row in found["rows"] if row["line_item"] is not None}
    assert {name: row["requests"] for name, row in with_ad.items()} == dict(filled)
    assert {name: row["impressions"] for name, row in with_ad.items()} == {name: impressions[name] for name in filled}
    assert {name: row["clicks"] for name, row in with_ad.items()} == {name: clicks[name] for name in filled}
    assert {row["line_item"] for row in with_ad.values()} == {"acme-viewers"}
    assert {(row["placement"], row["reason"]): row["requests"] for row in found["no_ad"]} == dict(reasons)
    for row in found["rows"]:
        assert list(row) == ["line_item", "placement", "requests", "impressions", "clicks"]
    # The invariant: requests = filled + the sum of the reasons, in the report and in the metrics.
    without = sum(row["requests"] for row in found["rows"] if row["line_item"] is None)
    assert without == sum(row["requests"] for row in found["no_ad"])
    counted = metrics(server)
    assert counted["adserver_ad_requests_total"] == requests + unknown
    assert counted["adserver_ads_total"] + counted["adserver_no_ads_total"] == requests + unknown
    assert counted["adserver_impressions_total"] == sum(impressions.values())
    assert counted["adserver_clicks_total"] == sum(clicks.values())


def test_it_is_never_far_behind(server: Server) -> None:
    cookie = cookie_of(view(server, "B"))
    for _ in range(3):
        before = read(server)["totals"]["requests"]
        ad(server, cookie)
        until(lambda before=before: read(server)["totals"]["requests"] > before, within=BEHIND_S, what="it")  # type: ignore[misc]


def test_the_table_is_for_people(server: Server) -> None:
    cookie = cookie_of(view(server, "A"))
    ad(server, cookie)
    ad(server, "")
    until(lambda: read(server)["no_ad"], within=BEHIND_S, what="the report")
    shown = cli(server, "report")
    for words in ("Ads by line item and placement", "Requests", "acme-viewers", "daily-rectangle", "Total"):
        assert words in shown
    assert "Why there was no ad" in shown
    assert "no_visitor" in shown


def test_json_is_nothing_but_json_wherever_it_is_run(server: Server, tmp_path: Path) -> None:
    """A real process, in another folder, by the environment alone, and by a database's address."""
    whole = settled(server)
    command = server.command("report", "--json")
    places = [
        (command, {}),
        (command[:-2], {"ADSERVER_DATA_DIR": str(server.data_dir)}),
        ([*command[:-2], "--database-url", f"sqlite:///{server.data_dir / 'adserver.db'}"], {}),
        (command[:-2], {"ADSERVER_DATABASE_URL": f"sqlite:///{server.data_dir / 'adserver.db'}"}),
    ]
    for arguments, more in places:
        done = subprocess.run(
            arguments, cwd=tmp_path, env={**server.env, **more}, capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout) == whole
    assert os.listdir(tmp_path) in ([], ["adserver-data"])


def test_hours_from_and_until(server: Server) -> None:
    ad(server, "")
    whole = settled(server)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0, tzinfo=None)
    later = (hour + timedelta(hours=1)).isoformat()
    earlier = (hour - timedelta(hours=1)).isoformat()
    assert read(server, "--since", later)["rows"] == []
    assert read(server, "--until", earlier)["rows"] == []
    assert read(server, "--since", earlier, "--until", later) == whole
