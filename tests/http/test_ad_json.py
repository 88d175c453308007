"""``/ad.json``: the same decision as data, and another ad server's click tracker before the links of every skin."""

import html
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest

from tests.http.conftest import (
    SECRET,
    Header,
    Reply,
    Wire,
    clicks_in,
    cookies,
    failures,
    hostile_lines,
    impression_in,
    products_in,
    wire_to,
)
from tests.server import ACCOUNTS, Server, feed_xml, running_server

RECTANGLE = "daily-rectangle"
ORIGIN: Header = ("Origin", "https://news.test")
PUBLIC = "https://ads.example"
OURS = re.compile(r"https://ads\.example/c/[A-Za-z0-9_-]+")

BOOKED = ACCOUNTS.replace(
    'creative = "grid"\n',
    """creative = "grid"
[line_items.acme-viewers.offer]
text = "-10 % on <b>everything</b>"
coupon = "SAVE10"
ends = 2090-12-24T18:00:00Z
[line_items.acme-house]
campaign = "acme-summer"
creative = "house"
""",
).replace(
    'domains = ["news.test"]',
    'domains = ["news.test"]\nclick_hosts = ["clicks.example", "adclick.g.doubleclick.net", "adnxs.com"]',
)

GAM = "https://adclick.g.doubleclick.net/pcs/click?xai=AKAOjsv&sai=AMfl&sig=Cg0ArKJSz&fbs_aeid=%5Bx%5D&adurl="
XANDR = "https://nym1-ib.adnxs.com/click?AAAAAAAAAAAAAAAA/cpcpm=AAAA/bcr=AAAA/bn=0/clickenc="


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    settings: dict[str, Any] = {
        "ADSERVER_SECRET": SECRET,
        "ADSERVER_AD_DEADLINE_MS": "5000",
        "ADSERVER_PUBLIC_URL": PUBLIC,
    }
    with running_server(accounts=BOOKED, feed=feed_xml(["SKU1", "SKU2", "SKU3"]), **settings) as running:
        yield running
        assert failures(running) == []


@pytest.fixture(scope="module")
def wire(server: Server) -> Wire:
    return wire_to(server)


@pytest.fixture(scope="module")
def cookie(wire: Wire) -> str:
    reply = wire.get("/pixel.gif?a=acme&e=view_item&p=SKU1&p=SKU2")
    assert reply.reason == ""
    return reply.cookie


def data(wire: Wire, cookie: str = "", placement: str = RECTANGLE, *headers: Header, more: str = "") -> Reply:
    return wire.get(f"/ad.json?placement={placement}{more}", *cookies(cookie), *headers)


def test_the_ad_as_data(wire: Wire, cookie: str) -> None:
    reply = data(wire, cookie, RECTANGLE, ORIGIN)
    assert (reply.status, reply.header("content-type")) == (200, "application/json")
    assert reply.header("x-content-type-options") == "nosniff"
    assert reply.header("cache-control") == "private, no-store"
    ad = reply.json
    first, second = ad.pop("products")
    assert [first["id"], second["id"]] == ["SKU2", "SKU1"]
    assert OURS.fullmatch(first["click_url"])
    assert first.pop("click_url") == ad.pop("click_url") != second["click_url"]
    assert first.pop("image").startswith(f"{PUBLIC}/media/")
    assert first.pop("image_2x").startswith(f"{PUBLIC}/media/")
    assert first.pop("image_width") > 0 < first.pop("image_height")
    assert first == {
        "id": "SKU2",
        "title": "Product SKU2",
        "brand": None,
        "price": "20,90\xa0€",
        "was_price": None,
        "discount_percent": None,
    }
    token = ad["impression_url"].removeprefix(f"{PUBLIC}/i/")
    assert re.fullmatch(r"[A-Za-z0-9_-]+", token)
    assert ad == {
        "placement": RECTANGLE,
        "size": "300x250",
        "width": 300,
        "height": 250,
        "creative": "grid",
        "label": "Anzeige",
        "lang": "de-DE",
        "dir": "ltr",
        "advertiser": {"name": "Acme Shoes"},
        "offer": {"text": "-10 % on <b>everything</b>", "coupon": "SAVE10", "ends": "2090-12-24T18:00:00Z"},
        "impression_url": f"{PUBLIC}/i/{token}",
        "why_url": f"{PUBLIC}/why/{token}",
        "hide_url": f"{PUBLIC}/why/{token}#hide",
        "privacy_url": f"{PUBLIC}/privacy",
    }


def test_it_is_the_ad_that_the_document_shows(wire: Wire, cookie: str) -> None:
    document = wire.ad(cookie).text
    ad = data(wire, cookie).json
    assert [product["title"] for product in ad["products"]] == products_in(document)
    for product in ad["products"]:
        assert html.escape(product["price"]) in document
        assert product["image"] in document
        assert product["image_2x"] in document


def path_of(url: str) -> str:
    return urlsplit(url).path


