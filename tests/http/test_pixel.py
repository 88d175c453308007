"""The pixel: always the image, and a reason whenever nothing was counted."""

from collections.abc import Sequence
from urllib.parse import quote

import pytest

from adserver.model.reason import EventReason
from tests.http.conftest import GIF, Header, Reply, Wire, cookies, hostile_lines, keys_in, pixel, products_in, request
from tests.server import Server, until

VIEW = "/pixel.gif?a=acme&e=view_item&p=SKU1"
FIELDS = ("a", "e", "p", "q", "v", "c", "o", "eid", "url", "gdpr", "gdpr_consent", "gpp", "gpp_sid", "us_privacy")

REFUSED: list[tuple[EventReason, str | bytes, Sequence[Header]]] = [
    (EventReason.MISSING_ADVERTISER, "/pixel.gif", ()),
    (EventReason.MISSING_ADVERTISER, "/pixel.gif?", ()),
    (EventReason.MISSING_ADVERTISER, "/pixel.gif?&&&=&=&", ()),
    (EventReason.MISSING_ADVERTISER, "/pixel.gif?a=&e=view_item&p=SKU1", ()),
    (EventReason.MISSING_ADVERTISER, "/pixel.gif?a[]=acme&e=view_item&p=SKU1", ()),
    (EventReason.MISSING_ADVERTISER, "/pixel.gif?__proto__=acme&constructor=1&a.b=c", ()),
    (EventReason.MISSING_ADVERTISER, "/pixel.gif?__proto__[a]=acme&__proto__[e]=view_item", ()),
    (EventReason.UNKNOWN_ADVERTISER, "/pixel.gif?a=nobody&e=view_item&p=SKU1", ()),
    (EventReason.UNKNOWN_ADVERTISER, "/pixel.gif?a=ACME&e=view_item&p=SKU1", ()),
    (EventReason.UNKNOWN_ADVERTISER, "/pixel.gif?a=__proto__&e=view_item&p=SKU1", ()),
    (EventReason.UNKNOWN_ADVERTISER, "/pixel.gif?a=acme%00&e=view_item&p=SKU1", ()),
    (EventReason.UNKNOWN_ADVERTISER, b"/pixel.gif?a=\"<script>'\\^`{|}&e=view_item", ()),
    (EventReason.MISSING_EVENT, "/pixel.gif?a=acme", ()),
    (EventReason.MISSING_EVENT, "/pixel.gif?a=acme&e=&p=SKU1", ()),
    (EventReason.UNKNOWN_EVENT, "/pixel.gif?a=acme&e=view-item&p=SKU1", ()),
    (EventReason.UNKNOWN_EVENT, "/pixel.gif?a=acme&e=constructor&p=SKU1", ()),
    (EventReason.UNKNOWN_EVENT, "/pixel.gif?a=acme&e=view%00item&p=SKU1", ()),
    (EventReason.MISSING_PRODUCT, "/pixel.gif?a=acme&e=view_item", ()),
    (EventReason.MISSING_PRODUCT, "/pixel.gif?a=acme&e=add_to_cart&p=&p=%20", ()),
    (EventReason.MISSING_PRODUCT, "/pixel.gif?a=acme&e=view_item&p[]=SKU1", ()),
    (EventReason.TOO_MANY_PRODUCTS, VIEW + "&p=x" * 200, ()),
    (EventReason.TOO_LONG, VIEW + "&p=1234567" * 5_000, ()),
    (EventReason.MALFORMED, VIEW + "&p=x" * 1_500, ()),
    (EventReason.TOO_LONG, VIEW + "&o=" + "x" * 30_000, ()),
    (EventReason.BAD_PRODUCT_ID, "/pixel.gif?a=acme&e=view_item&p=SKU%001", ()),
    (EventReason.BAD_PRODUCT_ID, "/pixel.gif?a=acme&e=view_item&p=SKU%0d%0aSET%20x%20y", ()),
    (EventReason.BAD_PRODUCT_ID, "/pixel.gif?a=acme&e=view_item&p=a%E2%80%A8b", ()),
    (EventReason.BAD_PRODUCT_ID, "/pixel.gif?a=acme&e=view_item&p=" + "x" * 241, ()),
    (EventReason.BAD_PRODUCT_ID, "/pixel.gif?a=acme&e=view_item&p=" + "%E2%82%AC" * 81, ()),
    (EventReason.MALFORMED, "/pixel.gif?a=acme&e=view_item&p=%FF%FE", ()),
    (EventReason.MALFORMED, "/pixel.gif?a=acme&e=view_item&p=%C0%80", ()),
    (EventReason.MALFORMED, "/pixel.gif?a=acme&e=view_item&p=%ED%A0%80", ()),
    (EventReason.MALFORMED, "/pixel.gif?a=acme&%80=1&e=view_item&p=SKU1", ()),
    (EventReason.MALFORMED, "/pixel.gif?a=acme&a=boots&e=view_item&p=SKU1", ()),
    (EventReason.MALFORMED, "/pixel.gif?a=acme&e=view_item&e=purchase&p=SKU1", ()),
    (EventReason.MALFORMED, VIEW + "&q=1&q=2", ()),
    (EventReason.FOREIGN_PAGE, VIEW, [("Referer", "https://evil.example/")]),
    (EventReason.PREFETCH, VIEW, [("Sec-Purpose", "prefetch;prerender")]),
    (EventReason.PREFETCH, VIEW, [("X-Moz", "prefetch")]),
    (EventReason.CONSENT, VIEW, [("Sec-GPC", "1")]),
    (EventReason.BOT, VIEW, [("User-Agent", "Googlebot/2.1 (+http://www.google.com/bot.html)")]),
    (EventReason.FORGED_COOKIE, VIEW, [("Cookie", "adserver=" + "y" * 4_096)]),
    (EventReason.FORGED_COOKIE, VIEW, [("Cookie", "adserver=" + "y" * 8_192)]),
    (EventReason.FORGED_COOKIE, VIEW, [("Cookie", "; ".join(f"adserver={n:045}" for n in range(200)))]),
    (EventReason.BAD_CURRENCY, VIEW + "&c=euro", ()),
    (EventReason.BAD_CURRENCY, VIEW + "&c=eur", ()),
    (EventReason.BAD_CURRENCY, VIEW + "&c=%00%00%00", ()),
    (EventReason.BAD_ORDER_ID, VIEW + "&o=" + "9" * 65, ()),
    (EventReason.BAD_ORDER_ID, VIEW + "&o=1%0a2", ()),
    (EventReason.BAD_MAIL, VIEW + "&em=anna@shop.test", ()),
    (EventReason.BAD_MAIL, VIEW + "&em=" + "0" * 63, ()),
]
NO_NUMBERS = [
    "NaN", "nan", "Infinity", "inf", "-inf", "-0", "-1", "+1", "1e309", "1e3", "0x10", "1_000", "1,5", " 1", "1 ",
    "٣", "１", "9" * 400, "0." + "1" * 400, "1.2.3", ".", "%00", "1%00", "null", "[]",
]  # fmt: skip
REFUSED += [(EventReason.BAD_QUANTITY, VIEW + "&q=" + quote(n, safe="%"), ()) for n in [*NO_NUMBERS, "0", "1.5"]]
REFUSED += [(EventReason.BAD_VALUE, VIEW + "&v=" + quote(n, safe="%"), ()) for n in [*NO_NUMBERS, "1.1234567"]]

