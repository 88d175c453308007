"""The shopper's page: from the corner of a banner to why it was shown, for whoever saw it and for nobody else."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlencode

import lxml.html
import pytest
from babel.dates import format_date

from adserver.creative.visitor_page import PAGE_WORDS
from adserver.creative.why_page import Browser, ShownProduct, WhyAd, why_page
from adserver.model.decision import Passed, Why
from adserver.model.profile import EPOCH
from adserver.model.reason import LineItemReason
from adserver.secret import read_secrets
from adserver.storage.valkey import keys
from adserver.tracking.keyring import Keyring
from adserver.tracking.token import Token, TokenKind, Tokens
from adserver.tracking.trace import trace_of
from tests.http.conftest import Header, Reply, Wire, cookies, hostile_lines, pixel, products_in, request, wire_to
from tests.journeys.inside import cli, profile, quick_server, visitor_of
from tests.server import ACCOUNTS, Server, feed_xml
from tests.unit.test_trace import decided

EVIL = '<script>alert("1")</script> & {{ 7*7 }}'
WITH_CAPS = (
    ACCOUNTS.replace('creative = "grid"', 'creative = "grid"\ncaps = ["5/day", "9/week"]')
    + """
[line_items.buyers]
campaign = "acme-summer"
creative = "grid"
segment = "past_buyer"
[advertisers.evil]
name = '<img src=x onerror=alert(1)> "Evil" & {{ 7*7 }}'
domains = ["evil.test"]
currency = "EUR"
locale = "en_GB"
consent_default = "allow"
[campaigns.evil]
advertiser = "evil"
holdout = 0
[line_items.evil]
campaign = "evil"
creative = "grid"
"""
)
FEED = feed_xml(["SKU1", "SKU2", "RED", "BLUE"])
for colour in ("RED", "BLUE"):
    FEED = FEED.replace(f"<g:id>{colour}", f"<g:item_group_id>SHIRT</g:item_group_id><g:id>{colour}")
TODAY = f"{datetime.now(UTC):%-d %B %Y}"
IMPRESSION_S = 3_600


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with quick_server(accounts=WITH_CAPS, feed=FEED, ADSERVER_IMPRESSION_MINUTES="60") as running:
        file = running.data_dir.parent / "evil.xml"
        file.write_text(feed_xml(["E1"], base="https://evil.test", titles={"E1": EVIL}), "utf-8")
        cli(running, "feed", "import", "evil", str(file))
        running.wait_for_workers()
        yield running


@pytest.fixture(scope="module")
def wire(server: Server) -> Wire:
    return wire_to(server)


@pytest.fixture(scope="module")
def tokens(server: Server) -> Tokens:
    return Tokens(Keyring(read_secrets("", server.data_dir), "token"))


def why_in(reply: Reply) -> str:
    """Where the corner of a banner leads."""
    assert reply.status == 200, reply
    links = [a for a in lxml.html.document_fromstring(reply.text).iter("a") if "/why/" in a.get("href", "")]
    assert {link.get("target") for link in links} == {"_blank"}
    (address,) = {str(link.get("href")).partition("#")[0] for link in links}
    return address


def words(reply: Reply) -> str:
    """What a person reads on the page."""
    assert (reply.status, reply.header("content-type")) == (200, "text/html; charset=utf-8")
    return " ".join(" ".join(map(str, lxml.html.document_fromstring(reply.text).itertext())).split())


def token(**fields: object) -> Token:
    values: dict[str, object] = {
        "kind": TokenKind.IMPRESSION,
        "expires": int(time.time()) + IMPRESSION_S,
        "decision": "decision-of-test",
        "advertiser": "acme",
        "line_item": "acme-viewers",
        "placement": "daily-rectangle",
        "trace": trace_of(decided([("SKU1", Why.VIEWED)], [])),
    }
    return Token(**{**values, **fields})  # type: ignore[arg-type]


def test_the_page_tells_what_was_done_and_what_is_known(server: Server, wire: Wire) -> None:
    cookie = wire.view("SKU1")
    wire.view("SKU2", cookie=cookie, event="add_to_cart")
    address = why_in(wire.ad(cookie))
    assert address.startswith("/why/")
    wire.ad(cookie)
    page = words(wire.get(address, *cookies(cookie)))
    assert f"Acme Shoes paid for it. It was chosen on {TODAY}." in page
    assert f"Product SKU2 You put it into your cart on {TODAY}." in page
    assert f"Product SKU1 You looked at it on {TODAY}." in page
    assert "You have seen 2 of at most 5 of these ads within 1 day." in page
    assert "You have seen 2 of at most 9 of these ads within 1 week." in page
    assert "Nobody asked you: the shop takes silence for a yes." in page
    assert "One ad: meant for other visitors." in page


def test_the_day_of_a_consent(wire: Wire) -> None:
    cookie = wire.get(pixel(a="acme", e="view_item", p="SKU1", consent="1")).cookie
    page = words(wire.get(why_in(wire.ad(cookie)), *cookies(cookie)))
    assert f"You consented on {TODAY}, as the shop's page has told." in page


def test_another_browser_is_not_known_and_nothing_is_said_of_it(wire: Wire) -> None:
    address = why_in(wire.ad(wire.view("SKU1")))
    page = words(wire.get(address))
    assert "This browser is not known to the server" in page
    assert "Product SKU1 It had been looked at." in page
    other = words(wire.get(address, *cookies(wire.view("SKU2"))))
    assert "Product SKU1 It had been looked at." in other
    for text in (page, other):
        assert not any(lie in text for lie in ("You looked", "You have seen"))


def test_who_objects_is_not_looked_up(server: Server, wire: Wire) -> None:
    """Looking would make the profile of a new visitor live longer."""
    cookie = wire.view("SKU1")
    visitor = keys.visitor(visitor_of(server, cookie))
    address = why_in(wire.ad(wire.view("SKU1")))
    with server.valkey() as valkey:
        before = valkey.hgetall(visitor)
        for headers in ([("Cookie", cookie), ("Sec-GPC", "1")], [("Cookie", f"{cookie}; adserver-opt-out=1")]):
            page = words(wire.get(address, *headers))
            assert "This browser asks not to be known, so nothing was looked up." in page
            assert "You looked" not in page
        assert valkey.hgetall(visitor) == before
        assert f"You looked at it on {TODAY}." in words(wire.get(address, *cookies(cookie)))
        assert valkey.hgetall(visitor) != before


def test_what_is_not_ours_or_too_old_is_not_there(wire: Wire, tokens: Tokens) -> None:
    good = tokens.mint(token())
    assert wire.get(f"/why/{good}").status == 200
    now = int(time.time())
    too_late, too_early = now + IMPRESSION_S - 31 * 86_400, now + IMPRESSION_S + 600
    foreign = Tokens(Keyring([b"k7Qm2vXp9Lr4Ts8Wd1Zc6Nb3Hf5Jg0Ya"], "token")).mint(token())
    wrong = [
        token(expires=too_late),
        token(expires=too_early),
        token(kind=TokenKind.CLICK, url="https://shop.test/p/SKU1"),
        token(advertiser="nobody"),
        token(trace=b"\x01\x03"),
    ]
    middle = len(good) // 2
    forged = good[:middle] + ("A" if good[middle] != "A" else "B") + good[middle + 1 :]
    for text in (*map(tokens.mint, wrong), foreign, forged, good[:-1], "x", "", "%00", "a" * 5_000):
        reply = wire.get(f"/why/{text}")
        assert reply.status == 404, text
        assert reply.header("content-type").startswith("text/plain")
    refused = wire.get(f"/why/{good}", method="PUT")
    assert (refused.status, refused.header("allow")) == (405, "GET, POST")


def test_what_a_token_names_may_be_gone_since(wire: Wire, tokens: Tokens) -> None:
    trace = trace_of(decided([("GONE", Why.CART)], [Passed(99, LineItemReason.PAUSED)]))
    page = words(wire.get(f"/why/{tokens.mint(token(line_item='gone', placement='gone', trace=trace))}"))
    assert "GONE It had been put into the cart." in page
    house = words(wire.get(f"/why/{tokens.mint(token(trace=b''))}"))
    assert "Nothing about you was needed to choose it." in house


def test_nothing_in_the_page_runs(wire: Wire) -> None:
    cookie = wire.view("E1", advertiser="evil")
    reply = wire.get(why_in(wire.ad(cookie)), *cookies(cookie))
    policy = reply.header("content-security-policy")
    for part in ("default-src 'none'", "style-src 'sha256-", "frame-ancestors 'none'", "form-action 'self'"):
        assert part in policy
    assert "unsafe" not in policy
    assert reply.header("referrer-policy") == "same-origin"
    assert reply.header("x-content-type-options") == "nosniff"
    assert "no-store" in reply.header("cache-control")
    assert EVIL in words(reply)
    assert '<img src=x onerror=alert(1)> "Evil" & {{ 7*7 }} paid for it.' in words(reply)
    check_harmless(reply.body)


def check_harmless(page: bytes) -> None:
    """Only the elements of the page itself, only its own links, no attribute that runs."""
    root = lxml.html.document_fromstring(page.decode())
    assert {element.tag for element in root.iter()} <= ELEMENTS
    assert [link.get("href") for link in root.iter("a")] == ["/privacy"]
    assert not [name for element in root.iter() for name in element.attrib if str(name).startswith("on")]


ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p"),
    *("ul", "li", "b", "bdi", "br", "span", "a", "small", "section", "div", "form", "button"),
}


def test_hostile_titles_and_names_are_text() -> None:
    """All at once: a page has no bound of its own."""
    lines = [line for line in hostile_lines() if "\0" not in line]
    assert len(lines) > 500
    for start in range(0, len(lines), 200):
        some = lines[start : start + 200]
        why = WhyAd(
            advertiser=some[0],
            decided_at=int(time.time()) - EPOCH,
            products=[ShownProduct(line, Why.VIEWED, 5, line) for line in some],
            browser=Browser.KNOWN,
            seen=(),
            consent=None,
            passed=(),
            can_hide=True,
        )
        page = why_page(why)
        check_harmless(page)
        root = lxml.html.document_fromstring(page.decode())
        assert len(list(root.iter("b"))) == len(some)
        assert [button.get("value") for button in root.iter("button")] == list(map(_as_read, some))


def _as_read(text: str) -> str:
    """Line ends as an HTML parser reads them."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.parametrize(
    ("asked", "language", "title", "day"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de", "Warum diese Anzeige?", "d. MMMM y"),
        ("pl, fr;q=0.5, en;q=0.4", "fr", "Pourquoi cette publicité", "d MMMM y"),
        ("it", "it", "Perché questo annuncio?", "d MMMM y"),
        ("ES-mx", "es", "¿Por qué este anuncio?", "d 'de' MMMM 'de' y"),
        ("en;q=0.1, de;q=0", "en", "Why this ad?", "d MMMM y"),
        ("ja", "en", "Why this ad?", "d MMMM y"),
        ("de;q=nan, x" * 200, "en", "Why this ad?", "d MMMM y"),
    ],
)
def test_the_page_in_the_language_of_the_browser(
    wire: Wire, tokens: Tokens, asked: str, language: str, title: str, day: str
) -> None:
    reply = wire.get(f"/why/{tokens.mint(token())}", ("Accept-Language", asked))
    assert (reply.header("content-language"), reply.header("vary")) == (language, "Accept-Language")
    root = lxml.html.document_fromstring(reply.text)
    assert root.get("lang") == language
    assert title in words(reply)
    today = format_date(datetime.now(UTC), day, locale=language)
    if datetime.now(UTC).day > 1:
        assert today in words(reply)
    gone = wire.get("/why/x", ("Accept-Language", asked))
    assert gone.text.strip() == PAGE_WORDS[language]["page"]["too_old"]


