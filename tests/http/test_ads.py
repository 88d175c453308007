"""The ad: one slot as a document, all slots of a page as JSON, and a reason whenever there is none."""

import re
from urllib.parse import quote, urlencode

import lxml.html
import pytest

from adserver.model.reason import NoAdReason
from tests.http.conftest import (
    ACME,
    PRODUCTS,
    Header,
    Reply,
    Wire,
    clicks_in,
    cookies,
    hostile_lines,
    impression_in,
    products_in,
    request,
)
from tests.server import Server, feed_xml

RECTANGLE = "daily-rectangle"
SIZES = {"daily-rectangle": (300, 250), "daily-leaderboard": (728, 90), "daily-skyscraper": (160, 600)}


def ads(wire: Wire, placements: list[str], cookie: str = "", *headers: Header) -> Reply:
    return wire.get("/ads?" + urlencode([("placement", p) for p in placements]), *cookies(cookie), *headers)


@pytest.fixture(scope="module")
def cookie(wire: Wire) -> str:
    """A visitor who looked at a product."""
    return wire.view("SKU1")


@pytest.mark.parametrize("placement", SIZES)
def test_a_document_of_its_own(wire: Wire, cookie: str, placement: str) -> None:
    reply = wire.ad(cookie, placement)
    assert reply.status == 200
    assert reply.reason == ""
    assert reply.header("content-type") == "text/html; charset=utf-8"
    assert reply.header("x-content-type-options") == "nosniff"
    policy = reply.header("content-security-policy")
    assert "default-src 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "form-action 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert products_in(reply.text) == ["Product SKU1"]
    assert "20,90\xa0€" in reply.text
    assert '<img src="/media/' in reply.text
    assert "shop.test/img" not in reply.text


def test_links_and_tokens(wire: Wire, cookie: str) -> None:
    html = wire.ad(cookie).text
    root = lxml.html.document_fromstring(html)
    for link in root.iter("a"):
        assert link.get("target") == "_blank"
        assert "noopener" in (link.get("rel") or "")
    assert all(re.fullmatch(r"/c/[A-Za-z0-9_-]+", click) for click in clicks_in(html))
    assert re.fullmatch(r"/i/[A-Za-z0-9_-]+", impression_in(html))
    assert not list(root.iter("script"))


NO_AD: list[tuple[NoAdReason, str]] = [
    (NoAdReason.MALFORMED, "/ad"),
    (NoAdReason.MALFORMED, "/ad?"),
    (NoAdReason.MALFORMED, "/ad?placement=daily-rectangle&placement=daily-rectangle"),
    (NoAdReason.MALFORMED, "/ad?placement=%FF"),
    (NoAdReason.MALFORMED, "/ad?placement=daily-rectangle&x=" + "y" * 9_000),
    (NoAdReason.MALFORMED, "/ad?placement=daily-rectangle" + "&x" * 300),
    (NoAdReason.UNKNOWN_PLACEMENT, "/ad?placement="),
    (NoAdReason.UNKNOWN_PLACEMENT, "/ad?placement=nowhere"),
    (NoAdReason.UNKNOWN_PLACEMENT, "/ad?placement=Daily-Rectangle"),
    (NoAdReason.UNKNOWN_PLACEMENT, "/ad?placement=daily-rectangle%00"),
    (NoAdReason.UNKNOWN_PLACEMENT, "/ad?placement=../daily-rectangle"),
    (NoAdReason.UNKNOWN_PLACEMENT, "/ad?placement=__proto__"),
    (NoAdReason.PLACEMENT_PAUSED, "/ad?placement=daily-paused"),
    (NoAdReason.NO_LINE_ITEM, "/ad?placement=daily-huge"),
    (NoAdReason.CONSENT, "/ad?placement=daily-rectangle&gdpr=1"),
    (NoAdReason.CONSENT, "/ad?placement=daily-rectangle&gdpr=0&gdpr=0"),
]


@pytest.mark.parametrize(("reason", "target"), NO_AD, ids=[f"{n}-{row[0].label}" for n, row in enumerate(NO_AD)])
def test_no_ad_is_204_and_the_reason(wire: Wire, cookie: str, reason: NoAdReason, target: str) -> None:
    reply = wire.get(target, *cookies(cookie))
    check_none(reply, reason)


def check_none(reply: Reply, reason: NoAdReason) -> None:
    assert (reply.status, reply.body, reply.reason) == (204, b"", reason.label)
    assert "no-store" in reply.header("cache-control")
    assert "private" in reply.header("cache-control")
    assert reply.header("vary") == "Cookie, Origin, Sec-GPC"


def test_no_visitor_no_ad(wire: Wire) -> None:
    check_none(wire.ad(), NoAdReason.NO_VISITOR)