REACHED_ELSEWHERE = {EventReason.STARTING, EventReason.STORE_UNAVAILABLE, EventReason.RATE_LIMITED}
"""By the tests of operations, which take Valkey away and set a limit."""

NOT_REACHED_YET = {EventReason.OVERLOAD, EventReason.SPOOL_FULL}

UNREACHABLE = {EventReason.INTERNAL}
"""Said only when a handler broke; nothing that is known from outside makes one break."""


def check_image(reply: Reply) -> None:
    assert reply.status == 200
    assert reply.body == GIF
    assert len(reply.body) == 43
    assert reply.header("content-type") == "image/gif"
    assert "no-store" in reply.header("cache-control")
    assert reply.header("x-content-type-options") == "nosniff"


def written(server: Server) -> tuple[int, int]:
    """Keys in Valkey, and entries of the event stream ever written."""
    with server.valkey() as valkey:
        stream = valkey.xinfo_stream("events:{0}") if valkey.exists("events:{0}") else {"entries-added": 0}
        return keys_in(valkey), int(stream["entries-added"])


@pytest.mark.parametrize(
    ("reason", "target", "headers"), REFUSED, ids=[f"{n}-{row[0].label}" for n, row in enumerate(REFUSED)]
)
def test_a_refused_event_gets_the_image_and_the_reason(
    wire: Wire, reason: EventReason, target: str | bytes, headers: Sequence[Header]
) -> None:
    reply = wire.get(target, *headers)
    check_image(reply)
    assert reply.reason == reason.label


