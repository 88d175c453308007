"""``/preview``: who may look at what, that every link is a plain one, and that looking changes nothing."""

import html
import re
import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import lxml.html
import pytest

from adserver.creative.samples import SAMPLES
from adserver.storage.valkey import keys
from tests.http.conftest import GIF, Reply, Wire, cookies, failures, hostile_lines, products_in, wire_to
from tests.journeys.inside import cli, quick_server, totals, visitor_of
from tests.server import ACCOUNTS, Server, feed_xml, until

SHOWN = (
    ACCOUNTS.replace(
        'creative = "grid"',
        'creative = "grid"\nsegment = "product_viewer"\ncaps = ["9/day"]\n'
        'bid = { model = "CPM", amount = "2.00" }\nbudget = { total = "100.00", pacing = "asap" }',
    )
    + """
[line_items.acme-cart]
campaign = "acme-summer"
creative = "grid"
segment = "cart_abandoner"
priority = 1
offer = { text = "Nur heute", coupon = "HEUTE5" }
[line_items.acme-loyal]
campaign = "acme-summer"
creative = "grid"
segment = "loyal"
priority = 1
[segments.loyal]
advertiser = "acme"
rule = { event = "purchase", min_count = 3 }
[line_items.acme-house]
campaign = "acme-summer"
creative = "house"
[advertisers.boots]
name = "Boots"
domains = ["boots.test"]
currency = "EUR"
locale = "en_GB"
[campaigns.boots]
advertiser = "boots"
[publishers.weekly]
name = "The Weekly"
domains = ["weekly.test"]
[placements.weekly-rectangle]
publisher = "weekly"
size = "300x250"
no_history = "passback"
"""
)
SECRETS: dict[str, str] = {}
CAPTION = re.compile(r"(\d+x\d+|fluid in \d+x\d+) · \d+\.\d KB \(\d+\.\d gzipped\)")
CART = "&segment=cart_abandoner&advertiser=acme&placement=daily-rectangle"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with quick_server(accounts=SHOWN, feed=feed_xml([f"SKU{number}" for number in range(1, 9)])) as running:
        for scope in ("operator", "publisher:daily", "advertiser:acme"):
            SECRETS[scope] = cli(running, "key", "create", scope).split()[-1]
        running.wait_for_workers()
        yield running


@pytest.fixture(scope="module")
def wire(server: Server) -> Wire:
    return wire_to(server)


def look(wire: Wire, query: str = "", scope: str = "operator", *, cookie: str = "", path: str = "/preview") -> Reply:
    key = (("Authorization", f"Bearer {SECRETS.get(scope, scope)}"),) if scope else ()
    return wire.get(f"{path}?{query.lstrip('&')}", *cookies(cookie), *key)


def frames(sheet: Reply) -> list[str]:
    assert sheet.status == 200, sheet.text[-600:]
    return [html.unescape(found) for found in re.findall(r'<iframe src="([^"]*)"', sheet.text)]


def banner(wire: Wire, query: str, *, cookie: str = "", size: str = "300x250") -> str:
    """The one frame of a sheet in that size."""
    (frame,) = [frame for frame in frames(look(wire, query, cookie=cookie)) if f"size={size}" in frame]
    reply = look(wire, frame.partition("?")[2], cookie=cookie, path="/preview/ad")
    assert reply.status == 200, reply.text
    return reply.text


def page_of(reply: Reply) -> Any:
    return lxml.html.fromstring(reply.body.decode())


def told(reply: Reply) -> str:
    return " ".join(page_of(reply).text_content().split())


def test_it_needs_a_key_and_says_so_to_a_browser(wire: Wire) -> None:
    for scope in ("", "ak_" + "x" * 43, "nonsense"):
        for path in ("/preview", "/preview/ad"):
            reply = look(wire, scope=scope, path=path)
            assert (reply.status, reply.header("content-type")) == (401, "text/html; charset=utf-8")
            assert [challenge.partition(" ")[0] for challenge in reply.every("www-authenticate")] == ["Basic", "Bearer"]
    for who in ("", "me", "anybody at all"):
        encoded = b64encode(f"{who}:{SECRETS['operator']}".encode()).decode()
        assert wire.get("/preview", ("Authorization", f"basic {encoded}")).status == 200
    for wrong in ("Basic", "Basic !!!", "Basic /w==", "Basic " + b64encode(b"no colon").decode(), "Digest x"):
        assert wire.get("/preview", ("Authorization", wrong)).status == 401
    for path in ("", "/ad", "/about", "/seen.gif", "/pictures/mug.svg"):
        assert wire.get(f"/preview{path}", method="POST").status == 405