def test_no_history_no_ad(wire: Wire) -> None:
    check_none(wire.ad(wire.view(event="page_view")), NoAdReason.NO_HISTORY)


def test_a_crawler_gets_no_ad(wire: Wire, cookie: str) -> None:
    check_none(wire.ad(cookie, "daily-rectangle", ("User-Agent", "Googlebot/2.1")), NoAdReason.BOT)


def test_a_product_that_is_in_no_feed(wire: Wire) -> None:
    check_none(wire.ad(wire.view("NOT-THERE")), NoAdReason.NO_PRODUCT)


def test_a_product_that_is_in_no_feed_is_left_out(wire: Wire) -> None:
    cookie = wire.view("SKU1", "NOT-THERE", "SKU2")
    assert products_in(wire.ad(cookie).text) == ["Product SKU2", "Product SKU1"]


REACHED_ELSEWHERE = {
    NoAdReason.DEADLINE,
    NoAdReason.STORE_UNAVAILABLE,
    NoAdReason.STARTING,
    NoAdReason.RATE_LIMITED,
    NoAdReason.CAPPED,
    NoAdReason.FEED_STALE,
    NoAdReason.HOLDOUT,
    NoAdReason.BUDGET,
    NoAdReason.TARGETING,
    NoAdReason.PURCHASED,
}
"""By the tests of operations, which take Valkey away and set a limit, of caps, catalogs, budgets and targeting."""

NOT_REACHED_YET = {NoAdReason.OVERLOAD}


def test_every_reason_is_reached() -> None:
    here = {row[0] for row in NO_AD} | REACHED_ELSEWHERE | NOT_REACHED_YET
    here |= {NoAdReason.NO_VISITOR, NoAdReason.NO_HISTORY, NoAdReason.NO_PRODUCT}
    here |= {NoAdReason.FOREIGN_PAGE, NoAdReason.TOO_MANY_PLACEMENTS, NoAdReason.BOT}
    assert here == set(NoAdReason)


@pytest.mark.parametrize(
    "paused",
    [
        '[line_items.acme-viewers]\ncampaign = "acme-summer"\ncreative = "grid"\nstatus = "{}"\n',
        '[campaigns.acme-summer]\nadvertiser = "acme"\nstatus = "{}"\n',
    ],
)
def test_a_paused_booking_does_not_run(server: Server, wire: Wire, cookie: str, paused: str) -> None:
    try:
        server.apply(paused.format("paused"))
        check_none(wire.ad(cookie), NoAdReason.NO_HISTORY)  # the other shops still run, and know nothing of it
    finally:
        server.apply(paused.format("active"))
    assert wire.ad(cookie).status == 200


def test_the_feed_decides_what_can_be_shown(server: Server, wire: Wire) -> None:
    """Gone from the feed, out of stock, or with a link that leads elsewhere: not shown, and back when it is back."""
    cookie = wire.view("GONE", "SOLD-OUT", "ASTRAY", "SUBDOMAIN", "FINE")
    whole = feed_xml([*PRODUCTS, "GONE", "SOLD-OUT", "ASTRAY", "SUBDOMAIN", "FINE"])
    changed = feed_xml([*PRODUCTS, "SOLD-OUT", "ASTRAY", "SUBDOMAIN", "FINE"])
    changed = changed.replace("https://shop.test/p/ASTRAY", "https://evil.example/p/ASTRAY")
    changed = changed.replace("https://shop.test/p/SUBDOMAIN", "https://www.shop.test/p/SUBDOMAIN")
    head, mark, tail = changed.partition("<item><g:id>SOLD-OUT</g:id>")
    changed = head + mark + tail.replace("in stock", "out of stock", 1)
    server.import_feed(whole)
    assert products_in(wire.ad(cookie).text) == [f"Product {p}" for p in ("FINE", "SUBDOMAIN", "ASTRAY", "SOLD-OUT")]
    server.import_feed(changed)
    assert products_in(wire.ad(cookie).text) == ["Product FINE", "Product SUBDOMAIN"]
    for alone in ("GONE", "SOLD-OUT", "ASTRAY"):
        check_none(wire.ad(wire.view(alone)), NoAdReason.NO_PRODUCT)


def test_all_slots_of_a_page_in_their_order(wire: Wire, cookie: str) -> None:
    asked = ["daily-skyscraper", "nowhere", "daily-rectangle", "daily-paused", "daily-rectangle", "daily-leaderboard"]
    reply = ads(wire, asked, cookie, ("Origin", "https://news.test"))
    assert reply.status == 200
    assert reply.header("content-type") == "application/json"
    assert list(reply.json) == ["ads"]
    entries = reply.json["ads"]
    assert [entry["placement"] for entry in entries] == asked
    for entry in entries:
        if entry["placement"] in SIZES:
            assert set(entry) == {"placement", "width", "height", "html"}
            assert (entry["width"], entry["height"]) == SIZES[entry["placement"]]
            assert products_in(entry["html"]) == ["Product SKU1"]
        else:
            assert set(entry) == {"placement", "reason"}
    assert entries[1]["reason"] == "unknown_placement"
    assert entries[3]["reason"] == "placement_paused"
    first, second = (entry["html"] for entry in entries if entry["placement"] == "daily-rectangle")
    assert impression_in(first) != impression_in(second)


