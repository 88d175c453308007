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
from sqlalchemy import text
from typer.testing import CliRunner

from adserver.cli import app
from adserver.storage.sql.engine import open_engine, writing
from tests.journeys.inside import ad, apply, cli, import_feed, quick_server, reason, totals, view
from tests.server import ACCOUNTS, Server, cookie_of, feed_xml, until

FEEDS = Path(__file__).parents[2].parent / "shared" / "data" / "feeds"
REAL = pytest.mark.skipif(not FEEDS.is_dir(), reason=f"no real feeds in {FEEDS}")
GOOGLE = "{http://base.google.com/ns/1.0}"
PROMISED_S = 2.0


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with quick_server(ADSERVER_FETCH_ALLOW="127.0.0.1:*") as running:
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
    found: Any = valkey.hkeys(f"catalog:{{{ref}}}:{version}:products")
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
    said = cli(server, "feed", "import", "acme", str(FEEDS / feed["file"]), "--accept", "--json")
    told = json.loads(said)
    assert (told["outcome"], told["products"], told["left_out"]) == ("imported", count, 0)
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
        cli(server, "feed", "import", "acme", str(source), "--accept")
        ids = current(valkey)
        said = cli(server, "feed", "import", "acme", written(server, out.getvalue(), "feed.tsv"))
        assert "8 products read, 0 rows left out." in said
        assert current(valkey) == ids


def test_a_product_that_is_gone_is_shown_no_more(server: Server) -> None:
    import_feed(server, feed_xml(["A", "B"]))
    cookie = cookie_of(view(server, "A"))
    assert "Product A" in ad(server, cookie).text
    rows = feed_xml(["B", "C"]).replace("<title>Product C</title>", "<title></title>")
    said = cli(server, "feed", "import", "acme", written(server, rows), "--accept")
    since = time.monotonic()
    assert "1 product read, 1 row left out." in said
    assert "title" in said
    until(lambda: reason(ad(server, cookie)) == "no_product", within=PROMISED_S, what="the swap")
    assert time.monotonic() - since < PROMISED_S
    assert ad(server, cookie).status_code == 204


def test_what_is_held_back_is_accepted_by_the_command_that_is_told(server: Server) -> None:
    import_feed(server, feed_xml([f"P{number}" for number in range(10)]))
    few = written(server, feed_xml(["P0", "P1", "P2"]), "few.xml")
    said = cli(server, "feed", "import", "acme", few, code=1)
    assert "Held back: it has 3 products, 70% fewer than the 10 in use, and max_loss allows 30%." in said
    with server.valkey() as valkey:
        assert len(current(valkey)) == 10
        assert "is held back" in cli(server, "doctor", code=1)
        command = said.splitlines()[-1].split()
        assert command == ["adserver", "feed", "import", "acme", few, "--accept"]
        cli(server, *command[1:])
        assert current(valkey) == {"P0", "P1", "P2"}


def test_every_import_is_told_afterwards(server: Server) -> None:
    rows = feed_xml(["A", "B"]).replace("20.90 EUR", "on request")
    imported = json.loads(cli(server, "feed", "import", "acme", written(server, rows), "--accept", "--json"))
    refused = json.loads(cli(server, "feed", "import", "acme", written(server, ""), "--json", code=1))
    assert refused["outcome"] == "refused"
    told = json.loads(cli(server, "feed", "history", "acme", "--json"))["imports"]
    assert [(done["import"], done["outcome"]) for done in told[:2]] == [
        (refused["import"], "refused"),
        (imported["import"], "imported"),
    ]
    shown = json.loads(cli(server, "feed", "show", "acme", str(imported["import"]), "--json"))
    assert shown["problems"] == imported["problems"]
    (price,) = (problem for problem in shown["problems"] if problem["field"] == "price")
    assert price["examples"][0] | {"line": 0} == {"line": 0, "product_id": "B", "found": "on request"}
    text = cli(server, "feed", "show", "acme", str(imported["import"]))
    assert "on request" in text
    assert "1 product read, 1 row left out." in text
    assert "refused" in cli(server, "feed", "history", "acme")
    assert cli(server, "feed", "rebuild", "acme") == "acme: 1 product back, as the last good import left it.\n"
    assert "Kept: " in cli(server, "feed", "show", "acme", "999999", code=1)
    for command in ("history", "show", "import"):
        nobody = json.loads(cli(server, "feed", command, "nobody", "--json", code=1))
        assert nobody["error"].startswith('There is no advertiser "nobody"')


def test_a_feed_is_checked_without_account_or_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "feed.xml").write_text(feed_xml(["A", "B"]).replace("20.90 EUR", "on request"))
    done = CliRunner().invoke(app, ["feed", "check", "feed.xml", "--currency", "CHF", "--json"])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["usable"], told["products"], told["left_out"]) == (0, True, 1, 1)
    (tmp_path / "feed.xml").write_text("<html>")
    assert CliRunner().invoke(app, ["feed", "check", "feed.xml"]).exit_code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["feed.xml"]


