"""``/ad.png`` and its kin, and ``/ad/click``: a picture of one decision, and the way from there to the shop."""

import io
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image

from adserver.storage.valkey import keys
from tests.http.conftest import SECRET, Header, Reply, Wire, clicks_in, cookies, failures, wire_to
from tests.http.test_operations import samples
from tests.server import ACCOUNTS, Server, feed_xml, running_server, until
from tests.shop import Shop, running_shop

RECTANGLE = "daily-rectangle"
GMAIL: Header = (
    "User-Agent",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
)
BOOKED = (
    ACCOUNTS
    + """
[line_items.acme-house]
campaign = "acme-summer"
creative = "house"
[placements.daily-empty]
publisher = "daily"
size = "300x250"
no_history = "passback"
"""
)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with running_shop() as running:
        running.pages |= {f"/img/SKU{n}.png": running.pages["/shoe.jpg"] for n in (1, 2)}
        yield running


@pytest.fixture(scope="module")
def server(shop: Shop) -> Iterator[Server]:
    feed = feed_xml(["SKU1", "SKU2", "SKU3"]).replace("https://shop.test/i", f"{shop.url}/i")
    settings: dict[str, Any] = {
        "ADSERVER_SECRET": SECRET,
        "ADSERVER_FETCH_ALLOW": "127.0.0.1:*",
        "ADSERVER_AD_DEADLINE_MS": "5000",
    }
    with running_server("--workers", "2", accounts=BOOKED, feed=feed, **settings) as running:
        yield running
        assert failures(running) == []


@pytest.fixture(scope="module")
def wire(server: Server) -> Wire:
    return wire_to(server)


def picture(
    wire: Wire,
    cookie: str = "",
    cb: str = "1",
    *headers: Header,
    kind: str = "png",
    placement: str = RECTANGLE,
    more: str = "",
) -> Reply:
    return wire.get(f"/ad.{kind}?placement={placement}&cb={quote(cb, safe='')}{more}", *cookies(cookie), *headers)


def click(wire: Wire, cookie: str = "", cb: str = "1", *headers: Header, placement: str = RECTANGLE) -> Reply:
    return wire.get(f"/ad/click?placement={placement}&cb={quote(cb, safe='')}", *cookies(cookie), *headers)


def landing(wire: Wire, reply: Reply) -> str:
    """Where a click ends."""
    assert reply.status == 302, reply
    assert re.fullmatch(r"/c/[A-Za-z0-9_-]+", reply.header("location"))
    return wire.get(reply.header("location")).header("location")


def impressions(server: Server) -> int:
    """Those that were counted."""
    with server.valkey() as valkey:
        entries: Any = valkey.xrange(keys.EVENTS)
    return sum(record[0] == "impression" for _, fields in entries for record in json.loads(fields[b"b"]))


def memory(server: Server) -> dict[bytes, int]:
    """Bytes by key, but for the stream, and what is remembered of whoever writes it."""
    with server.valkey() as valkey:
        names = [name for name in valkey.scan_iter("*", count=1_000) if b"{0}" not in name]
        return {name: valkey.memory_usage(name, samples=0) or 0 for name in names}