def test_the_sheet_has_all_designs_in_all_sizes(wire: Wire) -> None:
    sheet = look(wire)
    page = page_of(sheet)
    creatives = page.xpath("//section/h2/@id")
    assert {"of-grid", "of-hero", "of-house"} <= set(creatives)
    asked = frames(sheet)
    assert len(asked) >= 3 * len(creatives)
    for frame in asked:
        reply = look(wire, frame.partition("?")[2], path="/preview/ad")
        assert (reply.status, reply.header("x-frame-options")) == (200, "SAMEORIGIN")
        assert "frame-ancestors 'self'" in reply.header("content-security-policy")
    for found in page.iter("iframe"):
        assert found.get("sandbox") == "allow-popups allow-popups-to-escape-sandbox"
        assert min(int(found.get("width")), int(found.get("height"))) > 0
        assert found.get("title")
    captions = [" ".join(caption.text_content().split()) for caption in page.iter("figcaption")]
    assert captions == [caption for caption in captions if CAPTION.match(caption)]


def test_headers_keep_it_to_who_asks(wire: Wire) -> None:
    for reply, framed in (
        (look(wire), "DENY"),
        (look(wire, "creative=grid&size=300x250", path="/preview/ad"), "SAMEORIGIN"),
        (look(wire, "creative=nothing"), "DENY"),
        (look(wire, scope=""), "DENY"),
    ):
        assert "no-store" in reply.header("cache-control")
        assert reply.header("referrer-policy") == "no-referrer"
        assert "noindex" in reply.header("x-robots-tag")
        assert reply.header("x-frame-options") == framed
        assert reply.header("x-content-type-options") == "nosniff"
        assert reply.header("content-security-policy").startswith("default-src 'none'; ")
        assert "unsafe" not in reply.header("content-security-policy")
    assert "frame-src 'self'" in look(wire).header("content-security-policy")


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_sample_is_shown(wire: Wire, sample: str) -> None:
    shown = banner(wire, f"sample={sample}&creative=grid&size=300x250")
    assert products_in(shown) == [
        html.escape(tile.title, quote=False).replace('"', "&#34;") for tile in SAMPLES[sample].tiles[:4]
    ]
    assert html.escape(SAMPLES[sample].coupon) in shown


def test_products_of_a_shop_and_where_their_links_lead(wire: Wire) -> None:
    shown = banner(wire, "advertiser=acme&creative=grid&size=300x250&product=SKU3&product=SKU1")
    assert products_in(shown) == ["Product SKU3", "Product SKU1"]
    links = re.findall(r'(?:href|src)="([^"]*)"', shown)
    assert {link for link in links if link.startswith("http")} == {
        "https://shop.test/p/SKU3",
        "https://shop.test/p/SKU1",
    }
    own = {re.sub(r"[^/]+$", "", link) for link in links if not link.startswith("http")}
    assert own == {"/media/", "/preview/"}
    assert "/preview/seen.gif" in links
    assert len(products_in(banner(wire, "advertiser=acme&creative=grid&size=300x250&count=3"))) == 3
    assert products_in(banner(wire, "advertiser=acme&creative=grid&size=728x90", size="728x90"))[0] == "Product SKU1"


def test_what_the_query_says_takes_its_place(wire: Wire) -> None:
    said = "creative=grid&size=300x250&lang=de&offer=Nur%20f%C3%BCr%20%3CSie%3E&coupon=EINS&color=%23ffcc00"
    shown = banner(wire, said)
    assert '<html lang="de"' in shown
    assert "Nur für &lt;Sie&gt;" in shown
    assert "EINS" in shown
    assert "--accent:#ffcc00" in shown
    assert "--accent:#336699" in banner(wire, "creative=grid&size=300x250&option.accent=%23336699")
    assert "#14181f" in look(wire, "ground=dark").text
    assert '<main id="banners" class="dark"' in look(wire, "ground=dark").text