def test_what_is_broken_leaves_the_old_products(server: Server) -> None:
    import_feed(server, feed_xml(["A"]))
    cookie = cookie_of(view(server, "A"))
    whole = feed_xml([f"N{number}" for number in range(50)])
    fetched = "the feed could not be fetched: "
    with shop_server() as (url, _):
        wrong = {
            written(server, whole[: len(whole) // 2], "half.xml"): "line 1: ",
            written(server, feed_xml([]), "empty.xml"): "the feed has no product that can be used",
            written(server, b"", "nothing.xml"): "",
            written(server, os.urandom(5_000), "noise.xml"): "",
            str(server.data_dir): "the feed's file can not be read: ",
            "nowhere.xml": "the feed's file can not be read: ",
            f"{url}/missing.xml": fetched,
            f"{url}/cut.xml": fetched,
            f"{url}/loop.xml": fetched,
            f"{url}/file.xml": fetched,
            "http://127.0.0.1:1/feed.xml": fetched,
        }
        for source, words in wrong.items():
            said = cli(server, "feed", "import", "acme", source, "--accept", code=1)
            assert f"Not imported: {words}" in said, source
            assert "The products from before stay in use." in said
        assert "1 product read" in cli(server, "feed", "import", "acme", f"{url}/moved.xml")
    with server.valkey() as valkey:
        assert current(valkey) == {"FROM-URL"}
        import_feed(server, feed_xml(["A"]))
        lasting = [key for key in valkey.scan_iter(match="catalog:*:products") if valkey.ttl(key) == -1]
        assert len(lasting) == 1
    assert "Product A" in ad(server, cookie).text
    assert 'There is no advertiser "nobody". Known: acme' in cli(server, "feed", "import", "nobody", "x", code=1)
    assert "names no feed" in cli(server, "feed", "import", "acme", code=1)


def test_an_import_that_is_killed_changes_nothing(server: Server) -> None:
    import_feed(server, feed_xml(["A"]))
    cookie = cookie_of(view(server, "A"))
    large = written(server, feed_xml([f"L{number}" for number in range(60_000)]), "large.xml")
    with server.valkey() as valkey:
        known = set(valkey.scan_iter(match="catalog:*:products"))
        importing = subprocess.Popen(server.command("feed", "import", "acme", large), env=server.env)
        half = until(lambda: set(valkey.scan_iter(match="catalog:*:products")) - known, what="the first batch")
        importing.send_signal(signal.SIGKILL)
        assert importing.wait() == -signal.SIGKILL
        assert current(valkey) == {"A"}
        (key,) = half
        assert 0 < valkey.ttl(key) <= 3_600
        assert 0 < valkey.hlen(key) < 60_000
    assert "Product A" in ad(server, cookie).text
    assert json.loads(cli(server, "feed", "history", "acme", "--json"))["imports"][0]["outcome"] == "running"
    engine = open_engine(f"sqlite:///{server.data_dir / 'adserver.db'}")
    with writing(engine) as connection:  # as if its time were over
        connection.execute(text("UPDATE feed_import SET alive_until = began_at WHERE ended_at IS NULL"))
    engine.dispose()
    assert "1 product read" in cli(server, "feed", "import", "acme", written(server, feed_xml(["B"])))
    assert json.loads(cli(server, "feed", "history", "acme", "--json"))["imports"][1]["outcome"] == "broken_off"


def test_feeds_of_accounts_are_imported_by_themselves(server: Server) -> None:
    first = written(server, feed_xml(["A", "FIRST"]), "first.xml")
    second = written(server, feed_xml(["A", "SECOND"]), "second.xml")
    with server.valkey() as valkey, shop_server() as (url, go_on):
        for source, product in ((first, "FIRST"), (second, "SECOND"), (f"{url}/good.xml", "FROM-URL")):
            apply(server, f'{ACCOUNTS}[advertisers.acme.feed]\nsource = "{source}"\nmax_loss = 1\n')
            until(lambda product=product: product in current(valkey), what=source)  # type: ignore[misc]

        # What Valkey has lost comes back from the archive.
        valkey.delete("catalogs:{control}", *valkey.scan_iter(match="catalog:*"))
        until(lambda: current(valkey) == {"FROM-URL"}, what="the archived catalog")

        # One that fails is told, and not tried again and again; the products stay.
        apply(server, f'{ACCOUNTS}[advertisers.acme.feed]\nsource = "{url}/missing.xml"\n')
        until(lambda: "could not be fetched" in server.log(), what="the failure in the log")
        assert current(valkey) == {"FROM-URL"}
        assert "could not be fetched" in cli(server, "doctor", code=1)
        assert server.log().count("could not be fetched") == 1

        # A shop's address that dawdles holds up nobody: neither the report nor the end of the server.
        import_feed(server, feed_xml(["A"]))
        cookie = cookie_of(view(server, "A"))
        apply(server, f'{ACCOUNTS}[advertisers.acme.feed]\nsource = "{url}/slow.xml"\n')
        requests = totals(server)["requests"]
        for _ in range(3):
            ad(server, cookie)
        until(lambda: totals(server)["requests"] == requests + 3, within=10, what="the report")
        metrics = server.client.get("/metrics").text
        assert 'adserver_feed_products{advertiser="acme"' in metrics
        assert 'adserver_feed_imports_total{outcome="refused"} 1.0' in metrics
        assert server.stop() == 0
        go_on.set()
    assert "is killed" not in server.log()  # as a child that waits for the address would be
