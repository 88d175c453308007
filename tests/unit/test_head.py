"""A head is read once for all requests that have it; what is not one plain head is left to the parser."""

import pytest

from adserver.web.door import Door
from adserver.web.head import MAX_REMEMBERED_BYTES, MOST_OF_A_KIND, HeadReader, Said
from adserver.web.lanes import MAX_TARGET_BYTES, Lanes, lanes_of

head_of = HeadReader().head_of

COOKIE = "A" * 45


def head(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


BROWSER = head(
    "Host: ads.test", "User-Agent: Firefox/150", f"cookie: adserver={COOKIE}; x=y", "Referer: https://a.test/"
)


def said(raw: bytes, *, secure: bool = False) -> Said:
    found = head_of(raw)
    assert found is not None
    return found.said(secure=secure)


def test_what_it_says() -> None:
    sender, opted_out, gpc = said(BROWSER)
    assert (sender.claims, sender.page_hosts, sender.user_agent) == ((COOKIE,), ("a.test",), "Firefox/150")
    assert (opted_out, gpc) == (False, "")
    assert said(BROWSER, secure=True).sender.claims == ()  # over HTTPS another cookie is ours


def test_it_is_read_once() -> None:
    assert head_of(BROWSER) is head_of(bytes(bytearray(BROWSER)))
    assert said(BROWSER) is said(BROWSER)
    assert head_of(BROWSER) is not head_of(BROWSER.replace(b"A" * 45, b"B" * 45))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n",
        BROWSER[:-1],
        BROWSER[:-2],
        BROWSER + b"G",
        BROWSER + b"GET /ad HTTP/1.1\r\n\r\n",
        BROWSER + BROWSER,
        head("Host: a", "Connection: close"),
        head("Host: a", "Connection: Upgrade", "Upgrade: websocket"),
        head("Host: a", "Upgrade: h2c"),
        head("Host: a", "Content-Length: 0"),
        head("Host: a", "Transfer-Encoding: chunked"),
        head("Host: a", "Expect: 100-continue"),
        head("Host : a"),
        head("Host: a", " folded"),
        head("Host: a\0b"),
        head("Host: a\nX: b"),
        head("no colon"),
        head(*(f"X-{n}: y" for n in range(101))),
        head("X: " + "y" * MAX_REMEMBERED_BYTES),
    ],
)
def test_what_the_parser_has_to_tell(raw: bytes) -> None:
    assert head_of(raw) is None


async def nobody(_: object) -> object:
    raise AssertionError


@pytest.fixture
def lanes() -> Lanes:
    paths = ("/ad", "/i/{token}")
    return lanes_of({path: Door(nobody, path) for path in paths}, https_outside=False, proxies="")  # type: ignore[arg-type]


def test_a_plain_get(lanes: Lanes) -> None:
    found = lanes.plain_get(b"GET /ad?placement=a%20b HTTP/1.1\r\n" + BROWSER)
    assert found is not None
    assert found == (lanes.whole[b"/ad"], b"/ad", b"placement=a%20b", lanes.heads.head_of(BROWSER))
    found = lanes.plain_get(b"GET /i/token HTTP/1.1\r\n" + BROWSER)
    assert found is not None
    assert found == (lanes.tokens[b"/i/"], b"/i/token", b"", lanes.heads.head_of(BROWSER))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\r\n",
        b"GET",
        b"GET /ad\r\n",
        b"GET /ad HTTP/1.0\r\n",
        b"GET /ad HTTP/1.1\n",
        b"GET /ad HTTP/1.1 \r\n",
        b"GET  /ad HTTP/1.1\r\n",
        b"GET /ad  HTTP/1.1\r\n",
        b"GET /ad\t HTTP/1.1\r\n",
        b"GET /ad?a b HTTP/1.1\r\n",
        b"GET /ad?\x7f HTTP/1.1\r\n",
        b"GET /ad?\r\nX: HTTP/1.1\r\n",
        "GET /ad?ä HTTP/1.1\r\n".encode(),
        b"GET /ad#a HTTP/1.1\r\n",
        b"GET ad HTTP/1.1\r\n",
        b"GET http://ads.test/ad HTTP/1.1\r\n",
        b"HEAD /ad HTTP/1.1\r\n",
        b"POST /ad HTTP/1.1\r\n",
        b"get /ad HTTP/1.1\r\n",
        b"\r\nGET /ad HTTP/1.1\r\n",
        b"GET /nothing HTTP/1.1\r\n",
        b"GET /i/ HTTP/1.1\r\n",
        b"GET /i/a/b HTTP/1.1\r\n",
        b"GET /i/%61 HTTP/1.1\r\n",
        b"GET /ad?" + b"a" * MAX_TARGET_BYTES + b" HTTP/1.1\r\n",
    ],
)
def test_what_is_no_plain_get(lanes: Lanes, line: bytes) -> None:
    assert lanes.plain_get(line + BROWSER) is None


@pytest.mark.parametrize("place", [0, 1, 3])
def test_what_proxies_say_is_kept_for_who_believes_it(place: int) -> None:
    lines = ["Host: ads.test", "User-Agent: Firefox/150", "Accept: */*"]
    lines.insert(place, "X-FORWARDED-For: 198.51.100.7")
    found = head_of(head(*lines))
    assert found is not None
    assert found.forwarding == ((b"x-forwarded-for", b"198.51.100.7"),)


def test_a_head_that_is_none_spoils_no_other() -> None:
    reader = HeadReader()
    for raw in (BROWSER[:-2], BROWSER + b"GET", b"no colon\r\n\r\n", head("Host: a", "Connection: close"), BROWSER * 2):
        assert reader.head_of(raw) is None
        found = reader.head_of(BROWSER[:-2] + b"X-Behind: " + raw[:4].hex().encode() + b"\r\n\r\n")
        assert found is not None
        assert found.said(secure=False).sender.claims == (COOKIE,)


def test_what_is_kept_of_a_head_is_bounded() -> None:
    """However many cookies there are: those that can be ours, and one that can not."""
    made_up = "; ".join(f"adserver={number}" for number in range(MOST_OF_A_KIND - 1))
    assert said(head(f"Cookie: {made_up}")).sender.claims == ("0",)
    assert said(head(f"Cookie: {made_up}; adserver={COOKIE}")).sender.claims == (COOKIE,)
    assert head_of(head(f"Cookie: {made_up}; adserver={COOKIE}; adserver=")) is None
    assert head_of(head(*["X-Forwarded-For: 198.51.100.7"] * (MOST_OF_A_KIND + 1))) is None
    others = [f"X-Forwarded-{number}: y" for number in range(50)]
    found = head_of(head(*others, "x-forwarded-proto: https", "X-Forwarded-Host: shop.test"))
    assert found is not None
    assert found.forwarding == ((b"x-forwarded-proto", b"https"),)
