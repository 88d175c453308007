"""Valkey goes and comes back: every request is still answered, and nothing that was kept is lost."""

import json
import os
import signal
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from adserver.storage.valkey.embedded import EmbeddedValkey
from tests.journeys.inside import (
    ad,
    cli,
    import_feed,
    on_disk,
    profile,
    quick_server,
    reason,
    totals,
    tree_of,
    view,
    whole_tree,
)
from tests.server import ACCOUNTS, Server, cookie_of, feed_xml, until


def test_the_embedded_one_is_started_again() -> None:
    with quick_server(feed=feed_xml(["A"])) as server:
        cookie = cookie_of(view(server, "A"))
        assert ad(server, cookie).status_code == 200
        on_disk(server)
        (valkey,) = whole_tree(server).valkey
        os.kill(valkey, signal.SIGKILL)
        until(lambda: tree_of(server).valkey not in ([valkey], []), what="another Valkey")
        until(lambda: server.client.get("/readyz").status_code == 200, what="readiness")
        (shopping,) = profile(server, cookie).shopping.values()
        assert set(shopping.viewed) == {"A"}
        until(lambda: "Product A" in ad(server, cookie).text, what="the ad")
        assert reason(view(server, "A", cookie)) == ""
        until(lambda: totals(server)["requests"] >= 2, what="the report")
        assert "the embedded Valkey ended and is started again" in server.log()
        assert "Traceback" not in server.log()


@pytest.fixture
def elsewhere() -> Iterator[EmbeddedValkey]:
    """A Valkey that the server does not own: it is away as long as a test wants."""
    with tempfile.TemporaryDirectory(prefix="ads-") as folder:
        valkey = EmbeddedValkey(Path(folder))
        valkey.start()
        yield valkey
        valkey.stop()


@pytest.fixture
def server(elsewhere: EmbeddedValkey) -> Iterator[Server]:
    with quick_server(feed=feed_xml(["A", "B"]), ADSERVER_VALKEY_URL=elsewhere.url) as running:
        yield running


def test_while_it_is_away_everything_is_answered(server: Server, elsewhere: EmbeddedValkey) -> None:
    cookie = cookie_of(view(server, "A"))
    banner = ad(server, cookie).text
    assert "Product A" in banner
    requests = totals(server)["requests"]
    elsewhere.stop()

    unready = until(lambda: (r := server.client.get("/readyz")).status_code == 503 and r, what="the alarm").json()
    assert unready["ready"] is False
    assert unready["problems"][0].startswith("Valkey ")
    assert elsewhere.url not in str(unready)
    assert server.client.get("/healthz").status_code == 200
    newcomers = []
    for _ in range(3):
        answer = view(server, "B", cookie)
        assert reason(answer) == ""
        assert "set-cookie" not in answer.headers
        newcomers.append(cookie_of(view(server, "B")))
        no_ad = ad(server, cookie)
        assert (no_ad.status_code, reason(no_ad)) == (204, "store_unavailable")
        slots = server.client.get("/ads", params={"placement": "daily-rectangle"}, headers={"cookie": cookie})
        assert slots.json() == {"ads": [{"placement": "daily-rectangle", "reason": "store_unavailable"}]}
    click = next(part for part in banner.split('"') if "/c/" in part)
    landed = server.client.get(click[click.index("/c/") :])
    assert landed.status_code == 302
    assert landed.headers["location"].startswith("https://shop.test/p/A")

    # Accounts are kept in SQL; the workers get them when Valkey is back.
    paused = ACCOUNTS.replace('size = "300x250"', 'size = "300x250"\nstatus = "paused"')
    file = server.data_dir.parent / "paused.toml"
    file.write_text(paused, "utf-8")
    assert "1 change made" in cli(server, "apply", str(file))
    assert "bad" not in cli(server, "report")
    refused = cli(server, "feed", "import", "acme", str(server.data_dir.parent / "feed.xml"), code=1)
    assert refused.strip() == ""

    elsewhere.start()
    until(lambda: server.client.get("/readyz").status_code == 200, what="readiness")
    until(lambda: reason(ad(server, cookie)) == "placement_paused", what="the paused placement")
    for somebody, products in [(cookie, {"A", "B"}), *((newcomer, {"B"}) for newcomer in newcomers)]:
        until(partial(has_viewed, server, somebody, products), what="what was kept meanwhile")
    banner = ad(server, cookie, "daily-leaderboard").text
    assert 0 <= banner.index("Product B") < banner.index("Product A")
    assert reason(view(server, "B", cookie)) == ""
    until(lambda: given_up(server) == 6, what="the report of what was asked for meanwhile")
    assert totals(server)["requests"] >= requests + 6
    assert "Traceback" not in server.log()


def has_viewed(server: Server, cookie: str, products: set[str]) -> bool:
    """Whether the visitor with this cookie has looked at these products, and no others."""
    seen = profile(server, cookie).shopping.values()
    return {product for shopping in seen for product in shopping.viewed} == products


def given_up(server: Server) -> int:
    """Requests for an ad that Valkey did not answer, as the report has them."""
    rows = json.loads(cli(server, "report", "--json"))["no_ad"]
    return sum(row["requests"] for row in rows if row["reason"] == "store_unavailable")


def test_a_new_empty_one_gets_the_accounts_by_itself(server: Server, elsewhere: EmbeddedValkey) -> None:
    cookie = cookie_of(view(server, "A"))
    with server.valkey() as valkey:
        valkey.flushall()
        valkey.function_flush()
    assert reason(view(server, "B", cookie)) == ""
    until(lambda: b"revision" in valkey.hkeys("snapshot:{control}"), what="the accounts")
    assert reason(ad(server, cookie)) in ("no_product", "no_history")
    import_feed(server, feed_xml(["B"]))
    until(lambda: "Product B" in ad(server, cookie).text, what="the ad")
    with httpx.Client(base_url=server.base_url) as client:
        assert client.get("/readyz").json()["ready"] is True
