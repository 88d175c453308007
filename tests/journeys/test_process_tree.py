"""One process tree: whatever part of it is killed, the rest goes on and the part comes back."""

import os
import re
import signal
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from tests.journeys.inside import (
    FRESH,
    ad,
    is_gone,
    links,
    profile,
    quick_server,
    reason,
    totals,
    tree_of,
    view,
    whole_tree,
)
from tests.server import DEADLINE_S, Server, cookie_of, feed_xml, running_server, until


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with quick_server("--workers", "2", feed=feed_xml(["A", "B"])) as running:
        yield running


def metric(server: Server, name: str) -> float:
    text = server.client.get("/metrics").text
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE))


def test_workers_share_one_valkey(server: Server) -> None:
    tree = whole_tree(server, workers=2)
    assert (len(tree.workers), len(tree.background), len(tree.valkey)) == (2, 1, 1)
    cookie = cookie_of(view(server, "A"))
    for _ in range(20):  # new connections, so that both workers get some
        answer = server.client.get("/ad?placement=daily-rectangle", headers={"cookie": cookie, **FRESH})
        assert "Product A" in answer.text, reason(answer)


def test_a_killed_worker_loses_no_answered_event(server: Server) -> None:
    tree = whole_tree(server, workers=2)
    events_before = metric(server, "adserver_events_total")
    kept: list[tuple[str, str]] = []
    refused: Counter[str] = Counter()
    killed = threading.Event()
    enough = threading.Event()

    def visit(number: int) -> None:
        """One visitor who looks at one product after the other, until some time after the worker was killed."""
        cookie, after = "", 0
        with httpx.Client(base_url=server.base_url, timeout=30) as client:
            for step in range(100_000):
                product = f"V{number}-{step}"
                headers = {"cookie": cookie, **FRESH} if cookie else FRESH
                try:
                    answer = client.get(f"/pixel.gif?a=acme&e=view_item&p={product}", headers=headers)
                except httpx.TransportError:
                    refused["connection"] += 1
                    continue
                assert answer.status_code == 200
                if reason(answer):
                    refused[reason(answer)] += 1
                    continue
                client.cookies.clear()
                cookie = cookie or cookie_of(answer)
                kept.append((cookie, product))
                after += killed.is_set()
                if after == 25:
                    return
                if len(kept) > 100:
                    enough.set()

    visitors = [threading.Thread(target=visit, args=(number,)) for number in range(6)]
    for visitor in visitors:
        visitor.start()
    assert enough.wait(DEADLINE_S)
    os.kill(tree.workers[0], signal.SIGKILL)
    killed.set()
    for visitor in visitors:
        visitor.join(DEADLINE_S)
        assert not visitor.is_alive()

    back = whole_tree(server, workers=2)
    assert tree.workers[0] not in back.workers
    assert tree.workers[1] in back.workers
    assert (back.valkey, back.background) == (tree.valkey, tree.background)
    looked_at = {cookie: set[str]() for cookie, _ in kept}
    for cookie, product in kept:
        looked_at[cookie].add(product)
    assert len(looked_at) == 6
    for cookie, products in looked_at.items():
        (shopping,) = profile(server, cookie).shopping.values()
        # The oldest views of a long visit go; what is left has no gap.
        newest = sorted(products, key=lambda product: int(product.partition("-")[2]), reverse=True)[:200]
        assert set(newest) <= shopping.viewed.keys()
    # The killed worker's counts are still in the sum, but for those of its last moment; and it may have died after an
    # event and before its answer.
    counted = metric(server, "adserver_events_total") - events_before
    assert len(kept) - 50 <= counted <= len(kept) + refused["connection"]
    assert set(refused) <= {"connection"}


def replaced(server: Server, background: int) -> int:
    """Kill the background worker; the process id of the one that comes instead."""
    os.kill(background, signal.SIGKILL)
    until(lambda: tree_of(server).background not in ([background], []), what="another one")
    return tree_of(server).background[0]


def test_a_killed_background_worker_counts_nothing_twice(server: Server) -> None:
    cookie = cookie_of(view(server, "A"))
    # What was asked before is in the report by now, and so is not taken for ours.
    requests_before = int(metric(server, "adserver_ad_requests_total"))
    until(lambda: totals(server)["requests"] == requests_before, what="the report of earlier requests")
    (background,) = whole_tree(server, workers=2).background
    for number in range(60):
        assert ad(server, cookie).status_code == 200
        if number in (10, 30):
            background = replaced(server, background)
    impression = links(ad(server, cookie).text, "i")[0]
    assert reason(server.client.get(impression)) == ""
    until(lambda: totals(server)["requests"] - requests_before >= 61, what="the report")
    replaced(server, background)
    assert ad(server, cookie).status_code == 200
    until(lambda: totals(server)["requests"] - requests_before >= 62, what="the report")
    assert totals(server)["requests"] - requests_before == 62


def serve(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Another ``adserver serve``, which is expected to end by itself."""
    return subprocess.run(
        [*server.command("serve"), *arguments],
        env=server.env,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


def test_a_second_server_on_the_folder_ends_and_says_so(server: Server) -> None:
    before = whole_tree(server, workers=2)
    second = serve(server, "--port", "0")
    assert second.returncode == 1
    assert second.stdout == ""
    assert second.stderr.splitlines() == [f"adserver: another adserver works with {server.data_dir} already"]
    assert whole_tree(server, workers=2) == before
    assert server.client.get("/readyz").status_code == 200


def test_a_taken_port_ends_it_and_leaves_nothing_running(server: Server) -> None:
    with running_server(accounts="", start=False) as other, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = serve(other, "--port", str(port))
        assert ended.returncode == 1
        (line,) = [line for line in ended.stderr.splitlines() if not line.startswith("{")]
        assert line == f"adserver: can not listen on 127.0.0.1, port {port}: Address already in use"
        assert not (other.data_dir / "valkey").exists()
        assert not (other.data_dir / "server.json").exists()


def test_when_the_supervisor_is_killed_everybody_ends_and_it_can_start_again(server: Server) -> None:
    cookie = cookie_of(view(server, "B"))
    tree = whole_tree(server, workers=2)
    os.kill(tree.supervisor, signal.SIGKILL)
    process, server.process = server.process, None
    assert process is not None
    assert process.wait() == -signal.SIGKILL
    # At once: those of the killed one may still be on their way out.
    server.start()
    until(lambda: all(is_gone(pid) for pid in tree.everybody()), what="the end of all processes")
    whole_tree(server, workers=2)
    (shopping,) = profile(server, cookie).shopping.values()
    assert set(shopping.viewed) == {"B"}
    until(lambda: "Product B" in ad(server, cookie).text, what="the ad")


def test_a_stop_ends_everybody(server: Server) -> None:
    tree = whole_tree(server, workers=2)
    assert server.stop(signal.SIGINT) == 0
    assert all(is_gone(pid) for pid in tree.everybody())
