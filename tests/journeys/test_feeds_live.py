"""Feeds under a running server: the new one replaces the old one whole, or the old one stays."""

import csv
import io
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from redis import Redis

from tests.journeys.inside import ad, apply, cli, import_feed, quick_server, reason, totals, view
from tests.server import ACCOUNTS, Server, cookie_of, feed_xml, until

FEEDS = Path(__file__).parents[2].parent / "shared" / "data" / "feeds"
REAL = pytest.mark.skipif(not FEEDS.is_dir(), reason=f"no real feeds in {FEEDS}")
GOOGLE = "{http://base.google.com/ns/1.0}"
PROMISED_S = 2.0


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with quick_server() as running:
        yield running


@contextmanager
def shop_server() -> Iterator[tuple[str, threading.Event]]:
    """A shop's own HTTP server with feeds that fail in all the ways there are; the event ends the slow one."""
    go_on = threading.Event()
    good = feed_xml(["FROM-URL"]).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path
            if path == "/missing.xml":
                self.send_error(404)
                return
            location = {"/loop.xml": "/loop.xml", "/file.xml": "file:///etc/hostname", "/moved.xml": "/good.xml"}
            self.send_response(302 if path in location else 200)
            if path in location:
                self.send_header("Location", location[path])
            length = {"/cut.xml": len(good) + 1_000}.get(path, len(good))
            self.send_header("Content-Length", str(0 if path in location else length))
            self.end_headers()
            if path == "/slow.xml":
                self.wfile.write(good[:40])
                self.wfile.flush()
                go_on.wait(60)
                self.wfile.write(good[40:])
            elif path not in location:
                self.wfile.write(good)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name it has there
            """Quiet."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_port}", go_on
    finally:
        go_on.set()
        http.shutdown()
        thread.join()
        http.server_close()


def current(valkey: Redis, ref: str = "1") -> set[str]:
    """The product ids of the current catalog."""
    versions: Any = valkey.hgetall("catalogs:{control}")
    version = versions.get(ref.encode(), b"0").decode()
    found: Any = valkey.hkeys(f"catalog:{{{ref}}}:{version}")
    return {product.decode() for product in found}


def written(server: Server, content: str | bytes, name: str = "feed.xml") -> str:
    path = server.data_dir.parent / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def expected_of_google_and_meta() -> list[dict[str, Any]]:
    if not FEEDS.is_dir():
        return []
    feeds: list[dict[str, Any]] = json.loads((FEEDS / "EXPECTED.json").read_text())
    return [feed for feed in feeds if feed["file"].startswith(("google-merchant/", "meta/"))]


@REAL
@pytest.mark.parametrize("feed", expected_of_google_and_meta(), ids=lambda feed: str(feed["file"]))
def test_real_feeds(server: Server, feed: dict[str, Any]) -> None:
    count = feed.get("items", feed.get("data_rows"))
    said = cli(server, "feed", "import", "acme", str(FEEDS / feed["file"]))
    assert f"{count} products read, 0 rows left out. They are in use within two seconds." in said
    with server.valkey() as valkey:
        ids = current(valkey)
    assert len(ids) == count
    assert ids == set(feed.get("ids", ids))


@REAL
def test_a_table_is_the_same_as_its_twin(server: Server) -> None:
    source = FEEDS / "google-merchant" / "zwanski_store.xml"
    fields = ("id", "title", "link", "image_link", "price", "availability")
    out = io.StringIO()
    table = csv.DictWriter(out, fields, delimiter="\t")
    table.writeheader()
    for item in etree.parse(source).iterfind(".//item"):
        table.writerow({field: item.findtext(GOOGLE + field) or item.findtext(field) or "" for field in fields})
    with server.valkey() as valkey:
        cli(server, "feed", "import", "acme", str(source))
        ids = current(valkey)
        said = cli(server, "feed", "import", "acme", written(server, out.getvalue(), "feed.tsv"))
        assert "8 products read, 0 rows left out." in said
        assert current(valkey) == ids


def test_a_product_that_is_gone_is_shown_no_more(server: Server) -> None:
    import_feed(server, feed_xml(["A", "B"]))
    cookie = cookie_of(view(server, "A"))
    assert "Product A" in ad(server, cookie).text
    rows = feed_xml(["B", "C"]).replace("<title>Product C</title>", "<title></title>")
    said = cli(server, "feed", "import", "acme", written(server, rows))
    since = time.monotonic()
    assert "1 products read, 1 rows left out." in said
    assert "title" in said
    until(lambda: reason(ad(server, cookie)) == "no_product", within=PROMISED_S, what="the swap")
    assert time.monotonic() - since < PROMISED_S
    assert ad(server, cookie).status_code == 204


def test_what_is_broken_leaves_the_old_products(server: Server) -> None:
    import_feed(server, feed_xml(["A"]))
    cookie = cookie_of(view(server, "A"))
    whole = feed_xml([f"N{number}" for number in range(50)])
    with shop_server() as (url, _):
        wrong = {
            written(server, whole[: len(whole) // 2], "half.xml"): "line 1: ",
            written(server, feed_xml([]), "empty.xml"): "the feed has no product that can be used",
            written(server, b"", "nothing.xml"): "",
            written(server, os.urandom(5_000), "noise.xml"): "",
            str(server.data_dir): "the feed's file can not be read: Is a directory",
            "nowhere.xml": "the feed's file can not be read: No such file or directory",
            f"{url}/missing.xml": "the feed's address answered with status 404, expected 200",
            f"{url}/cut.xml": "the feed could not be fetched: the connection broke off before the end",
            f"{url}/loop.xml": "the feed's address redirects more than 3 times",
            f"{url}/file.xml": "the feed's address redirects to file://, expected https://",
            "http://127.0.0.1:1/feed.xml": "the feed could not be fetched: nobody answers at its address",
        }
        for source, words in wrong.items():
            said = cli(server, "feed", "import", "acme", source, code=1)
            assert f"Not imported: {words}" in said, source
            assert "The products from before stay in use." in said
        assert "1 products read" in cli(server, "feed", "import", "acme", f"{url}/moved.xml")
    with server.valkey() as valkey:
        assert current(valkey) == {"FROM-URL"}
        import_feed(server, feed_xml(["A"]))
        lasting = [key for key in valkey.scan_iter(match="catalog:*") if valkey.ttl(key) == -1]
        assert len(lasting) == 1
    assert "Product A" in ad(server, cookie).text
    assert 'There is no advertiser "nobody". Known: acme' in cli(server, "feed", "import", "nobody", "x", code=1)
    assert "names no feed" in cli(server, "feed", "import", "acme", code=1)


def test_an_import_that_is_killed_changes_nothing(server: Server) -> None:
    import_feed(server, feed_xml(["A"]))
    cookie = cookie_of(view(server, "A"))
    large = written(server, feed_xml([f"L{number}" for number in range(60_000)]), "large.xml")
    with server.valkey() as valkey:
        known = set(valkey.scan_iter(match="catalog:*"))
        importing = subprocess.Popen(server.command("feed", "import", "acme", large), env=server.env)
        half = until(lambda: set(valkey.scan_iter(match="catalog:*")) - known, what="the first batch")
        importing.send_signal(signal.SIGKILL)
        assert importing.wait() == -signal.SIGKILL
        assert current(valkey) == {"A"}
        (key,) = half
        assert 0 < valkey.ttl(key) <= 3_600
        assert 0 < valkey.hlen(key) < 60_000
    assert "Product A" in ad(server, cookie).text


def test_feeds_of_accounts_are_imported_by_themselves(server: Server) -> None:
    first = written(server, feed_xml(["A", "FIRST"]), "first.xml")
    second = written(server, feed_xml(["A", "SECOND"]), "second.xml")
    with server.valkey() as valkey, shop_server() as (url, go_on):
        for source, product in ((first, "FIRST"), (second, "SECOND"), (f"{url}/good.xml", "FROM-URL")):
            apply(server, f'{ACCOUNTS}[advertisers.acme.feed]\nsource = "{source}"\n')
            until(lambda product=product: product in current(valkey), what=source)  # type: ignore[misc]
        # One that fails is told once, and not tried again and again; the products stay.
        apply(server, f'{ACCOUNTS}[advertisers.acme.feed]\nsource = "{url}/missing.xml"\n')
        until(lambda: "status 404" in server.log(), what="the failure in the log")
        assert current(valkey) == {"FROM-URL"}
        assert "status 404" in cli(server, "doctor", code=1)
        assert server.log().count("status 404") == 1

        # A shop's address that dawdles holds up nobody: neither the report nor the end of the server.
        import_feed(server, feed_xml(["A"]))
        cookie = cookie_of(view(server, "A"))
        apply(server, f'{ACCOUNTS}[advertisers.acme.feed]\nsource = "{url}/slow.xml"\n')
        requests = totals(server)["requests"]
        for _ in range(3):
            ad(server, cookie)
        until(lambda: totals(server)["requests"] == requests + 3, within=10, what="the report")
        assert server.stop() == 0
        go_on.set()
    assert "is killed" not in server.log()  # as a child that waits for the address would be
