"""Impression and click tokens: counted once, and no way to anywhere but the signed page."""

import asyncio
from collections import Counter
from urllib.parse import quote, urljoin, urlsplit

import pytest

from adserver.model.reason import TokenReason
from adserver.tracking.keyring import Keyring
from adserver.tracking.token import TokenKind, Tokens
from tests.http.conftest import (
    ACME,
    GIF,
    SECRET,
    Reply,
    Wire,
    clicks_in,
    hostile_lines,
    impression_in,
    keys_in,
    request,
    token,
)
from tests.server import Server, until

LANDING = "https://shop.test/p/SKU1"


def test_a_click_goes_to_exactly_the_product_and_counts(server: Server, wire: Wire) -> None:
    (click,) = clicks_in(wire.ad(wire.view("SKU1")).text)
    reply = wire.get(click)
    assert (reply.status, reply.reason, reply.body) == (302, "", b"")
    assert reply.every("location") == [LANDING]
    assert "no-store" in reply.header("cache-control")
    assert reply.header("referrer-policy") == "strict-origin"


def test_a_second_click_goes_there_too_but_does_not_count(wire: Wire) -> None:
    (click,) = clicks_in(wire.ad(wire.view("SKU1")).text)
    wire.get(click)
    for _ in range(3):
        reply = wire.get(click)
        assert (reply.status, reply.reason, reply.header("location")) == (302, "duplicate", LANDING)


def test_an_impression_counts_once(wire: Wire) -> None:
    path = impression_in(wire.ad(wire.view("SKU1")).text)
    first, second = wire.get(path), wire.get(path)
    assert (first.status, first.body, first.reason) == (200, GIF, "")
    assert (second.status, second.body, second.reason) == (200, GIF, "duplicate")
    assert "no-store" in first.header("cache-control")


def test_each_product_of_a_banner_has_a_click_of_its_own(wire: Wire) -> None:
    cookie = wire.view("SKU1", "SKU2", "SKU3", "SKU4")
    html = wire.ad(cookie).text
    replies = [wire.get(click) for click in clicks_in(html)]
    assert [reply.header("location") for reply in replies] == [f"https://shop.test/p/SKU{n}" for n in (4, 3, 2, 1)]
    assert {reply.reason for reply in replies} == {""}


@pytest.mark.parametrize("kind", list(TokenKind))
def test_a_prefetch_is_answered_and_not_counted(wire: Wire, tokens: Tokens, kind: TokenKind) -> None:
    path = f"/{kind.name[0].lower()}/{tokens.mint(token(kind, decision=f'prefetch-{kind}'))}"
    for header in (("Sec-Purpose", "prefetch"), ("Purpose", "prefetch"), ("X-Purpose", "preview")):
        ahead = wire.get(path, header)
        assert ahead.reason == TokenReason.PREFETCH.label
        assert ahead.status == (302 if kind is TokenKind.CLICK else 200)
    assert wire.get(path).reason == ""


@pytest.mark.parametrize("kind", list(TokenKind))
def test_a_crawler_is_answered_and_not_counted(wire: Wire, tokens: Tokens, kind: TokenKind) -> None:
    path = f"/{kind.name[0].lower()}/{tokens.mint(token(kind, decision=f'crawler-{kind}'))}"
    crawled = wire.get(path, ("User-Agent", "Googlebot/2.1"))
    assert crawled.reason == TokenReason.BOT.label
    assert crawled.status == (302 if kind is TokenKind.CLICK else 200)
    assert wire.get(path).reason == ""


@pytest.mark.parametrize("kind", list(TokenKind))
def test_an_expired_token_is_answered_and_not_counted(wire: Wire, tokens: Tokens, kind: TokenKind) -> None:
    reply = wire.get(f"/{kind.name[0].lower()}/{tokens.mint(token(kind, expires=1_000_000_000))}")
    assert reply.reason == TokenReason.EXPIRED.label
    assert reply.header("location") == (LANDING if kind is TokenKind.CLICK else "")


