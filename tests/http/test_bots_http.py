"""Programs at the door: what names itself a crawler is answered and not counted; consent leaves a receipt."""

from collections.abc import Iterator

import pytest

from adserver.model.consent import Signals, judge
from adserver.model.reason import EventReason, NoAdReason, TokenReason
from adserver.storage.valkey import keys
from adserver.tracking.token import TokenKind, Tokens
from adserver.tracking.visitor import VisitorCookies
from tests.http.conftest import (
    GIF,
    SECRET,
    Header,
    Wire,
    clicks_in,
    cookies,
    impression_in,
    pixel,
    token,
    wire_to,
)
from tests.http.test_consent_http import tcf
from tests.journeys.inside import quick_server
from tests.server import Server, feed_xml

VIEW = pixel(a="acme", e="view_item", p="SKU1")
CRAWLERS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.6478.126 Mobile Safari/537.36 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "AdsBot-Google (+http://www.google.com/adsbot.html)",
]
BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0"
LIBRARY = "python-requests/2.32.3"


def agent(name: str) -> Header:
    return ("User-Agent", name)


def keys_in(server: Server) -> int:
    """Of visitors, and of what was counted."""
    with server.valkey() as valkey:
        return len(list(valkey.scan_iter("[ub]:*")))


@pytest.mark.parametrize("crawler", CRAWLERS)
def test_a_crawler_is_answered_and_leaves_nothing(server: Server, wire: Wire, tokens: Tokens, crawler: str) -> None:
    cookie = wire.view("SKU1")
    seen = f"/i/{tokens.mint(token(TokenKind.IMPRESSION, decision=f'crawler-{hash(crawler)}'))}"
    click = f"/c/{tokens.mint(token(decision=f'crawler-{hash(crawler)}'))}"
    before = keys_in(server)
    for sent in (agent(crawler),), (agent(crawler), *cookies(cookie)):
        reply = wire.get(VIEW, *sent)
        assert (reply.status, reply.body, reply.reason) == (200, GIF, EventReason.BOT.label)
        assert reply.every("set-cookie") == []
        reply = wire.ad("", "daily-rectangle", *sent)
        assert (reply.status, reply.body, reply.reason) == (204, b"", NoAdReason.BOT.label)
    slots = wire.get("/ads?placement=daily-rectangle&placement=nowhere", agent(crawler), *cookies(cookie)).json["ads"]
    assert {entry["reason"] for entry in slots} == {"bot"}
    reply = wire.get(seen, agent(crawler))
    assert (reply.status, reply.body, reply.reason) == (200, GIF, TokenReason.BOT.label)
    reply = wire.get(click, agent(crawler))
    assert (reply.status, reply.reason) == (302, TokenReason.BOT.label)
    assert reply.header("location") == "https://shop.test/p/SKU1"
    assert keys_in(server) == before
    # The visitor who was shown the same banner still counts: the crawler has used nothing up.
    assert wire.get(seen, agent(BROWSER)).reason == ""
    assert wire.get(click, agent(BROWSER)).reason == ""


def test_a_library_counts_unless_it_is_refused(wire: Wire) -> None:
    library = agent(LIBRARY)
    reply = wire.get(VIEW, library)
    assert (reply.reason, reply.cookie.partition("=")[0]) == ("", "adserver")
    html = wire.ad(reply.cookie, "daily-rectangle", library).text
    assert wire.get(impression_in(html), library).reason == ""
    assert wire.get(clicks_in(html)[0], library).reason == ""


@pytest.fixture(scope="module")
def strict() -> Iterator[Wire]:
    """A server that takes libraries for crawlers."""
    with quick_server(feed=feed_xml(["SKU1"]), ADSERVER_REFUSE_TOOLS="1", ADSERVER_SECRET=SECRET) as running:
        yield wire_to(running)


@pytest.mark.parametrize("tool", [LIBRARY, "curl/8.9.1", "Go-http-client/2.0", "", "Mozilla/5.0 HeadlessChrome/126.0"])
def test_where_tools_are_refused(strict: Wire, tokens: Tokens, tool: str) -> None:
    reply = strict.get(VIEW, agent(tool))
    assert (reply.body, reply.reason, reply.every("set-cookie")) == (GIF, EventReason.BOT.label, [])
    cookie = strict.get(VIEW, agent(BROWSER)).cookie
    assert strict.ad(cookie, "daily-rectangle", agent(tool)).reason == NoAdReason.BOT.label
    assert strict.ad(cookie, "daily-rectangle", agent(BROWSER)).status == 200
    seen = f"/i/{tokens.mint(token(TokenKind.IMPRESSION, decision=f'tool-{tool[:4]}'))}"
    assert strict.get(seen, agent(tool)).reason == TokenReason.BOT.label
    assert strict.get(seen, agent(BROWSER)).reason == ""


def test_what_consent_rests_on_is_kept(server: Server, wire: Wire, visitor_cookies: VisitorCookies) -> None:
    first, second = tcf(allowed=True)[:2]
    cookie = ""

    def receipt(consent: str) -> tuple[int, bytes]:
        """Since when (seconds, in four bytes), and the receipt, after an event with this TC string."""
        nonlocal cookie
        target = pixel(a="acme", e="view_item", p="SKU1", gdpr="1", gdpr_consent=consent)
        reply = wire.get(target, *cookies(cookie))
        assert reply.reason == ""
        cookie = cookie or reply.cookie
        visitor = visitor_cookies.visitor_of([cookie.partition("=")[2]])
        assert visitor
        with server.valkey() as valkey:
            kept = valkey.hget(keys.visitor(visitor), "r")
        assert isinstance(kept, bytes)
        return int.from_bytes(kept[:4], "big"), kept[4:]

    since, kept = receipt(first)
    assert kept == judge(Signals(gdpr="1", gdpr_consent=first)).receipt
    assert kept.startswith(b"t")
    for _ in range(3):  # each event gives out a later time: it would show
        assert receipt(first) == (since, kept)
    later, other = receipt(second)
    assert other == judge(Signals(gdpr="1", gdpr_consent=second)).receipt
    assert later > since
    assert other != kept
    assert receipt(first)[0] > later