@pytest.mark.parametrize("count", [20, 21, 200])
def test_the_limit_of_slots(wire: Wire, cookie: str, count: int) -> None:
    reply = ads(wire, [RECTANGLE] * count, cookie, ("Origin", "https://news.test"))
    if count <= 20:
        assert reply.status == 200
        assert len(reply.json["ads"]) == count
    else:
        assert (reply.status, reply.json) == (400, {"ads": [], "reason": "too_many_placements"})


@pytest.mark.parametrize("query", ["", "?", "?x=y", "?placement[]=daily-rectangle", "?placement=%FF", "?placement=%80"])
def test_all_slots_without_any_is_malformed(wire: Wire, cookie: str, query: str) -> None:
    reply = wire.get(f"/ads{query}", *cookies(cookie))
    assert (reply.status, reply.json) == (400, {"ads": [], "reason": "malformed"})


@pytest.mark.parametrize("origin", ["https://news.test", "https://www.news.test", "http://news.test:8080"])
def test_pages_of_the_publisher_may_read(wire: Wire, cookie: str, origin: str) -> None:
    reply = ads(wire, [RECTANGLE], cookie, ("Origin", origin))
    assert reply.every("access-control-allow-origin") == [origin]
    assert reply.every("access-control-allow-credentials") == ["true"]
    assert "Origin" in reply.header("vary")
    assert "html" in reply.json["ads"][0]


@pytest.mark.parametrize("placement", [RECTANGLE, "daily-paused", "daily-huge"])
@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://evil.example",
        "https://news.test.evil.example",
        "https://evilnews.test",
        "https://news.test@evil.example",
        "https://evil.example[v1.news.test]",
        "https://weekly.test",
        "https://shop.test",
        "https://ads.test",
        "*",
        "news.test",
        "file://",
        "https://news.test, https://evil.example",
    ],
)
def test_other_pages_read_nothing(wire: Wire, cookie: str, placement: str, origin: str) -> None:
    reply = ads(wire, [placement], cookie, ("Origin", origin))
    assert reply.json == {"ads": [{"placement": placement, "reason": "foreign_page"}]}
    assert [name for name, _ in reply.headers if name.startswith("access-control")] == []
    assert "SKU1" not in reply.everything


def test_one_foreign_slot_closes_the_whole_answer(wire: Wire, cookie: str) -> None:
    reply = ads(wire, [RECTANGLE, "weekly-rectangle"], cookie, ("Origin", "https://news.test"))
    assert [name for name, _ in reply.headers if name.startswith("access-control")] == []


def test_without_an_origin_nobody_may_read_across_sites(wire: Wire, cookie: str) -> None:
    reply = ads(wire, [RECTANGLE], cookie)
    assert reply.status == 200
    assert [name for name, _ in reply.headers if name.startswith(("access-control", "cross-origin"))] == []


def test_the_single_ad_is_never_readable_across_origins(wire: Wire, cookie: str) -> None:
    reply = wire.ad(cookie, RECTANGLE, ("Origin", "https://news.test"))
    assert [name for name, _ in reply.headers if name.startswith("access-control")] == []


def tree(html: str) -> list[tuple[str, tuple[str, ...]]]:
    root = lxml.html.document_fromstring(html)
    return [(str(element.tag), tuple(map(str, element.attrib))) for element in root.iter()]


NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff￾￿]")