def test_every_reason_is_reached() -> None:
    assert {row[0] for row in REFUSED} | REACHED_ELSEWHERE | NOT_REACHED_YET | UNREACHABLE == set(EventReason)


def test_refused_events_write_nothing(server: Server, wire: Wire) -> None:
    before = written(server)
    wire.batch(request(target, *headers) for _, target, headers in REFUSED for _ in range(5))
    keys, entries = written(server)
    assert keys <= before[0]
    assert entries == before[1]


@pytest.mark.parametrize("header", ["adserver-x=", "__proto__=", "=", "; ;;=;", "\xff\xfe", "a=b, adserver=c"])
def test_foreign_cookies_are_not_ours(wire: Wire, header: str) -> None:
    reply = wire.get(VIEW, ("Cookie", header))
    check_image(reply)
    assert reply.reason == ""


def test_two_hundred_cookies_of_others_beside_ours(wire: Wire) -> None:
    cookie = wire.view("SKU1")
    noise = "; ".join(f"__proto__{n}=constructor" for n in range(200))
    reply = wire.get(VIEW, ("Cookie", f"{noise}; {cookie}"))
    check_image(reply)
    assert reply.reason == ""
    assert not reply.every("set-cookie")


def test_cookies_may_come_in_several_headers(wire: Wire) -> None:
    cookie = wire.view("SKU1")
    reply = wire.get(VIEW, ("Cookie", "a=b"), ("Cookie", cookie), ("Cookie", "c=d"))
    assert (reply.reason, reply.every("set-cookie")) == ("", [])


@pytest.mark.parametrize("line", [b"\xff\xfe", "é".encode(), b"\x00", b"\x7f\x80"])
def test_what_the_parser_refuses_is_a_clean_400(wire: Wire, line: bytes) -> None:
    (reply,) = wire.send(request(b"/pixel.gif?a=acme&e=view_item&p=" + line))
    assert reply.status == 400
    assert reply.header("connection") == "close"
    assert len(reply.body) < 100


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", ["/pixel.gif", "/ad", "/ads", "/i/x", "/c/x", "/tag.js", "/slot.js", "/privacy"])
def test_other_methods_are_405(wire: Wire, method: str, path: str) -> None:
    with wire.connect() as connection, connection.makefile("rb") as stream:
        connection.sendall(request(path, method=method, close=True))
        answer = stream.read()
    head = answer.partition(b"\r\n\r\n")[0].lower()
    assert head.startswith(b"http/1.1 405 ")
    assert b"\r\nallow: get" in head
    assert b"set-cookie" not in head


NOT_HTTP = [
    b"hello\r\n\r\n",
    b"\r\n\r\n\r\nhello\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /pixel.gif HTTP/9.9\r\n\r\n",
    b"GET  HTTP/1.1\r\n\r\n",
    b"GET /pixel.gif HTTP/1.1\r\nno colon here\r\n\r\n",
    b"GET /pixel.gif HTTP/1.1\r\nX : y\r\n\r\n",
    b"GET /pixel.gif HTTP/1.1\r\nX: a\x00b\r\n\r\n",
    b"GET /pixel.gif HTTP/1.1\r\nX: a\r\n folded\r\n\r\n",
    b"GET /pixel.gif HTTP/1.1\nHost: x\n\n",
    b"BREW /pixel.gif HTTP/1.1\r\n\r\n",
    b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
    b"*1\r\n$7\r\nFLUSHDB\r\n\r\n",
]