def test_it_counts_when_its_impression_is_fetched(server: Server, wire: Wire, cookie: str) -> None:
    ad = data(wire, cookie).json
    first = wire.get(path_of(ad["impression_url"]))
    assert (first.status, first.reason) == (200, "")
    assert wire.get(path_of(ad["impression_url"])).reason == "duplicate"
    click = wire.get(path_of(ad["click_url"]))
    assert (click.status, click.header("location"), click.reason) == (302, "https://shop.test/p/SKU2", "")
    assert wire.get(path_of(ad["why_url"])).status == 200


def test_a_house_ad(wire: Wire) -> None:
    ad = data(wire).json
    assert (ad["creative"], ad["products"], ad["hide_url"]) == ("house", [], None)
    assert wire.get(path_of(ad["click_url"])).header("location") == "https://shop.test/"


@pytest.mark.parametrize(
    ("query", "status", "answer"),
    [
        ("", 400, {"reason": "malformed"}),
        (f"placement={RECTANGLE}&placement={RECTANGLE}", 400, {"reason": "malformed"}),
        ("placement=%FF", 400, {"reason": "malformed"}),
        (f"placement={RECTANGLE}&x=" + "y" * 9_000, 400, {"reason": "malformed"}),
        ("placement=nowhere", 200, {"placement": "nowhere", "reason": "unknown_placement"}),
    ],
)
def test_no_ad_and_why(wire: Wire, cookie: str, query: str, status: int, answer: dict[str, str]) -> None:
    reply = wire.get(f"/ad.json?{query}", *cookies(cookie))
    assert (reply.status, reply.json) == (status, answer)


def test_crawlers_get_none(wire: Wire, cookie: str) -> None:
    reply = data(wire, cookie, RECTANGLE, ("User-Agent", "Googlebot/2.1"))
    assert reply.json == {"placement": RECTANGLE, "reason": "bot"}


def test_nothing_personal_for_those_who_object(wire: Wire, cookie: str) -> None:
    assert data(wire, cookie, RECTANGLE, ("Sec-GPC", "1")).json["creative"] == "house"
    assert data(wire, f"{cookie}; adserver-opt-out=1").json["creative"] == "house"
    assert data(wire, cookie, more="&gdpr=1").json["creative"] == "house"
    assert data(wire, cookie).json["creative"] == "grid"


def test_pages_of_the_publisher_may_read_and_no_others(wire: Wire, cookie: str) -> None:
    reply = data(wire, cookie, RECTANGLE, ORIGIN)
    assert reply.every("access-control-allow-origin") == ["https://news.test"]
    assert reply.every("access-control-allow-credentials") == ["true"]
    assert reply.header("cross-origin-resource-policy") == "cross-origin"
    for origin in ("https://evil.example", "https://news.test.evil.example", "null", "*"):
        foreign = data(wire, cookie, RECTANGLE, ("Origin", origin))
        assert foreign.json == {"placement": RECTANGLE, "reason": "foreign_page"}
        assert not [name for name, _ in foreign.headers if name.startswith("access-control")]
    assert not [name for name, _ in data(wire, cookie).headers if name.startswith("access-control")]


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT"])
def test_other_methods_are_not_allowed(wire: Wire, method: str) -> None:
    with wire.connect() as connection:
        connection.sendall(f"{method} /ad.json?placement={RECTANGLE} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 405 ")


def test_hostile_texts_stay_texts(server: Server, wire: Wire) -> None:
    """Whatever a feed says, it comes back as it was, in JSON that every reader takes."""
    not_xml = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
    titles = ["</script><script>alert(1)</script>", '"\\u0000"', "\u2028\u2029", "\N{GRINNING FACE}\u202e", "{{7*7}}"]
    titles += [line for line in hostile_lines("XSS_Injection")[:200] if not not_xml.search(line)]
    ids = [f"X{number}" for number in range(len(titles))]
    server.import_feed(feed_xml(["SKU1", "SKU2", "SKU3", *ids], titles=dict(zip(ids, titles, strict=True))))
    seen = 0
    for at in range(0, len(ids), 4):
        group = ids[at : at + 4]
        cookie = wire.get("/pixel.gif?a=acme&e=view_item&" + "&".join(f"p={one}" for one in group)).cookie
        shown = [html.unescape(title) for title in products_in(wire.ad(cookie).text)]
        reply = data(wire, cookie)
        assert reply.header("content-type") == "application/json"
        products = json.loads(reply.body.decode("utf-8", "strict"))["products"]
        assert [product["title"] for product in products] == shown
        assert all(OURS.fullmatch(product["click_url"]) for product in products)
        seen += len(products)
    assert seen > len(titles) / 2


