"""The visitor's side: the page, the way out, and what is never written down."""

import lxml.html

from tests.http.conftest import Wire, cookies, keys_in, pixel, products_in
from tests.server import Server

NAVIGATION = ("Sec-Fetch-Site", "same-origin")


def opt_out(wire: Wire, cookie: str = "") -> str:
    """Press the button; returns the opt-out cookie."""
    reply = wire.get("/privacy/opt-out", NAVIGATION, *cookies(cookie), method="POST")
    assert reply.status == 200
    (pair,) = {h.partition(";")[0] for h in reply.every("set-cookie") if h.startswith("adserver-opt-out=")}
    return pair


def test_the_page_has_a_button_that_works_without_a_script(wire: Wire) -> None:
    reply = wire.get("/privacy")
    assert reply.status == 200
    assert "no-store" in reply.header("cache-control")
    policy = reply.header("content-security-policy")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy
    root = lxml.html.document_fromstring(reply.text)
    (form,) = root.iter("form")
    assert (form.get("method") or "").lower() == "post"
    assert form.get("action") == "/privacy/opt-out"
    assert not list(root.iter("script"))


def test_the_opt_out_cookie_and_the_end_of_the_other(wire: Wire) -> None:
    reply = wire.get("/privacy/opt-out", NAVIGATION, method="POST")
    forms = ("SameSite=Lax", "Secure; SameSite=None")  # the last one that a browser takes counts
    assert reply.every("set-cookie") == [
        *(f"adserver-opt-out=1; Max-Age=34560000; Path=/; HttpOnly; {form}" for form in forms),
        *(f"adserver=; Max-Age=0; Path=/; HttpOnly; {form}" for form in forms),
    ]


def test_after_the_opt_out_nothing_is_kept_and_nothing_shown(server: Server, wire: Wire) -> None:
    cookie = wire.view("SKU1")
    out = opt_out(wire, cookie)
    with server.valkey() as valkey:
        before = keys_in(valkey)
    view = pixel(a="acme", e="view_item", p="SKU2", gdpr="0", consent="1")
    for header in (out, f"{cookie}; {out}", f"{out}; {cookie}"):
        reply = wire.get(view, *cookies(header))
        assert (reply.reason, reply.every("set-cookie")) == ("consent", [])
        assert wire.ad(header).reason == "consent"
        assert wire.get("/ads?placement=daily-rectangle", *cookies(header)).json["ads"][0]["reason"] == "consent"
    with server.valkey() as valkey:
        assert keys_in(valkey) <= before
    assert products_in(wire.ad(cookie).text) == ["Product SKU1"]


def test_any_value_of_the_opt_out_cookie_counts(wire: Wire) -> None:
    for value in ("1", "0", "", "forged", "true"):
        assert wire.get(pixel(a="acme", e="page_view"), ("Cookie", f"adserver-opt-out={value}")).reason == "consent"


def test_other_sites_can_not_press_the_button(wire: Wire) -> None:
    for site in ("cross-site", "same-site"):
        reply = wire.get("/privacy/opt-out", ("Sec-Fetch-Site", site), method="POST")
        assert reply.status == 403
        assert reply.every("set-cookie") == []


def test_opting_out_is_a_post(wire: Wire) -> None:
    reply = wire.get("/privacy/opt-out", NAVIGATION)
    assert (reply.status, reply.header("allow")) == (405, "POST")
    assert reply.every("set-cookie") == []


def test_an_unknown_visitor_and_one_without_a_history_look_the_same(wire: Wire) -> None:
    """Nobody can ask whether a cookie has a profile."""
    known = wire.ad(wire.view(event="page_view"))
    unknown = wire.ad(wire.get(pixel(a="acme", e="page_view"), ("Cookie", "adserver=forged")).cookie)
    assert [h for h in known.headers if h[0] != "date"] == [h for h in unknown.headers if h[0] != "date"]
    assert (known.status, known.body) == (unknown.status, unknown.body)


def test_no_cookie_no_product_and_no_address_in_the_log(server: Server, wire: Wire) -> None:
    cookie = wire.view("SKU1", "NEVER-IN-A-LOG")
    wire.get(pixel(a="acme", e="purchase", p="SKU1", o="ORDER-NEVER-IN-A-LOG"), *cookies(cookie))
    wire.ad(cookie)
    wire.send(b"GET / HTTP/1.1\r\nBroken NEVER-IN-A-LOG\r\n\r\n")
    log = server.log()
    assert cookie.partition("=")[2] not in log
    assert "NEVER-IN-A-LOG" not in log
    assert "127.0.0.1:" not in log.replace(server.base_url.partition("//")[2], "")
