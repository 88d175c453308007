"""The visitor cookie: its form, how long what it stands for is kept, and what forged ones achieve."""

from collections.abc import Iterator
from typing import Any

import pytest

from adserver.tracking.keyring import Keyring
from adserver.tracking.visitor import VisitorCookies
from tests.http.conftest import SECRET, Wire, cookies, keys_in, pixel, products_in, wire_to
from tests.server import Server, running_server

VIEW = "/pixel.gif?a=acme&e=view_item&p=SKU1"
CROSS_SITE = ("Sec-Fetch-Site", "cross-site")
DAY_S = 86_400


@pytest.fixture(scope="module")
def behind_tls() -> Iterator[Server]:
    """A server that browsers reach by HTTPS, through something that terminates it."""
    settings: dict[str, Any] = {"ADSERVER_PUBLIC_URL": "https://ads.test", "ADSERVER_SECRET": SECRET}
    with running_server(ADSERVER_AD_DEADLINE_MS="5000", **settings) as running:
        yield running


@pytest.fixture(scope="module")
def tls_wire(behind_tls: Server) -> Wire:
    return wire_to(behind_tls)


def visitor_of(cookie: str, visitor_cookies: VisitorCookies) -> str:
    visitor = visitor_cookies.visitor_of([cookie.partition("=")[2]])
    assert visitor is not None
    return visitor


def ttl(server: Server, visitor: str) -> int:
    with server.valkey() as valkey:
        return int(valkey.ttl(f"u:{{{visitor}}}"))


def keys(server: Server) -> int:
    with server.valkey() as valkey:
        return keys_in(valkey)


def attributes(header: str) -> list[str]:
    return header.split("; ")[1:]


def test_over_https_exactly(tls_wire: Wire) -> None:
    (header,) = tls_wire.get(VIEW).every("set-cookie")
    assert header.startswith("__Host-adserver=")
    assert len(header.partition(";")[0].partition("=")[2]) == 45
    assert attributes(header) == ["Max-Age=33696000", "Path=/", "HttpOnly", "Secure", "SameSite=None"]


def test_over_https_from_another_site_with_a_partitioned_copy(tls_wire: Wire) -> None:
    plain, copy = tls_wire.get(VIEW, CROSS_SITE).every("set-cookie")
    assert plain.startswith("__Host-adserver=")
    assert copy.startswith("__Host-adserver-p=")
    assert attributes(copy) == [*attributes(plain), "Partitioned"]
    assert copy.partition(";")[0].partition("=")[2] == plain.partition(";")[0].partition("=")[2]


@pytest.mark.parametrize("site", ["same-origin", "same-site", "none", "Cross-Site", "cross-site, x"])
def test_the_partitioned_copy_only_across_sites(tls_wire: Wire, site: str) -> None:
    assert len(tls_wire.get(VIEW, ("Sec-Fetch-Site", site)).every("set-cookie")) == 1


def test_over_plain_http_within_one_site(wire: Wire) -> None:
    (header,) = wire.get(VIEW).every("set-cookie")
    assert header.startswith("adserver=")
    assert attributes(header) == ["Max-Age=33696000", "Path=/", "HttpOnly", "SameSite=Lax"]


def test_over_plain_http_across_sites(wire: Wire) -> None:
    plain, copy = wire.get(VIEW, CROSS_SITE).every("set-cookie")
    assert attributes(plain) == ["Max-Age=33696000", "Path=/", "HttpOnly", "Secure", "SameSite=None"]
    assert copy.startswith("adserver-p=")
    assert attributes(copy) == [*attributes(plain), "Partitioned"]


def test_both_names_are_read_and_the_others_are_not(tls_wire: Wire) -> None:
    cookie = tls_wire.get(VIEW).cookie
    value = cookie.partition("=")[2]
    for name in ("__Host-adserver", "__Host-adserver-p"):
        assert tls_wire.ad(f"{name}={value}").reason == "no_product"  # this one has no feed
    for name in ("adserver", "adserver-p", "__host-adserver", "__Host-adserver-q", "x__Host-adserver"):
        assert tls_wire.ad(f"{name}={value}").reason == "no_visitor"


def test_set_once_and_not_again(wire: Wire) -> None:
    cookie = wire.get(VIEW).cookie
    for headers in ([], [CROSS_SITE]):
        reply = wire.get(VIEW, *cookies(cookie), *headers)
        assert reply.reason == ""
        assert reply.every("set-cookie") == []


def test_every_new_visitor_is_another_one(wire: Wire) -> None:
    assert len({wire.get(VIEW).cookie for _ in range(50)}) == 50


def changed(cookie: str) -> list[str]:
    name, _, value = cookie.partition("=")
    flipped = [value[:at] + ("A" if value[at] != "A" else "B") + value[at + 1 :] for at in range(len(value))]
    cut = [value[:length] for length in range(len(value))]
    longer = [value + "A", "A" + value, value + "=", value + value, value + "%00", '"' + value, value.swapcase()]
    reordered = [value[1:] + value[0], value[::-1], value[22:] + value[:22]]
    return [f"{name}={text}" for text in flipped + cut + longer + reordered]


def test_changed_cookies_write_nothing_and_get_a_fresh_one(server: Server, wire: Wire) -> None:
    cookie = wire.view("SKU1")
    before = keys(server)
    for forged in changed(cookie):
        reply = wire.get(VIEW, *cookies(forged))
        assert reply.reason == "forged_cookie", forged
        assert reply.cookie not in ("", cookie), forged
        assert wire.ad(forged).reason == "no_visitor", forged
    assert keys(server) <= before