@pytest.mark.parametrize("raw", NOT_HTTP, ids=range(len(NOT_HTTP)))
def test_what_is_not_http_is_400(wire: Wire, raw: bytes) -> None:
    (reply,) = wire.send(raw)
    assert reply.status == 400
    assert reply.header("connection") == "close"


def test_a_url_of_70_kb_is_414(wire: Wire) -> None:
    (reply,) = wire.send(request("/pixel.gif?o=" + "x" * 70_000))
    assert reply.status == 414


def test_150_headers_are_431(wire: Wire) -> None:
    (reply,) = wire.send(request(VIEW, *((f"X-{n}", "y") for n in range(150))))
    assert reply.status == 431


@pytest.mark.parametrize("sizes", [[200_000], [2_100] * 95, [140_000]])
@pytest.mark.parametrize("at_once", [True, False])
def test_200_kb_of_headers_are_431(wire: Wire, sizes: list[int], at_once: bool) -> None:
    raw = request(VIEW, *((f"X-{n}", "y" * size) for n, size in enumerate(sizes)))
    with wire.connect() as connection, connection.makefile("rb") as stream:
        try:
            for part in [raw] if at_once else [raw[n : n + 8_192] for n in range(0, len(raw), 8_192)]:
                connection.sendall(part)
            status = stream.readline().split()[1:2]
        except ConnectionError:
            return  # closed while we were still talking, which is as clear an answer
    assert status in ([b"431"], [])


def test_heads_below_the_limits_are_served(wire: Wire) -> None:
    reply = wire.get(VIEW, *((f"X-{n}", "y" * 1_000) for n in range(90)))
    check_image(reply)
    assert reply.reason == ""


def test_the_server_goes_on_after_each_refusal_on_a_connection_of_its_own(wire: Wire) -> None:
    for raw in NOT_HTTP:
        wire.send(raw)
    assert wire.get("/healthz").status == 200


def test_hostile_strings_in_every_parameter(server: Server, wire: Wire) -> None:
    lines = hostile_lines()
    assert len(lines) > 2_000
    good = {"a": "acme", "e": "view_item", "p": "SKU1"}
    cookie = wire.view("SKU1")
    before = written(server)[0]
    targets = [pixel(**{**good, field: line}) for field in FIELDS for line in lines[:515]]
    targets += [pixel(**{**good, field: line}) for field in ("p", "o") for line in lines[515:]]
    targets += [pixel(**dict.fromkeys(FIELDS, line)) for line in lines[515:]]
    targets += [f"/pixel.gif?a=acme&e=view_item&p=SKU1&{quote(line, safe='')}=1" for line in lines]
    known = {reason.label for reason in EventReason} - {"internal", "starting", "store_unavailable"}
    for target, reply in zip(targets, wire.batch(request(target, *cookies(cookie)) for target in targets), strict=True):
        assert reply.status == 200, target
        assert reply.body == GIF, target
        assert reply.reason in known | {""}, target
    assert written(server)[0] <= before
    with server.valkey() as valkey:
        assert max(int(valkey.hlen(key)) for key in valkey.scan_iter("u:*")) <= 256


def test_hostile_bytes_as_they_are(wire: Wire) -> None:
    for line in hostile_lines()[:515]:
        raw = line.encode("utf-8", "surrogatepass")
        answers = wire.send(request(b"/pixel.gif?a=acme&e=view_item&p=SKU1&o=" + raw, ("Connection", "close")))
        assert all(answer.status in (200, 400) for answer in answers), line


def test_hostile_strings_in_headers(wire: Wire) -> None:
    for name in ("User-Agent", "Referer", "Origin", "Cookie", "X-Forwarded-For", "Authorization", "Sec-GPC"):
        lines = [line.encode() for line in hostile_lines()[:515]]
        clean = [line for line in lines if not any(byte < 32 or byte == 127 for byte in line)]
        for line, reply in zip(clean, wire.batch(request(VIEW + "x", (name, line)) for line in clean), strict=True):
            assert reply.status == 200, line
            assert reply.body == GIF, line