def test_what_a_visitor_would_get(server: Server, wire: Wire) -> None:
    cookie = wire.view("SKU5")
    visitor, value = visitor_of(server, cookie), cookie.partition("=")[2]
    for name, sent in ((visitor, ""), (value, ""), ("me", cookie)):
        query = f"visitor={name}&placement=daily-rectangle"
        assert "acme-viewers is shown, with SKU5 (viewed)." in told(look(wire, query, cookie=sent))
        assert products_in(banner(wire, query, cookie=sent)) == ["Product SKU5"]
    sheet = look(wire, f"visitor={visitor}&placement=daily-rectangle")
    assert len(frames(sheet)) == 1
    rows = [[cell.text for cell in row] for row in page_of(sheet).xpath("//tr[td]")]
    assert ["acme-cart", "segment", "asks for cart_abandoner; this is product_viewer"] in rows
    assert len(frames(look(wire, f"visitor={visitor}&placement=daily-rectangle&creative=grid&creative=hero"))) == 2
    nobody = look(wire, f"visitor={'A' * 22}&placement=daily-rectangle")
    assert "Nothing personal is shown: no_history. The house ad of acme-house is shown." in told(nobody)
    assert 'class="home" href="https://shop.test/"' in banner(wire, "placement=daily-rectangle")
    passback = look(wire, "placement=weekly-rectangle")
    assert "The publisher's passback is shown." in told(passback)
    assert (frames(passback), "There is no banner to look at." in told(passback)) == ([], True)


def test_what_somebody_in_a_segment_would_get(wire: Wire) -> None:
    shown = banner(wire, CART)
    assert len(products_in(shown)) == 4
    assert "Nur heute" in shown
    assert "acme-cart is shown" in told(look(wire, CART))
    assert "acme-loyal is shown" in told(look(wire, CART.replace("cart_abandoner", "loyal")))
    assert "acme-viewers is shown" in told(look(wire, CART.replace("cart_abandoner", "product_viewer")))
    assert len(frames(look(wire, "segment=cart_abandoner&advertiser=acme&creative=grid&size=300x250"))) == 1


@pytest.mark.parametrize(
    ("scope", "query", "status"),
    [
        ("advertiser:acme", "", 200),
        ("advertiser:acme", "advertiser=acme", 200),
        ("advertiser:acme", "advertiser=acme&segment=cart_abandoner", 200),
        ("advertiser:acme", "advertiser=boots", 403),
        ("advertiser:acme", "advertiser=nobody", 403),
        ("advertiser:acme", "placement=daily-rectangle", 403),
        ("advertiser:acme", f"visitor={'A' * 22}&placement=daily-rectangle", 403),
        ("publisher:daily", "sample=rtl", 200),
        ("publisher:daily", "placement=daily-rectangle", 200),
        ("publisher:daily", "placement=weekly-rectangle", 403),
        ("publisher:daily", "placement=nowhere", 403),
        ("publisher:daily", "advertiser=acme", 403),
        ("publisher:daily", CART, 403),
        ("publisher:daily", f"visitor={'A' * 22}&placement=daily-rectangle", 403),
        ("publisher:daily", "visitor=me&placement=daily-rectangle", 403),
        ("operator", "advertiser=nobody", 400),
        ("operator", "placement=nowhere", 400),
        ("operator", "advertiser=acme&product=SKU1&product=SKU99", 400),
        ("operator", "advertiser=acme&segment=others", 400),
        ("operator", "advertiser=boots", 404),
        ("operator", "creative=spot", 400),
        ("operator", "option.headlines=x", 400),
        ("operator", "lang=%FF", 400),
        ("operator", "product=" + "x" * 9_000, 400),
    ],
)
def test_who_may_look_at_what(wire: Wire, scope: str, query: str, status: int) -> None:
    for path in ("/preview", "/preview/ad"):
        asked = query if path == "/preview" or "creative" in query else f"{query}&creative=house&size=300x250"
        reply = look(wire, asked, scope, path=path)
        assert reply.status == status, reply.text
        assert reply.header("content-type") == "text/html; charset=utf-8"


def test_a_key_hears_of_its_own_names_only(wire: Wire) -> None:
    shop, paper = look(wire, scope="advertiser:acme").text, look(wire, scope="publisher:daily").text
    assert ('value="acme"' in shop, 'value="boots"' in shop, "daily-rectangle" in shop) == (True, False, False)
    assert ("daily-rectangle" in paper, "weekly-rectangle" in paper, 'value="acme"' in paper) == (True, False, False)
    assert 'name="visitor"' not in shop + paper


def test_what_a_form_sends_gets_a_shorter_address(wire: Wire) -> None:
    reply = look(wire, "lang=&size=300x250&size=&product=&offer=50%25%20%26%20mehr&coupon=%0d%0aX:y")
    assert (reply.status, reply.header("location")) == (
        302,
        "/preview?size=300x250&offer=50%25+%26+mehr&coupon=%0D%0AX%3Ay",
    )
    assert look(wire, "lang=").header("location") == "/preview"


def test_one_banner_is_one(wire: Wire) -> None:
    for query in ("", "creative=grid", "size=300x250", "creative=grid&creative=hero&size=300x250"):
        assert look(wire, query, path="/preview/ad").status == 400
    assert look(wire, "placement=daily-rectangle", path="/preview/ad").status == 200