def test_every_reason_is_reached() -> None:
    here = {TokenReason.BAD_TOKEN, TokenReason.EXPIRED, TokenReason.DUPLICATE, TokenReason.PREFETCH, TokenReason.BOT}
    assert here | {TokenReason.STORE_UNAVAILABLE} == set(TokenReason)  # the last one by the tests of operations


def nowhere(reply: Reply) -> bool:
    return reply.status == 404 and not reply.every("location")


def test_the_other_kind_of_token_is_none(wire: Wire, tokens: Tokens) -> None:
    assert nowhere(wire.get(f"/c/{tokens.mint(token(TokenKind.IMPRESSION))}"))
    reply = wire.get(f"/i/{tokens.mint(token(TokenKind.CLICK))}")
    assert (reply.status, reply.body, reply.reason) == (200, GIF, TokenReason.BAD_TOKEN.label)


def test_another_secret_or_purpose_signs_nothing(wire: Wire) -> None:
    for secret, purpose in ((b"q" * 40, "token"), (SECRET.encode(), "visitor"), (SECRET.encode(), "")):
        assert nowhere(wire.get(f"/c/{Tokens(Keyring([secret], purpose)).mint(token())}"))


def test_a_changed_character_anywhere_leads_nowhere(wire: Wire, tokens: Tokens) -> None:
    good = tokens.mint(token())
    changed = [good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :] for at in range(len(good))]
    changed += [good[:at] + good[at + 1 :] for at in range(len(good))]
    changed += [good[:at] for at in range(1, len(good), 7)]
    changed += [good + "A", good + "=", "A" + good, good.swapcase()]
    for reply in wire.batch(request(f"/c/{text}") for text in changed):
        assert nowhere(reply)


@pytest.mark.parametrize(
    "tail",
    ["?dest=https://evil.example", "?url=https://evil.example", "?dest=%2F%2Fevil.example&oadest=x&ct0=y", "?", "#x"],
)
def test_parameters_change_nothing(wire: Wire, tokens: Tokens, tail: str) -> None:
    reply = wire.get(f"/c/{tokens.mint(token(decision='parameters' + tail))}{tail}")
    assert reply.every("location") == [LANDING]


def test_no_line_of_the_open_redirect_lists_leads_astray(wire: Wire, tokens: Tokens) -> None:
    good = tokens.mint(token(decision="astray"))
    targets = []
    for line in hostile_lines("Open_Redirect") + hostile_lines("CRLF_Injection"):
        for text in (line, quote(line, safe="%/:?&=#@;")):
            encoded = text.encode()
            if any(byte <= 32 or byte >= 127 for byte in encoded):
                continue
            targets += [text, f"/c/{text}", f"/c/{good}{text}", f"/c/{text}{good}", f"/c/{good}/{text}"]
            targets += [f"/c/{good}?{text}", f"/c/{good}?dest={text}", f"/c/?url={text}", f"/c/{text}/{good}"]
            targets += [f"//{text}", f"/{text}", f"/ad?placement={text}", f"/i/{text}", f"/c//{text}", f"/c/..{text}"]
    assert len(targets) > 5_000
    asked = (request(target) for target in targets if target.startswith(("/", "http://")))
    for sent, reply in wire.each(asked):
        assert reply.status in (200, 204, 302, 400, 404), sent
        assert reply.every("location") in ([], [LANDING]), sent
        assert (reply.status == 302) == bool(reply.every("location")), sent
        assert reply.every("set-cookie") == [], sent


def test_a_signed_page_outside_the_shops_domains_is_not_followed(wire: Wire, tokens: Tokens) -> None:
    """Checked when the click is followed, and not only when it is signed."""
    for url in (
        "https://evil.example/",
        "https://shop.test.evil.example/",
        "https://shop.test@evil.example/",
        "javascript:alert(1)//shop.test",
        "data:text/html,shop.test",
        "//shop.test/p/SKU1",
        "/p/SKU1",
        "https:shop.test",
        "https:/\\shop.test",
        " https://shop.test/",
        "ht\ttps://shop.test/",
        "https://boots.test/",
        "",
    ):
        assert nowhere(wire.get(f"/c/{tokens.mint(token(url=url))}")), url