def test_what_clients_send_never_names_a_metric(server: Server, wire: Wire) -> None:
    marker = "Zq7xMarker"
    for field in FIELDS:
        wire.get(pixel(**{"a": "acme", "e": "view_item", "p": "SKU1", field: marker}))
    wire.get(f"/ad?placement={marker}")
    wire.get(f"/ads?placement={marker}")
    wire.get(f"/i/{marker}")
    wire.get(f"/c/{marker}")
    wire.get(f"/{marker}")
    shown = wire.get("/metrics").text
    assert marker.lower() not in shown.lower()
    assert len(shown) < 100_000
    assert marker not in server.log()


@pytest.mark.parametrize(
    ("event", "products"),
    [
        ("view_item", ["SKU1"]), ("VIEW_ITEM", ["SKU1"]), ("page_view", []), ("view_item_list", ["SKU1", "SKU2"]),
        ("add_to_cart", ["SKU1"]), ("remove_from_cart", ["SKU1"]), ("view_cart", []), ("begin_checkout", []),
        ("purchase", ["SKU1"]), ("purchase", []), ("refund", ["SKU1"]), ("search", []), ("login", []),
        ("sign_up", []), ("generate_lead", []), ("file_download", []), ("click", []),
        ("viewHome", []), ("viewPage", []), ("viewList", []), ("viewItem", ["SKU1"]), ("addToCart", ["SKU1"]),
        ("viewBasket", ["SKU1"]), ("viewCart", []), ("trackTransaction", ["SKU1"]),
        ("PageView", []), ("ViewContent", ["SKU1"]), ("AddToCart", ["SKU1"]), ("InitiateCheckout", []),
        ("Purchase", ["SKU1"]), ("Search", []), ("CompleteRegistration", []), ("Lead", []),
    ],
)  # fmt: skip
def test_event_names_of_three_vocabularies(wire: Wire, event: str, products: list[str]) -> None:
    wire.view(*products, event=event)


def test_all_optional_fields_together(wire: Wire) -> None:
    reply = wire.get(
        pixel(a="acme", e="purchase", p=["SKU1", "SKU2"], q="2", v="19.90", c="EUR", o="order-1", eid="e1", url="x")
    )
    assert reply.reason == ""


def test_twenty_products_are_accepted(wire: Wire) -> None:
    cookie = wire.view(*(f"SKU{n}" for n in range(20)))
    assert products_in(wire.ad(cookie).text) == [f"Product SKU{n}" for n in (19, 18, 17, 16)]


def test_the_ad_right_after_the_pixel_shows_the_product(wire: Wire) -> None:
    cookie = wire.view("SKU5")
    for number in range(30):
        wire.view(f"SKU{number}", cookie=cookie)
        shown = products_in(wire.ad(cookie).text)
        assert shown[0] == f"Product SKU{number}"


def test_newest_first_and_four_at_most(wire: Wire) -> None:
    cookie = wire.view("SKU1")
    for product in ("SKU2", "SKU3", "SKU4", "SKU5", "SKU3"):
        wire.view(product, cookie=cookie)
    for placement in ("daily-rectangle", "daily-leaderboard", "daily-skyscraper"):
        shown = products_in(wire.ad(cookie, placement).text)
        assert shown == ["Product SKU3", "Product SKU5", "Product SKU4", "Product SKU2"]


def test_one_product_is_enough(wire: Wire) -> None:
    assert products_in(wire.ad(wire.view("SKU9")).text) == ["Product SKU9"]


def test_views_at_two_shops_the_freshest_wins(wire: Wire) -> None:
    cookie = wire.view("SKU1")
    wire.view("BOOT1", cookie=cookie, advertiser="boots")
    assert products_in(wire.ad(cookie).text) == ["Product BOOT1"]
    wire.view("SKU2", cookie=cookie)
    assert products_in(wire.ad(cookie).text) == ["Product SKU2", "Product SKU1"]


