"""The whole server on a Valkey Cluster: a primary dies under load; every event answered as kept is there."""

import threading
from collections import Counter
from typing import TYPE_CHECKING

import httpx
import orjson

from adserver.storage.valkey import keys
from adserver.storage.valkey.profile_codec import profile_of
from tests.journeys.inside import FRESH, reason, totals, visitor_of
from tests.server import DEADLINE_S, Server, cookie_of, feed_xml, running_server, until

if TYPE_CHECKING:
    from tests.contract.cluster import LiveCluster

pytest_plugins = ["tests.contract.cluster"]

VISITORS = 6


class Visits:
    """Visitors who look at one product after the other, each over a connection of its own."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.kept: dict[str, list[str]] = {}
        self.refused: Counter[str] = Counter()
        self.until_step = 10**9
        self._steps = [0] * VISITORS
        self._threads = [threading.Thread(target=self._visit, args=(number,)) for number in range(VISITORS)]

    def __enter__(self) -> "Visits":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.until_step = 0
        for thread in self._threads:
            thread.join(DEADLINE_S)
            assert not thread.is_alive()

    def after(self, steps: int) -> None:
        """Wait until each has made so many more."""
        goals = [step + steps for step in self._steps]
        until(
            lambda: all(step >= goal for step, goal in zip(self._steps, goals, strict=True)), what="more product views"
        )

    def _visit(self, number: int) -> None:
        cookie = ""
        with httpx.Client(base_url=self._server.base_url, timeout=30) as client:
            while self._steps[number] < self.until_step:
                product = f"V{number}-{self._steps[number]}"
                headers = {"cookie": cookie, **FRESH} if cookie else FRESH
                answer = client.get(f"/pixel.gif?a=acme&e=view_item&p={product}", headers=headers)
                client.cookies.clear()
                assert answer.status_code == 200
                if reason(answer):
                    self.refused[reason(answer)] += 1
                else:
                    cookie = cookie or cookie_of(answer)
                    self.kept.setdefault(cookie, []).append(product)
                self._steps[number] += 1


def test_a_primary_dies_and_nothing_answered_is_lost(cluster: "LiveCluster") -> None:
    feed, url = feed_xml(["A", "B"]), cluster.nodes[0].url
    with running_server("--workers", "2", feed=feed, ADSERVER_VALKEY_URL=url, ADSERVER_WAIT_REPLICAS="1") as server:
        until(lambda: server.client.get("/readyz").status_code == 200, what="readiness")
        with Visits(server) as visits:
            visits.after(20)
            # The primary of the event stream: every worker needs it for every event.
            victim = cluster.primary_of(cluster.slot(keys.EVENTS))
            victim.kill()
            visits.after(40)
            # With one replica each, the promoted one has nobody to wait for: events go to the spool.
            until(lambda: spooled_bytes(server) > 0, what="something in the spool")
            victim.start()
            cluster.settled()
        until(lambda: spooled_bytes(server) == 0, what="an empty spool", within=60)
        assert set(visits.refused) <= {"store_unavailable"}
        for cookie, products in visits.kept.items():
            # The oldest views of a long visit go; what is left has no gap.
            newest = products[-150:]
            assert set(newest) <= viewed(cluster, server, cookie).keys()
        events = sum(len(products) for products in visits.kept.values())
        assert recorded(cluster) == events  # once each
        cookie = next(iter(visits.kept))
        server.client.get("/pixel.gif?a=acme&e=view_item&p=A", headers={"cookie": cookie})
        answer = until(lambda: an_ad(server, cookie), what="an ad")
        assert "Product A" in answer.text
        until(lambda: totals(server)["requests"] >= 1, what="the report")


def an_ad(server: Server, cookie: str) -> httpx.Response | None:
    answer = server.client.get("/ad?placement=daily-rectangle", headers={"cookie": cookie})
    return answer if answer.status_code == 200 else None


def spooled_bytes(server: Server) -> float:
    lines = server.client.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("adserver_spool_bytes "))


def viewed(cluster: "LiveCluster", server: Server, cookie: str) -> dict[str, int]:
    key = keys.visitor(visitor_of(server, cookie))
    found = cluster.primary_of(cluster.slot(key)).ask("HGETALL", key)
    (shopping,) = profile_of([part for pair in found.items() for part in pair]).shopping.values()
    return dict(shopping.viewed)


def recorded(cluster: "LiveCluster") -> int:
    """Events in the stream."""
    entries = cluster.primary_of(cluster.slot(keys.EVENTS)).ask("XRANGE", keys.EVENTS, "-", "+")
    return sum(record[0] == "event" for _, fields in entries for record in orjson.loads(fields[b"b"]))