def links(wire: Wire, cookie: str, click: str) -> list[str]:
    """All links that a click may take, of the three skins that have any."""
    more = f"&click={click}"
    document = wire.get(f"/ad?placement={RECTANGLE}{more}", *cookies(cookie))
    several = wire.get(f"/ads?placement={RECTANGLE}{more}", *cookies(cookie), ORIGIN).json["ads"][0]["html"]
    native = data(wire, cookie, RECTANGLE, ORIGIN, more=more).json
    found = [html.unescape(link) for text in (document.text, several) for link in clicks_in(text)]
    return [*found, *(product["click_url"] for product in native["products"]), native["click_url"]]


@pytest.mark.parametrize(
    "tracker", [GAM, XANDR, "https://news.test/track?to=", "https://eu.clicks.example/'&\"<r?u="], ids=range(4)
)
def test_the_tracker_stands_before_every_link(wire: Wire, cookie: str, tracker: str) -> None:
    """As ``%%CLICK_URL_ESC%%`` and ``${CLICK_URL_ENC}`` give it: escaped once."""
    found = links(wire, cookie, quote(tracker, safe=""))
    assert len(found) == 7
    start = tracker.replace('"', "%22").replace("<", "%3C")
    for link in found:
        assert link.startswith(start)
        rest = link.removeprefix(start)
        assert rest == quote(unquote(rest), safe="")
        assert OURS.fullmatch(unquote(rest))
        click = wire.get(path_of(unquote(rest)))
        assert click.header("location").startswith("https://shop.test/p/SKU")


def test_what_the_ad_server_reads_behind_its_tracker_is_our_link(wire: Wire, cookie: str) -> None:
    (link, *_) = links(wire, cookie, quote(GAM, safe=""))
    (landing,) = parse_qs(urlsplit(link).query)["adurl"]
    assert OURS.fullmatch(landing)


def test_a_house_ad_with_a_tracker(wire: Wire) -> None:
    document = wire.get(f"/ad?placement={RECTANGLE}&click={quote(GAM, safe='')}").text
    assert html.escape(GAM) + quote(f"{PUBLIC}/c/", safe="") in document
    assert f'href="{PUBLIC}/c/' not in document


OTHERS = [
    "%%CLICK_URL_UNESC%%",
    "%%CLICK_URL_ESC%%",
    "${CLICK_URL}",
    "$%7BCLICK_URL%7D",
    "",
    "javascript:alert(1)//",
    "data:text/html,<script>alert(1)</script>/",
    "//evil.example/",
    "https://evil.example/?u=",
    "https://news.test@evil.example/?u=",
    "https://user:pass@news.test/?u=",
    "https://evil.example%5C@news.test/?u=",
    "https://news.test%2eevil.example/?u=",
    "https://news.test/%0d%0aSet-Cookie:%20x=1?u=",
    "https://news.test/%00?u=",
    quote("https://news.test/" + "x" * 5_000 + "?u=", safe=""),
    GAM,  # as %%CLICK_URL_UNESC%% gives it: its end has become other fields
    quote(GAM, safe="") + "&click=" + quote(GAM, safe=""),
    quote(quote(GAM, safe=""), safe=""),
]


@pytest.mark.parametrize("click", OTHERS, ids=[f"{n}-{text[:30]}" for n, text in enumerate(OTHERS)])
def test_everything_else_leaves_our_own_links(wire: Wire, cookie: str, click: str) -> None:
    raw = click.replace(" ", "%20").replace("<", "%3C").replace(">", "%3E")
    found = links(wire, cookie, raw)
    assert len(found) == 7
    assert all(OURS.fullmatch(link) for link in found), found[0]


def test_ten_kilobytes_are_no_request(wire: Wire, cookie: str) -> None:
    reply = wire.get(f"/ad?placement={RECTANGLE}&click=" + "x" * 10_000, *cookies(cookie))
    assert (reply.status, reply.reason) == (204, "malformed")


def test_impressions_have_no_tracker(wire: Wire, cookie: str) -> None:
    document = wire.get(f"/ad?placement={RECTANGLE}&click={quote(GAM, safe='')}", *cookies(cookie)).text
    assert impression_in(document).startswith(f"{PUBLIC}/i/")


def test_lone_surrogates_of_a_feed_do_not_get_through(server: Server, wire: Wire) -> None:
    """The last test here: it leaves no other product behind."""
    feed = {
        "products": [
            {
                "id": "LONE",
                "title": "Lone \ud800 surrogate",
                "link": "https://shop.test/p/LONE",
                "image_link": "https://shop.test/x.png",
                "price": "5.00 EUR",
                "availability": "in stock",
            }
        ]
    }
    file = server.data_dir.parent / "lone.json"
    file.write_text(json.dumps(feed), "utf-8")
    server.cli("feed", "import", "acme", str(file), "--accept")
    server.wait_for_workers()
    reply = data(wire, wire.get("/pixel.gif?a=acme&e=view_item&p=LONE").cookie)
    (product,) = json.loads(reply.body)["products"]
    product["title"].encode("utf-8", "strict")
    assert product["title"].startswith("Lone ")