@pytest.mark.parametrize(("kind", "media_type"), [("png", "image/png"), ("webp", "image/webp"), ("jpg", "image/jpeg")])
@pytest.mark.parametrize("density", [1, 2])
def test_a_picture_of_the_ad(wire: Wire, kind: str, media_type: str, density: int) -> None:
    cookie = wire.view("SKU1", "SKU2")
    for product in wire.get(f"/ad.json?placement={RECTANGLE}", *cookies(cookie)).json["products"]:
        for name in ("image", "image_2x"):
            assert wire.get(product[name]).header("content-type") == "image/jpeg"  # made before it is needed
    reply = picture(wire, cookie, kind=kind, more=f"&density={density}")
    assert (reply.status, reply.reason) == (302, "")
    assert reply.header("cache-control") == "private, no-store"
    assert reply.header("vary") == "Cookie, Origin, Sec-GPC"
    assert reply.header("cross-origin-resource-policy") == "cross-origin"
    target = reply.header("location")
    assert re.fullmatch(rf"/media/[0-9a-f]{{64}}\.{kind}", target)
    shown = wire.get(target)
    assert (shown.status, shown.header("content-type")) == (200, media_type)
    assert shown.header("cache-control") == "public, max-age=31536000, immutable"
    assert shown.header("x-content-type-options") == "nosniff"
    assert not shown.header("set-cookie")
    image = Image.open(io.BytesIO(shown.body)).convert("RGB")
    assert image.size == (300 * density, 250 * density)
    red, _, blue = (band.tobytes() for band in image.split())
    assert any(b > 140 and r < 90 for r, b in zip(red, blue, strict=True))  # the shop's shoe
    known = wire.get(target, ("If-None-Match", shown.header("etag")))
    assert (known.status, known.body) == (304, b"")
    with wire.connect() as connection, connection.makefile("rb") as stream:
        connection.sendall(f"HEAD {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        head, _, body = stream.read().partition(b"\r\n\r\n")
    assert f"content-length: {len(shown.body)}".encode() in head
    assert body == b""


def test_the_same_ad_is_the_same_picture_and_another_impression(server: Server, wire: Wire) -> None:
    before = impressions(server)
    asked = [picture(wire, wire.view("SKU1", "SKU2"), str(number)) for number in range(6)]
    assert len({reply.header("location") for reply in asked}) == 1
    assert impressions(server) == before + 6


def test_a_name_of_one_picture_is_not_that_of_another(wire: Wire) -> None:
    target = picture(wire, wire.view("SKU1")).header("location")
    for other in (target.replace(".png", ".jpg"), target.replace(".png", ""), target + "x"):
        assert wire.get(other).status == 404
    assert wire.get("/media/" + "0" * 64 + ".png").status == 404


def test_what_nobody_sees_is_not_counted(server: Server, wire: Wire) -> None:
    cookie = wire.view("SKU1")
    before = impressions(server)
    with wire.connect() as connection:
        connection.sendall(f"HEAD /ad.png?placement={RECTANGLE}&cb=1 HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 405 ")
    ahead = picture(wire, cookie, "ahead", ("Sec-Purpose", "prefetch"))
    assert (ahead.status, ahead.reason) == (302, "prefetch")
    assert impressions(server) == before
    assert picture(wire, cookie, "seen").reason == ""
    assert impressions(server) == before + 1


def test_the_click_of_the_same_visitor(wire: Wire) -> None:
    cookie, other = wire.view("SKU1"), wire.view("SKU2")
    assert picture(wire, cookie, "mine").status == 302
    assert landing(wire, click(wire, cookie, "mine")) == "https://shop.test/p/SKU1"
    for reply in (
        click(wire, other, "mine"),
        click(wire, "", "mine"),
        click(wire, cookie, "other"),
        click(wire, cookie, "mine", placement="daily-leaderboard"),
        click(wire, cookie, "mine", placement="nowhere"),
        wire.get(f"/ad/click?placement={RECTANGLE}", *cookies(cookie)),
        wire.get("/ad/click?cb=mine", *cookies(cookie)),
        wire.get(f"/ad/click?placement={RECTANGLE}&cb=mine&cb=mine", *cookies(cookie)),
        wire.get(f"/ad/click?placement={RECTANGLE}&cb=mine&click=https://evil.example/?u=", *cookies("")),
    ):
        assert (reply.status, reply.header("location")) == (404, "")


def test_the_last_decision_of_one_cachebuster_wins(wire: Wire) -> None:
    cookie = wire.view("SKU1")
    first = picture(wire, cookie, "again")
    wire.view("SKU2", cookie=cookie)
    second = picture(wire, cookie, "again")
    assert first.header("location") != second.header("location")
    assert landing(wire, click(wire, cookie, "again")) == "https://shop.test/p/SKU2"


def test_a_mail_is_read_through_a_proxy_and_clicked_in_a_browser(wire: Wire) -> None:
    """The proxy has no cookies, and the reader's browser may have one that the picture did not know of."""
    seen = picture(wire, "", "mail-4711", GMAIL)
    assert (seen.status, seen.reason) == (302, "")
    assert wire.get(seen.header("location"), GMAIL).status == 200
    assert landing(wire, click(wire, "", "mail-4711")) == "https://shop.test/"
    assert landing(wire, click(wire, wire.view("SKU1"), "mail-4711")) == "https://shop.test/"
    other = picture(wire, "", "mail-4712", ("User-Agent", "YahooMailProxy; https://help.yahoo.com/"))
    assert (other.status, other.reason) == (302, "")


def test_crawlers_get_none(wire: Wire) -> None:
    cookie = wire.view("SKU1")
    for agent in ("Googlebot-Image/1.0", "facebookexternalhit/1.1", "Mozilla/5.0 (compatible; bingbot/2.0)"):
        reply = picture(wire, cookie, "bot", ("User-Agent", agent))
        assert (reply.status, reply.reason) == (204, "bot")
    assert click(wire, cookie, "bot").status == 404


@pytest.mark.parametrize("objection", [("Sec-GPC", "1"), ("Cookie", "adserver-opt-out=1")])
def test_nothing_personal_for_those_who_object(wire: Wire, objection: Header) -> None:
    cookie = wire.view("SKU1")
    if objection[0] == "Cookie":
        cookie, objection = f"{cookie}; adserver-opt-out=1", ("X-Nothing", "1")
    assert picture(wire, cookie, "no-thanks", objection).status == 302
    assert landing(wire, click(wire, cookie, "no-thanks", objection)) == "https://shop.test/"
    assert picture(wire, cookie, "none", objection, placement="daily-empty").reason == "consent"
    assert picture(wire, cookie, "more", more="&gdpr=1").status == 302


@pytest.mark.parametrize(
    ("page", "known"),
    [("https://news.test/story", True), ("https://evil.test/", False), ("", False)],
)
def test_a_foreign_page_can_not_find_out_where_its_reader_has_been(wire: Wire, page: str, known: bool) -> None:
    """By whether a picture loads; where the publisher's own pages name themselves, all is as it was."""
    cookie = wire.view("SKU1")
    headers = [("Sec-Fetch-Site", "cross-site"), *([("Referer", page)] if page else [])]
    told = picture(wire, cookie, "oracle", *headers, placement="daily-empty")
    assert (told.status, told.reason) == ((302, "") if known else (204, "no_visitor"))


def test_no_ad_and_why(wire: Wire) -> None:
    reply = picture(wire, "", "1", placement="daily-empty")
    assert (reply.status, reply.body, reply.reason) == (204, b"", "no_visitor")
    assert reply.header("cache-control") == "private, no-store"
    assert picture(wire, "", "1", placement="nowhere").reason == "unknown_placement"


MALFORMED = [
    "",
    "placement=daily-rectangle",
    "cb=1",
    "placement=daily-rectangle&cb=",
    "placement=daily-rectangle&cb=1&cb=2",
    "placement=daily-rectangle&placement=daily-rectangle&cb=1",
    "placement=daily-rectangle&cb=" + "x" * 129,
    "placement=daily-rectangle&cb=%%25CACHEBUSTER%%25",
    "placement=daily-rectangle&cb=${CACHEBUSTER}",
    "placement=daily-rectangle&cb=[timestamp]",
    "placement=daily-rectangle&cb={{contact.id}}",
    "placement=daily-rectangle&cb=*|UNIQID|*",
    "placement=daily-rectangle&cb=a%0d%0ab",
    "placement=daily-rectangle&cb=%00",
    "placement=daily-rectangle&cb=%FF",
    "placement=daily-rectangle&cb=1&density=3",
    "placement=daily-rectangle&cb=1&density=1&density=2",
    "placement=daily-rectangle&cb=1&density=",
    "placement=daily-rectangle&cb=1&x=" + "y" * 9_000,
]


@pytest.mark.parametrize("query", MALFORMED, ids=[f"{n}-{query[-20:]}" for n, query in enumerate(MALFORMED)])
def test_what_can_not_be_tied_is_no_request(wire: Wire, query: str) -> None:
    for kind in ("png", "webp", "jpg"):
        reply = wire.get(f"/ad.{kind}?{query}", *cookies(""))
        assert (reply.status, reply.reason) == (204, "malformed")
    assert wire.get(f"/ad/click?{query}").status == 404


@pytest.mark.parametrize(
    "cb",
    [
        "1",
        "a" * 128,
        "a@b.example",
        "2026-11-23T10:00:00+01:00",
        "Zm9v==",
        "a/b~c.d,e=f",
        "\N{EURO SIGN}u".replace("\N{EURO SIGN}", "\xfc"),
    ],
)
def test_cachebusters_as_mailing_tools_write_them(wire: Wire, cb: str) -> None:
    cookie = wire.view("SKU1")
    assert picture(wire, cookie, cb).status == 302
    assert landing(wire, click(wire, cookie, cb)) == "https://shop.test/p/SKU1"


def test_ties_live_as_long_as_clicks_count(server: Server, wire: Wire) -> None:
    assert picture(wire, wire.view("SKU1"), "lasting").status == 302
    with server.valkey() as valkey:
        lives = [valkey.ttl(key) for key in valkey.scan_iter("t:{*", count=1_000)]
    assert lives
    assert all(0 < seconds <= 86_400 for seconds in lives)
    assert max(lives) > 86_000


def test_strangers_who_make_up_cachebusters_cost_next_to_nothing(server: Server, wire: Wire) -> None:
    """What is told of each of them is a few bytes on a shelf that is never longer than so many."""
    for number in range(300):  # all shelves are there
        assert picture(wire, "", f"first-{number}").status == 302
    before = memory(server)
    for number in range(300):
        assert picture(wire, "", f"flood-{number}", GMAIL).status == 302
    after = memory(server)
    assert not [name for name in after.keys() - before.keys() if name[:3] != b"t:{"]
    assert len(after) - len(before) < 256
    assert sum(after.values()) - sum(before.values()) < 300 * 150  # at most a new shelf for each


def test_a_visitor_who_makes_up_cachebusters_has_one_key_for_them(server: Server, wire: Wire) -> None:
    cookie = wire.view("SKU1")
    picture(wire, cookie, "0")
    before = memory(server)
    for number in range(1, 60):
        assert picture(wire, cookie, str(number)).status == 302
    assert memory(server).keys() == before.keys()
    assert click(wire, cookie, "1").status == 404
    assert landing(wire, click(wire, cookie, "59")) == "https://shop.test/p/SKU1"


@pytest.mark.parametrize("known", [True, False])
def test_each_click_of_a_picture_counts_once(wire: Wire, known: bool) -> None:
    cookie = wire.view("SKU1") if known else ""
    assert picture(wire, cookie, "once").status == 302
    target = click(wire, cookie, "once").header("location")
    assert wire.get(target).reason == ""
    assert wire.get(click(wire, cookie, "once").header("location")).reason == "duplicate"
    if known:
        assert clicks_in(wire.ad(cookie).text)[0] != target
    assert picture(wire, cookie, "twice").status == 302
    assert wire.get(click(wire, cookie, "twice").header("location")).reason == ""


def test_several_slots_of_one_page_with_one_cachebuster(wire: Wire) -> None:
    cookie = wire.view("SKU1", "SKU2")
    for placement, size in (("daily-leaderboard", (728, 90)), ("daily-skyscraper", (160, 600))):
        reply = picture(wire, cookie, "page", placement=placement, kind="webp")
        assert Image.open(io.BytesIO(wire.get(reply.header("location")).body)).size == size
        assert landing(wire, click(wire, cookie, "page", placement=placement)) == "https://shop.test/p/SKU2"


def test_how_pictures_ended_is_counted(wire: Wire) -> None:
    def outcomes() -> set[str]:
        counted = samples(wire.get("/metrics").text).get("adserver_ad_pictures_total", [])
        return {labels["outcome"] for labels, count in counted if count}

    until(lambda: {"drawn", "known"} <= outcomes(), what="the counts")
    assert outcomes() <= {"drawn", "known", "stored", "incomplete"}