def test_a_product_of_one_shop_is_never_shown_for_another(wire: Wire) -> None:
    reply = wire.ad(wire.view("SKU1", advertiser="boots"))
    assert (reply.status, reply.reason) == (204, "no_product")


def test_carted_products_are_shown_too(wire: Wire) -> None:
    cookie = wire.view("SKU7", event="add_to_cart")
    assert products_in(wire.ad(cookie).text) == ["Product SKU7"]
    wire.view("SKU7", cookie=cookie, event="remove_from_cart")
    assert wire.ad(cookie).reason == "no_history"


def test_a_purchase_empties_the_cart(server: Server, wire: Wire) -> None:
    cookie = wire.view("SKU7", event="add_to_cart")
    wire.view("SKU7", cookie=cookie, event="purchase")
    assert wire.ad(cookie).reason == "no_history"


def test_events_without_a_product_leave_no_history(wire: Wire) -> None:
    cookie = wire.view(event="page_view")
    assert wire.ad(cookie).reason == "no_history"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Referer", "https://shop.test/p/1?x=y")],
        [("Referer", "https://www.shop.test/")],
        [("Referer", "https://a.b.shop.test:8443/")],
        [("Referer", "http://shop.test/")],
        [("Origin", "https://shop.test")],
        [("Origin", "https://shop.test"), ("Referer", "https://www.shop.test/")],
        [("Origin", "null")],
        [("Origin", "null"), ("Referer", "https://shop.test/")],
        [("Referer", "")],
    ],
)
def test_pages_of_the_shop_and_of_nobody_are_not_foreign(wire: Wire, headers: list[Header]) -> None:
    assert wire.get(VIEW, *headers).reason == ""


@pytest.mark.parametrize("name", ["Referer", "Origin"])
@pytest.mark.parametrize(
    "page",
    [
        "https://evil.example",
        "https://evil.example/?shop.test",
        "https://evil.example/shop.test",
        "https://evil.example#shop.test",
        "https://evil.example#@shop.test/",
        "https://shop.test.evil.example",
        "https://evilshop.test",
        "https://shop.test@evil.example/",
        "https://evil.example@shop.test/",
        "https://evil.example\\@shop.test/",
        "https://evil.example\\.shop.test/",
        "https://evil.example%2f.shop.test/",
        "https://evil.example[v1.shop.test]/",
        "//shop.test/",
        "shop.test",
        "javascript:alert(1)//shop.test",
        "ftp://shop.test/",
        "https://news.test",
        "https://boots.test",
        "https://",
        "https://shop.test:99999999/",
        "https://shop.test, https://evil.example",
        "\xff",
    ],
)
def test_other_pages_are_foreign(wire: Wire, name: str, page: str) -> None:
    reply = wire.get(VIEW, (name, page))
    check_image(reply)
    assert reply.reason == "foreign_page"
    assert not reply.every("set-cookie")


def test_one_foreign_name_of_two_is_enough(wire: Wire) -> None:
    both = [("Origin", "https://evil.example"), ("Referer", "https://shop.test/")]
    assert wire.get(VIEW, *both).reason == "foreign_page"
    assert wire.get(VIEW, ("Origin", "null"), ("Referer", "https://evil.example/")).reason == "foreign_page"


def test_a_foreign_page_writes_nothing_for_a_known_visitor(wire: Wire) -> None:
    cookie = wire.view("SKU1")
    wire.get(pixel(a="acme", e="view_item", p="SKU2"), ("Referer", "https://evil.example/"), *cookies(cookie))
    assert products_in(wire.ad(cookie).text) == ["Product SKU1"]


def test_broken_escapes_stay_as_they_are(wire: Wire) -> None:
    assert wire.get("/pixel.gif?a=acme&e=view_item&p=100%&o=%zz%4").reason == ""


def test_events_are_counted_by_name(wire: Wire) -> None:
    def count() -> float:
        lines = wire.get("/metrics").text.splitlines()
        return sum(float(line.split()[1]) for line in lines if line.startswith('adserver_events_total{event="refund"}'))

    before = count()
    for _ in range(10):
        wire.view("SKU1", event="refund")
    until(lambda: count() == before + 10, within=10, what="the counter")