def test_the_fresh_cookie_works_from_the_next_event_on(wire: Wire) -> None:
    fresh = wire.get(VIEW, ("Cookie", "adserver=forged")).cookie
    assert wire.ad(fresh).reason == "no_history"
    wire.view("SKU2", cookie=fresh)
    assert products_in(wire.ad(fresh).text) == ["Product SKU2"]


def test_a_cookie_of_another_secret_or_another_kind_is_forged(wire: Wire) -> None:
    visitor = "V" * 22
    others = [
        VisitorCookies(Keyring([b"another secret of thirty-two characters"], "visitor")),
        VisitorCookies(Keyring([SECRET.encode()], "token")),
    ]
    for other in others:
        assert wire.get(VIEW, ("Cookie", f"adserver={other.issue(visitor)}")).reason == "forged_cookie"


@pytest.mark.parametrize("body", ["x" * 21 + ":", "u:{x}" + "x" * 17, " " * 22, "é" + "x" * 21])
def test_a_signed_id_of_another_alphabet_is_refused(wire: Wire, body: str) -> None:
    signed = Keyring([SECRET.encode()], "visitor").sign(body)
    assert wire.get(VIEW, ("Cookie", f"adserver={signed}".encode())).reason == "forged_cookie"


@pytest.mark.parametrize("order", [1, -1])
def test_of_a_tossed_cookie_and_the_real_one_the_real_one_wins(wire: Wire, order: int) -> None:
    real = wire.view("SKU3")
    attacker = wire.view("SKU4")
    forged = attacker[:-1] + ("A" if attacker[-1] != "A" else "B")
    both = "; ".join([real, forged][::order])
    reply = wire.get(pixel(a="acme", e="view_item", p="SKU5"), ("Cookie", both))
    assert (reply.reason, reply.every("set-cookie")) == ("", [])
    assert products_in(wire.ad(both).text) == ["Product SKU5", "Product SKU3"]
    assert products_in(wire.ad(attacker).text) == ["Product SKU4"]


def test_a_new_visitor_is_kept_for_an_hour(server: Server, wire: Wire, visitor_cookies: VisitorCookies) -> None:
    visitor = visitor_of(wire.view("SKU1"), visitor_cookies)
    assert 0 < ttl(server, visitor) <= 3_600


def test_ninety_days_once_the_cookie_came_back_to_the_pixel(
    server: Server, wire: Wire, visitor_cookies: VisitorCookies
) -> None:
    cookie = wire.view("SKU1")
    wire.view("SKU1", cookie=cookie)
    assert 89 * DAY_S < ttl(server, visitor_of(cookie, visitor_cookies)) <= 90 * DAY_S


@pytest.mark.parametrize("path", ["/ad", "/ads"])
def test_ninety_days_once_the_cookie_came_back_to_an_ad(
    server: Server, wire: Wire, visitor_cookies: VisitorCookies, path: str
) -> None:
    cookie = wire.view("SKU1")
    assert wire.get(f"{path}?placement=daily-rectangle", *cookies(cookie)).status == 200
    assert 89 * DAY_S < ttl(server, visitor_of(cookie, visitor_cookies)) <= 90 * DAY_S


def test_looking_at_ads_does_not_prolong_what_is_kept(
    server: Server, wire: Wire, visitor_cookies: VisitorCookies
) -> None:
    cookie = wire.view("SKU1")
    visitor = visitor_of(cookie, visitor_cookies)
    wire.ad(cookie)  # the cookie is back
    with server.valkey() as valkey:
        valkey.expire(f"u:{{{visitor}}}", 50 * DAY_S)
    wire.ad(cookie)
    assert ttl(server, visitor) <= 50 * DAY_S


def test_every_key_of_a_visitor_or_a_decision_has_an_end(server: Server, wire: Wire) -> None:
    cookie = wire.view("SKU1")
    wire.get(wire.ad(cookie).text.partition('class="seen" src="')[2].partition('"')[0])
    with server.valkey() as valkey:
        for pattern in ("u:*", "b:*"):
            found = list(valkey.scan_iter(pattern))
            assert found
            assert all(int(valkey.ttl(key)) > 0 for key in found)


@pytest.mark.parametrize("path", ["/ad?placement=daily-rectangle", "/ads?placement=daily-rectangle"])
@pytest.mark.parametrize("cookie", ["", "adserver=forged", "valid"])
def test_an_ad_sets_no_cookie_and_makes_no_key(
    server: Server, wire: Wire, visitor_cookies: VisitorCookies, path: str, cookie: str
) -> None:
    if cookie == "valid":  # signed by us, but nothing is known of this visitor
        cookie = "adserver=" + visitor_cookies.issue("N" * 22)
    before = keys(server)
    for headers in ([], [CROSS_SITE]):
        assert wire.get(path, *cookies(cookie), *headers).every("set-cookie") == []
    assert keys(server) <= before


def test_the_token_routes_set_no_cookie(wire: Wire) -> None:
    for path in ("/i/x", "/c/x", "/tag.js", "/slot.js", "/privacy", "/healthz", "/readyz", "/metrics", "/nothing"):
        assert wire.get(path, CROSS_SITE).every("set-cookie") == []


def test_who_has_only_the_partitioned_copy_is_offered_the_cookie(wire: Wire) -> None:
    """Third-party cookies were blocked and are allowed now: the visitor stays the same."""
    crossing = ("Sec-Fetch-Site", "cross-site")
    view = pixel(a="acme", e="view_item", p="SKU1")
    value = wire.get(view, crossing).cookie.partition("=")[2]
    offered = wire.get(view, crossing, ("Cookie", f"adserver-p={value}"))
    assert offered.reason == ""
    assert [header.partition(";")[0] for header in offered.every("set-cookie")] == [f"adserver={value}"]
    settled = wire.get(view, crossing, ("Cookie", f"adserver={value}; adserver-p={value}"))
    assert settled.every("set-cookie") == []
