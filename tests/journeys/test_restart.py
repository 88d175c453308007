"""What was answered is there after everything was killed, and a stop ends nothing that had begun."""

import os
import re
import signal
import socket
from urllib.parse import urlsplit

import httpx

from adserver.audience.interest import interests
from tests.journeys.inside import (
    ad,
    errors,
    is_gone,
    links,
    on_disk,
    profile,
    quick_server,
    reason,
    totals,
    view,
    visitor_of,
    whole_tree,
)
from tests.server import Server, cookie_of, feed_xml, until

PIXEL = "/pixel.gif?a=acme&e=view_item&p="


def test_everything_is_there_after_everything_was_killed() -> None:
    with quick_server("--workers", "2", feed=feed_xml(["A", "B", "C"])) as server:
        cookie = cookie_of(view(server, "A"))
        for product in ("C", "B"):
            assert reason(view(server, product, cookie)) == ""
        banner = ad(server, cookie)
        (impression,) = links(banner.text, "i")
        assert reason(server.client.get(impression)) == ""
        assert server.client.get(links(banner.text, "c")[0]).status_code == 302
        expected = {"requests": 1, "impressions": 1, "clicks": 1}
        until(lambda: totals(server) == expected, what="the report")
        known, visitor = profile(server, cookie), visitor_of(server, cookie)
        on_disk(server)

        for pid in (tree := whole_tree(server, workers=2)).everybody():
            os.kill(pid, signal.SIGKILL)
        until(lambda: all(is_gone(pid) for pid in tree.everybody()), what="the end of all processes")

        server.stop()
        server.start()
        assert visitor_of(server, cookie) == visitor
        assert profile(server, cookie) == known
        (shopping,) = profile(server, cookie).shopping.values()
        assert interests(shopping) == ["B", "C", "A"]
        again = ad(server, cookie)
        assert re.findall(r"Product (\w)<", again.text) == re.findall(r"Product (\w)<", banner.text)
        assert "Product B" in again.text
        # What was counted once is not counted again by the same token.
        assert reason(server.client.get(impression)) == "duplicate"
        until(lambda: totals(server) == {**expected, "requests": 2}, what="the report")


def test_a_stop_answers_what_is_in_flight() -> None:
    with quick_server(feed=feed_xml(["A"])) as server:
        cookie = cookie_of(view(server, "A"))
        banners = [ad(server, cookie) for _ in range(10)]
        impressions = [links(banner.text, "i")[0] for banner in banners]
        pixels = [f"{PIXEL}P{number}" for number in range(40)]
        (valkey,) = whole_tree(server).valkey
        # While Valkey stands still, requests are under way as long as the test needs.
        os.kill(valkey, signal.SIGSTOP)
        try:
            wires = [
                sent(server, f"GET {path} HTTP/1.1\r\nHost: ads.test\r\nCookie: {cookie}\r\n\r\n")
                for path in pixels + impressions
            ]
            # Connections are accepted in turn: once a later one is answered, the earlier ones are being worked on.
            for _ in range(2):
                assert httpx.get(f"{server.base_url}/healthz").status_code == 200
            stopped = server.process
            assert stopped is not None
            stopped.terminate()
            until(lambda: '"Shutting down"' in server.log(), what="the stop")
        finally:
            os.kill(valkey, signal.SIGCONT)
        answers = [answer_of(wire) for wire in wires]
        assert stopped.wait(30) == 0
        assert [answer.partition("\r\n")[0] for answer in answers] == ["HTTP/1.1 200 OK"] * 50
        counted = ["x-adserver-reason" not in answer for answer in answers]
        assert errors(server.log()) == []

        # The database had it all before Valkey went; no server is needed to read it.
        reported = server.report()["totals"]
        assert reported == {"requests": 10, "impressions": sum(counted[40:50]), "clicks": 0}
        server.process = None
        server.start()
        (shopping,) = profile(server, cookie).shopping.values()
        names = [f"P{number}" for number in range(40)] + [""] * 10
        assert {name for name, kept in zip(names, counted, strict=True) if kept and name} <= shopping.viewed.keys()
        assert totals(server) == reported


def test_a_stop_waits_for_a_request_that_is_being_sent() -> None:
    with quick_server() as server:
        slow = sent(server, f"GET {PIXEL}SLOW HTTP/1.1\r\nHost: ads.te")
        assert httpx.get(f"{server.base_url}/healthz").status_code == 200
        stopped = server.process
        assert stopped is not None
        stopped.terminate()
        until(lambda: '"Shutting down"' in server.log(), what="the stop")
        slow.sendall(b"st\r\n\r\n")
        answer = answer_of(slow)
        assert stopped.wait(30) == 0
        assert answer.startswith("HTTP/1.1 200 OK")


def sent(server: Server, text: str) -> socket.socket:
    """A connection on which these bytes were sent."""
    address = urlsplit(server.base_url)
    wire = socket.create_connection((str(address.hostname), address.port or 80), timeout=30)
    wire.sendall(text.encode())
    return wire


def answer_of(wire: socket.socket) -> str:
    """Head and body of what came back; empty when the connection was closed without a word."""
    received = b""
    try:
        with wire:
            while chunk := wire.recv(65_536):
                received += chunk
                head, _, body = received.partition(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head)
                if length and len(body) >= int(length[1]):
                    break
    except ConnectionError:
        pass
    return received.decode("latin-1")