def test_the_small_parts_need_no_key(wire: Wire) -> None:
    pixel = wire.get("/preview/seen.gif")
    assert (pixel.status, pixel.body, pixel.every("set-cookie")) == (200, GIF, [])
    drawing = wire.get("/preview/pictures/boot.svg")
    assert (drawing.status, drawing.header("content-type")) == (200, "image/svg+xml")
    assert "sandbox" in drawing.header("content-security-policy")
    assert wire.get("/preview/pictures/nothing.svg").status == 404
    about = wire.get("/preview/about")
    assert "This is a preview" in told(about)


PARAMETERS = ["creative", "size", "lang", "ground", "sample", "advertiser", "product", "count", "segment", "visitor"]
PARAMETERS += ["placement", "because", "color", "offer", "coupon", "ends", "option.accent", "anything"]
MARKUP = "//script | //@onerror | //@onload | //object | //embed | //base | //img[not(@class)]"


def test_hostile_texts_stay_texts(wire: Wire) -> None:
    texts = [line for line in hostile_lines("XSS_Injection") if len(line) <= 120 and line.isprintable()]
    assert len(texts) > 300
    for text in texts[::8]:
        query = f"creative=house&size=300x250&offer={quote(text)}&coupon={quote(text[:40])}"
        sheet, shown = look(wire, query), look(wire, query, path="/preview/ad")
        assert (sheet.status, shown.status) == (200, 200)
        for reply in (sheet, shown):
            assert not page_of(reply).xpath(MARKUP), text
        assert page_of(sheet).xpath("//input[@name='offer']/@value") == [text]


def test_no_parameter_breaks_it(server: Server, wire: Wire) -> None:
    texts = hostile_lines()[:515:10] + hostile_lines("CRLF_Injection")[:10]
    for number, text in enumerate(texts):
        name = PARAMETERS[number % len(PARAMETERS)]
        for query in (f"{name}={quote(text)}", f"{quote(text)}=1"):
            reply = look(wire, query)
            assert reply.status in {200, 400}, (query, reply.status)
            assert not page_of(reply).xpath(MARKUP), query
    assert failures(server) == []


COUNTED = ("u:*", "b:*", "events:*", "t:*")


def test_looking_changes_nothing(server: Server, wire: Wire) -> None:
    """The visitor's profile, the ledgers, the stream and the counters are the same, byte for byte."""
    cookie = wire.view("SKU2")
    wire.ad(cookie)
    visitor = visitor_of(server, cookie)
    until(lambda: totals(server)["requests"] >= 1, what="the report")
    with server.valkey() as valkey:

        def state() -> tuple[object, ...]:
            found = {key: valkey.dump(key) for pattern in COUNTED for key in valkey.scan_iter(pattern)}
            assert len(found) >= 2  # this visitor and the stream, at least
            spent = {key: spent_of(valkey.hgetall(key)) for key in valkey.scan_iter("budget:*")}
            return found, spent, valkey.ttl(keys.visitor(visitor)) <= 3_600, counters(wire)

        before, report = state(), totals(server)
        for query in (
            "",
            f"visitor={visitor}&placement=daily-rectangle",
            CART,
            "advertiser=acme",
            "placement=daily-rectangle",
        ):
            for frame in frames(look(wire, query, cookie=cookie)):
                shown = look(wire, frame.partition("?")[2], cookie=cookie, path="/preview/ad")
                for path in re.findall(r'(?:href|src)="(/preview/[^"]*)"', shown.text):
                    assert wire.get(path, *cookies(cookie)).status == 200
        assert state() == before
        assert totals(server) == report
    assert wire.ad(cookie).status == 200
    until(lambda: counters(wire) != before[-1], what="an ad that counts")


def spent_of(ledger: Any) -> dict[bytes, bytes]:
    """What was spent, ever and by day; what is held for a while comes and goes with time."""
    return {field: value for field, value in ledger.items() if field.startswith(b"s")}


def counters(wire: Wire) -> list[str]:
    wanted = (
        "adserver_ad",
        "adserver_no_ad",
        "adserver_house",
        "adserver_impression",
        "adserver_click",
        "adserver_event",
    )
    told = wire.get("/metrics").text.splitlines()
    return [line for line in told if line.startswith(wanted) and "_created" not in line and "seconds" not in line]


def test_the_whole_sheet_is_quick(wire: Wire) -> None:
    look(wire)
    start = time.perf_counter()
    sheet = look(wire)
    assert time.perf_counter() - start < 2
    assert len(frames(sheet)) > 8