def test_hostile_titles_come_out_inert(server: Server, wire: Wire) -> None:
    """Whatever a feed says, the banner has the elements and attributes of a harmless one, and its texts are texts."""
    titles = ["</script><img src=x onerror=alert(1)>", '"><svg onload=alert(1)>', "{{ 7*7 }}", "${AUCTION_PRICE}"]
    titles += ["{CLICK_URL}", "]]><script>alert(1)</script>", "' onmouseover='alert(1)", "x" * 5_000]
    titles += [line for line in hostile_lines("XSS_Injection") + hostile_lines()[:515] if not NOT_XML.search(line)]
    ids = [f"X{number}" for number in range(len(titles))]
    harmless = {group: [f"SKU{n}" for n in range(group)] for group in (1, 2, 3, 4)}
    server.import_feed(feed_xml([*PRODUCTS, *ids], titles=dict(zip(ids, titles, strict=True))))
    cookie = wire.view("SKU1")
    groups = [ids[at : at + 4] for at in range(0, len(ids), 4)]
    expected = {n: tree(wire.ad(wire.view(*harmless[n])).text) for n in harmless}
    asked = []
    for group in groups:
        asked.append(request("/pixel.gif?a=acme&e=view_item&" + urlencode([("p", p) for p in group]), *cookies(cookie)))
        asked.append(request(f"/ad?placement={RECTANGLE}", *cookies(cookie)))
    replies = wire.batch(asked)
    for group, reply in zip(groups, replies[1::2], strict=True):
        assert reply.status == 200
        shown = tree(reply.text)
        tiles = [tag for tag in lxml.html.document_fromstring(reply.text).iter("a") if tag.get("class") == "tile"]
        assert shown == expected[len(tiles)], group
        for link in lxml.html.document_fromstring(reply.text).iter("a", "img"):
            url = link.get("href") or link.get("src") or ""
            assert re.fullmatch(r"/(?:[ci]|media|why)/[A-Za-z0-9_-]+(?:#hide)?|/privacy", url), url


def test_a_hostile_name_of_a_shop_comes_out_inert(server: Server, wire: Wire, cookie: str) -> None:
    hostile = "</title></style><script>alert(1)</script>\\\"'><svg onload=alert(1)>"
    harmless = tree(wire.ad(cookie).text)
    try:
        server.apply(ACME.replace("Acme Shoes", hostile))
        assert tree(wire.ad(cookie).text) == harmless
    finally:
        server.apply(ACME)


MARKER = 'Zq7x"><i>&lt;{{7*7}}'
ROUTES = (
    "/pixel.gif", "/ad", "/ads", "/ad.json", "/ad.png", "/ad/click", "/i/x", "/c/x", "/tag.js", "/slot.js", "/privacy",
    "/privacy/opt-out", "/healthz", "/readyz", "/metrics", "/", "/nothing", "/console", "/api/v1/x",
)  # fmt: skip
PARAMETERS = (
    "a", "e", "p", "q", "v", "c", "o", "eid", "url", "gdpr", "gdpr_consent", "gpp", "gpp_sid", "us_privacy", "consent",
    "placement", "callback", "jsonp", "cb", "dest", "oadest", "ct0", "refresh", "closetext", "left", "top", "zoneid",
    "bannerid", "layerstyle", "idsite", "html", "size", "lang", "debug", MARKER,
)  # fmt: skip


def test_nothing_of_a_query_is_ever_said_back(wire: Wire, cookie: str) -> None:
    """The one exception: ``/ads`` and ``/ad.json`` name the placements they were asked for, as JSON that is never taken
    for a page."""
    raw = MARKER.replace(" ", "").encode()
    for route in ROUTES:
        for name in PARAMETERS:
            shown = quote(name, safe="").encode()
            for value in (raw, quote(MARKER, safe="").encode()):
                for extra in (b"", b"&placement=daily-rectangle&a=acme&e=view_item"):
                    query = b"?" + shown + b"=" + value + (b"" if name in ("placement", "a", "e") else extra)
                    reply = wire.get(route.encode() + query, *cookies(cookie))
                    assert reply.status < 500
                    if route in ("/ads", "/ad.json") and name == "placement":
                        assert reply.header("content-type") == "application/json"
                        assert reply.header("x-content-type-options") == "nosniff"
                    else:
                        assert "Zq7x" not in reply.everything, (route, name)


@pytest.mark.parametrize("path", [f"/{MARKER}", f"/ad/{MARKER}", f"/c/{MARKER}", f"/i/{MARKER}", f"/{MARKER}.gif"])
def test_nothing_of_a_path_is_ever_said_back(wire: Wire, path: str) -> None:
    for target in (quote(path), path.replace(" ", "")):
        assert "Zq7x" not in wire.get(target).everything


@pytest.mark.parametrize("header", ["Referer", "Origin", "User-Agent", "Cookie", "X-Request-Id", "Accept-Language"])
def test_nothing_of_a_header_is_ever_said_back(wire: Wire, header: str) -> None:
    for target in ("/pixel.gif?a=acme&e=page_view", "/ad?placement=daily-rectangle", "/ads?placement=daily-rectangle"):
        assert "Zq7x" not in wire.get(target, (header, MARKER)).everything


def test_a_mistyped_placement_does_not_take_the_others_along(wire: Wire) -> None:
    origin = ("Origin", "https://news.test")
    both = wire.get("/ads?placement=daily-rectangle&placement=nobodys", origin)
    assert both.every("access-control-allow-origin") == ["https://news.test"]
    alone = wire.get("/ads?placement=nobodys", origin)
    assert alone.every("access-control-allow-origin") == []
    assert alone.json["ads"] == [{"placement": "nobodys", "reason": "unknown_placement"}]