def test_nothing_of_a_signed_page_breaks_out_of_the_header(wire: Wire, tokens: Tokens) -> None:
    """Even if a product's link got signed as it was: the header stays one line of plain ASCII."""
    lines = hostile_lines("Open_Redirect") + hostile_lines("CRLF_Injection") + hostile_lines()[:515]
    lines += ["\r\nSet-Cookie: a=b", "\nX: y", "é", "\u202e", "\x00", "\x7f", '"', "<>", "😀"]
    targets = [f"https://shop.test/{line}"[:1_500] for line in lines] + lines
    requests = [request(f"/c/{tokens.mint(token(url=url, product=''))}") for url in targets]
    for url, reply in zip(targets, wire.batch(requests), strict=True):
        assert reply.status in (302, 404), url
        assert reply.every("set-cookie") == [], url
        assert [name for name, _ in reply.headers if name not in KNOWN_HEADERS] == [], url
        for location in reply.every("location"):
            assert location.isascii()
            assert location.isprintable()
            assert (urlsplit(location).hostname or "").endswith("shop.test"), url
            assert urlsplit(urljoin("https://ads.test/c/", location)).hostname == urlsplit(location).hostname


KNOWN_HEADERS = {
    "date", "location", "content-length", "content-type", "cache-control", "x-content-type-options",
    "referrer-policy", "x-adserver-reason", "content-security-policy",
}  # fmt: skip


@pytest.mark.parametrize("text", ["", "x", "%00", "%0d%0aLocation:%20evil.example", "A" * 5_000, "é", "%ff"])
def test_a_made_up_token_is_answered_plainly(wire: Wire, text: str) -> None:
    encoded = quote(text, safe="%")
    assert nowhere(wire.get(f"/c/{encoded}"))
    reply = wire.get(f"/i/{encoded}")
    assert reply.status == (200 if text else 404)
    if text:
        assert (reply.body, reply.reason) == (GIF, TokenReason.BAD_TOKEN.label)


def test_made_up_tokens_make_no_keys(server: Server, wire: Wire) -> None:
    with server.valkey() as valkey:
        before = keys_in(valkey)
        wire.batch(request(f"/{kind}/{number:060}") for number in range(1_000) for kind in "ic")
        assert keys_in(valkey) <= before


def test_a_hundred_impressions_at_once_with_one_token_count_one(server: Server, wire: Wire) -> None:
    html = wire.ad(wire.view("BOOT1", advertiser="boots"), "weekly-rectangle").text  # nothing else of boots runs there
    (click,) = clicks_in(html)

    async def ask(path: str) -> bytes:
        reader, writer = await asyncio.open_connection(*wire.address)
        writer.write(request(path, close=True))
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer.partition(b"\r\n\r\n")[0]

    async def all_at_once(path: str) -> list[bytes]:
        return await asyncio.gather(*(ask(path) for _ in range(100)))

    for path in (impression_in(html), click):
        heads = asyncio.run(all_at_once(path))
        reasons = Counter(b"x-adserver-reason: duplicate" in head for head in heads)
        assert reasons == {True: 99, False: 1}
    expected = {"requests": 1, "impressions": 1, "clicks": 1}
    row = {"line_item": "boots-viewers", "placement": "weekly-rectangle", **expected}
    until(lambda: row in server.report()["rows"], within=20, what="the row of the report")


def test_a_domain_that_is_taken_away_takes_its_clicks_away(server: Server, wire: Wire, tokens: Tokens) -> None:
    """Old tokens lead nowhere once the advertiser may no longer land there, and again when it may."""
    click = f"/c/{tokens.mint(token(decision='moved'))}"
    assert wire.get(click).every("location") == [LANDING]
    try:
        server.apply(ACME.replace("shop.test", "new.test"))
        assert nowhere(wire.get(click))
    finally:
        server.apply(ACME)
    assert wire.get(click).every("location") == [LANDING]


def test_a_token_of_an_advertiser_who_is_gone_leads_nowhere(wire: Wire, tokens: Tokens) -> None:
    assert nowhere(wire.get(f"/c/{tokens.mint(token(advertiser='gone'))}"))
