"""What caches may keep, and nothing that a request claims about hosts and paths in what we answer."""

import gzip

import pytest

from tests.http.conftest import Header, Wire, clicks_in, cookies, products_in

VIEW = "/pixel.gif?a=acme&e=page_view"
AD = "/ad?placement=daily-rectangle"
ADS = "/ads?placement=daily-rectangle"


@pytest.mark.parametrize("target", [VIEW, "/pixel.gif", AD, "/ad", ADS, "/ads", "/i/x", "/privacy"])
@pytest.mark.parametrize("known", [True, False])
def test_personal_answers_are_kept_by_no_cache(wire: Wire, target: str, known: bool) -> None:
    cookie = wire.view("SKU1") if known else ""
    reply = wire.get(target, *cookies(cookie))
    assert reply.header("cache-control") == "private, no-store"
    assert reply.every("etag") == reply.every("last-modified") == reply.every("expires") == []
    assert reply.header("x-content-type-options") == "nosniff"


@pytest.mark.parametrize("target", [AD, "/ad", ADS, "/ads"])
def test_ads_say_what_they_depend_on(wire: Wire, target: str) -> None:
    assert wire.get(target, *cookies(wire.view("SKU1"))).header("vary") == "Cookie, Origin, Sec-GPC"


@pytest.mark.parametrize("target", ["/c/x", "/nothing", "/healthz", "/metrics", "/readyz"])
def test_the_rest_is_kept_by_no_cache_either(wire: Wire, target: str) -> None:
    reply = wire.get(target)
    assert "no-store" in reply.header("cache-control")


@pytest.mark.parametrize("target", ["/tag.js", "/slot.js"])
def test_the_scripts_are_cached_and_the_same_for_all(wire: Wire, target: str) -> None:
    plain = wire.get(target)
    zipped = wire.get(target, ("Accept-Encoding", "br, gzip"))
    assert plain.status == zipped.status == 200
    assert plain.header("content-type") == "text/javascript; charset=utf-8"
    assert plain.header("cache-control").startswith("public, max-age=")
    assert plain.header("vary") == "Accept-Encoding"
    assert plain.every("content-encoding") == []
    assert zipped.header("content-encoding") == "gzip"
    assert gzip.decompress(zipped.body) == plain.body
    assert len(zipped.body) < 3_072
    unchanged = wire.get(target, ("If-None-Match", plain.header("etag")))
    assert (unchanged.status, unchanged.body, unchanged.header("etag")) == (304, b"", plain.header("etag"))
    assert wire.get(target, ("Cookie", wire.view("SKU1")), ("Origin", "https://shop.test")).body == plain.body


CLAIMS: list[list[Header]] = [
    [("X-Forwarded-Host", "evil.example")],
    [("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "444")],
    [("X-Forwarded-Prefix", "/evil.example")],
    [("X-Forwarded-Proto", "evil.example")],
    [("X-Forwarded-Server", "evil.example"), ("X-Host", "evil.example"), ("X-HTTP-Host-Override", "evil.example")],
    [("X-Original-URL", "/evil.example"), ("X-Rewrite-URL", "/evil.example")],
    [("Forwarded", "host=evil.example;proto=https")],
    [("X-Forwarded-Scheme", "evil.example"), ("Front-End-Https", "on")],
]


@pytest.mark.parametrize("claims", CLAIMS, ids=range(len(CLAIMS)))
def test_what_a_stranger_claims_about_hosts_is_not_believed(wire: Wire, claims: list[Header]) -> None:
    cookie = wire.view("SKU1")
    for target in (VIEW, AD, ADS, "/privacy", "/tag.js", "/nothing", "/c/x", "/i/x", "/healthz/"):
        reply = wire.get(target, *cookies(cookie), *claims)
        assert "evil.example" not in reply.everything, target
        assert reply.every("location") == [], target
    click = clicks_in(wire.ad(cookie, "daily-rectangle", *claims).text)[0]
    assert wire.get(click, *claims).every("location") == ["https://shop.test/p/SKU1"]
    assert "Secure" not in wire.get(VIEW, *claims).header("set-cookie")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "user@evil.example", "evil.example:99999", "[::1]", "evil.example#", ""]
)
def test_odd_hosts_are_never_said_back(wire: Wire, host: str) -> None:
    cookie = wire.view("SKU1")
    for target in (VIEW, AD, ADS, "/privacy", "/ad/", "//evil.example/", "http://evil.example/ad", "/nothing"):
        reply = wire.get(target, *cookies(cookie), host=host)
        assert reply.status in (200, 204, 404)
        assert "evil.example" not in reply.everything
        assert reply.every("location") == []


@pytest.mark.parametrize(
    "target",
    [
        "/ad.html/x.css", "/ad;.js", "/ad;x=y", "/ad/", "/ad/x.css?placement=daily-rectangle", "/ad.css", "/ad%2f..",
        "/ad%2Fx.css", "/ad%3Fplacement=daily-rectangle", "/ad%00.css", "/ad%0a.css", "/ad/%2e%2e/ads", "/ads/",
        "/ads.js", "/x/../ad?placement=daily-rectangle", "/./ad?placement=daily-rectangle",
        "//ad?placement=daily-rectangle",
        "/AD?placement=daily-rectangle", "/pixel.gif/", "/pixel.gif/x", "/pixel", "/tag.js/",
        "/tag.js/../../etc/passwd", "/static/tag.js", "/slot.js%00", "/c/", "/c", "/i/", "/c/a/b",
        "//evil.example/", "//evil.example/%2f..",
        "///evil.example", "/\\evil.example", "/%5cevil.example", "/%2f%2fevil.example", "/http://evil.example",
        "/.env", "/.git/HEAD", "/.git/config", "/config.toml", "/accounts.toml", "/secret", "/adserver.db",
        "/server.json", "/../../../../etc/passwd", "/..%2f..%2fetc%2fpasswd", "/crossdomain.xml", "/phpinfo.php",
        "/debug", "/docs",
        "/openapi.json", "/console", "/metrics/", "/healthz/", "/privacy/", "/privacy/opt-out/", "/",
    ],
)  # fmt: skip
def test_every_other_path_is_404_and_leads_nowhere(wire: Wire, target: str) -> None:
    reply = wire.get(target, *cookies(wire.view("SKU1")))
    assert reply.status == 404
    assert reply.every("location") == reply.every("set-cookie") == []
    assert "SKU1" not in reply.everything
    assert reply.body == b"Not found\n"


def test_answers_tell_nothing_about_the_software(wire: Wire) -> None:
    for target in (VIEW, AD, "/nothing", "/c/x", "/healthz", "/metrics", "/tag.js"):
        names = {name for name, _ in wire.get(target).headers}
        assert not names & {"server", "x-powered-by", "via"}


def test_two_visitors_never_see_each_others_ads_through_a_shared_cache(wire: Wire) -> None:
    """What a cache would do: keep the answer by its address, unless the answer forbids it."""
    kept: dict[str, object] = {}
    for product in ("SKU1", "SKU2"):
        reply = wire.ad(wire.view(product))
        if "no-store" not in reply.header("cache-control"):
            kept[AD] = reply
        assert kept == {}
        assert products_in(reply.text) == [f"Product {product}"]