def test_what_is_hidden_is_hidden_in_all_colours(server: Server, wire: Wire) -> None:
    cookie = wire.view("RED")
    wire.view("BLUE", cookie=cookie)
    wire.view("SKU1", cookie=cookie)
    ad = wire.ad(cookie)
    address = why_in(ad)
    assert products_in(ad.text) == ["Product SKU1", "Product BLUE"]
    reply = press(wire, address, cookie, hide="BLUE")
    assert (reply.status, reply.header("location")) == (303, address.rpartition("/")[2] + "#hide")
    assert products_in(wire.ad(cookie).text) == ["Product SKU1"]
    assert profile(server, cookie).hidden == {1: frozenset({"SHIRT", "BLUE"})}
    page = wire.get(address, *cookies(cookie))
    assert "You looked at it on" in words(page)
    assert [(b.get("name"), b.get("value")) for b in buttons(page)] == [("hide", "SKU1"), ("show", "BLUE")]
    found = json.loads(cli(server, "explain", "--visitor", cookie.partition("=")[2], *EXPLAIN))
    assert found["hidden"] == {"acme": ["BLUE", "SHIRT"]}
    assert press(wire, address, cookie, hide="SKU1").status == 303
    assert wire.ad(cookie).reason == "no_product"
    found = json.loads(cli(server, "explain", "--visitor", cookie.partition("=")[2], *EXPLAIN))
    assert ("acme-viewers", "hidden") in {(row["line_item"], row["reason"]) for row in found["line_items"]}
    told = cli(server, "explain", "--visitor", cookie.partition("=")[2], *EXPLAIN[:2])
    assert "Hidden by the visitor at acme: BLUE, SHIRT, SKU1" in told
    assert "the visitor has hidden its products" in told
    assert press(wire, address, cookie, show="BLUE").status == 303
    assert products_in(wire.ad(cookie).text) == ["Product BLUE"]


EXPLAIN = ("--placement", "daily-rectangle", "--json")


def press(wire: Wire, address: str, cookie: str = "", *headers: Header, **field: str) -> Reply:
    """A button of the page."""
    body = urlencode(field).encode()
    sent = request(
        address.partition("#")[0],
        *cookies(cookie),
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Content-Length", str(len(body))),
        *(headers or (("Sec-Fetch-Site", "same-origin"),)),
        method="POST",
        close=True,
    )
    (reply,) = wire.send(sent + body)
    return reply


def buttons(reply: Reply) -> list[lxml.html.HtmlElement]:
    """Those of the page, each with the name of what it does."""
    found = list(lxml.html.document_fromstring(reply.text).iter("button"))
    assert all(button.get("aria-label", "").startswith((button.text or "") + ": ") for button in found)
    return found
