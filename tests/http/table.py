"""The table of requests that both doors answer alike. ``@name@`` stands for something signed, fresh for each door."""

import gzip
import secrets
from collections.abc import Iterator

from adserver.tracking.keyring import Keyring
from adserver.tracking.token import TokenKind, Tokens
from adserver.tracking.visitor import VisitorCookies
from tests.http.conftest import SECRET, Header, request, token

PIXEL = "/pixel.gif?a=acme&e=view_item&p=SKU1"
AD = "/ad?placement=daily-rectangle"
ADS = "/ads?placement=daily-rectangle&placement=daily-leaderboard"
HOT = (PIXEL, AD, ADS, "/i/@seen@", "/c/@click@", "/v/@seen@")
SKINS = (
    "/ad.json?placement=daily-rectangle", "/ad.png?placement=daily-rectangle&cb=1",
    "/ad.webp?placement=daily-rectangle&cb=1&density=2", "/ad.jpg?placement=daily-rectangle&cb=1",
    "/ad/click?placement=daily-rectangle&cb=1",
)  # fmt: skip
"""Hot as well; a few requests tell of them what is not told of all hot paths."""
SKIN_QUERIES = (
    "", "placement=", "placement=nowhere", "placement=daily-paused", "placement=daily-huge&cb=2", "placement=%FF&cb=1",
    "placement=daily-rectangle", "placement=daily-rectangle&cb=", "placement=daily-rectangle&cb=%%25CACHEBUSTER%%25",
    "placement=daily-rectangle&cb=1&cb=2", "placement=daily-rectangle&cb=1&density=3",
    "placement=weekly-rectangle&cb=1", "placement=daily-rectangle&cb=" + "x" * 129,
    "placement=daily-rectangle&cb=1&x=" + "y" * 9_000, "placement=daily-rectangle&cb=a%0d%0ab",
    "placement=daily-rectangle&cb=1#x", "placement=daily-rectangle&gdpr=1&cb=3",
    "placement=daily-rectangle&cb=1&click=https%3A%2F%2Fnews.test%2Fc%3Fu%3D",
    "placement=daily-rectangle&cb=1&density=2",
)  # fmt: skip
SKIN_HEADERS = (
    "visitor", "visitor-and-page", "foreign-origin", "null-origin", "odd-origin", "copy-only", "unseen-visitor",
    "forged", "two-visitors", "opt-out", "gpc", "prefetch", "crawler", "tool", "forwarded", "close", "websocket",
    "etag", "preflight",
)  # fmt: skip
PATHS = ("/pixel.gif", "/ad", "/ads", "/i/x", "/c/x", "/v/x", "/i/", "/c/", "/i", "/c")
TC_YES = "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"
TC_NO = "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAB"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"

QUERIES = [
    "", "a", "a=", "=", "&", "&&&=&=&", "a=acme", "a=acme&e=view_item", "a=acme&e=view_item&p=", "a=acme&e=no_event",
    "a=nobody&e=view_item&p=1", "a=boots&e=add_to_cart&p=BOOT1&q=2&v=19.90&c=EUR", "a=acme&e=purchase&p=SKU1&o=7&v=1",
    "a=acme&e=view_item&p=SKU1&p=SKU2&p=SKU3", "a=acme&a=acme&e=view_item&p=SKU1", "a=acme&e=view_item&p=SKU1&q=0",
    "a=acme;e=view_item;p=SKU1", "a=acme&e=view_item&p=SKU%201", "a=acme&e=view_item&p=SKU+1",
    "a=%61cme&e=view_item&p=1",
    "%61=acme&e=view_item&p=1", "a=acme&e=view_item&p=%", "a=acme&e=view_item&p=%zz", "a=acme&e=view_item&p=100%",
    "a=acme&e=view_item&p=%FF", "a=acme&e=view_item&p=%C0%80", "a=acme&%80=1&e=view_item&p=1",
    "a=acme&e=view_item&p=%00",
    "a=acme&e=view_item&p=%E2%82%AC", "a=acme&e=view_item&p=%0d%0aX:y", "a=acme&e=view_item&p=SKU1#frag", "#",
    "#a=acme",
    "?a=acme&e=view_item&p=SKU1", "a=acme&e=view_item&p=SKU1?", "a=acme&e=view_item&p=a/b",
    "a=acme&e=view_item&p=a=b=c",
    "a=acme&e=view_item" + "&p=x" * 21, "a=acme&e=view_item" + "&x=1" * 300, "a=acme&e=view_item&p=" + "x" * 9_000,
    "a=acme&e=view_item&p=" + "x" * 8_171, "a=acme&e=view_item&p=" + "x" * 8_172, "a=" + "x" * 70_000,
    "a=strict&e=view_item&p=S1", "a=strict&e=view_item&p=S1&consent=1", "a=acme&e=view_item&p=SKU1&consent=0",
    "a=acme&e=view_item&p=SKU1&gdpr=0", "a=acme&e=view_item&p=SKU1&gdpr=1", "a=acme&e=view_item&p=SKU1&gdpr=0&gdpr=0",
    f"a=strict&e=view_item&p=S1&gdpr=1&gdpr_consent={TC_YES}", f"a=acme&e=view_item&p=1&gdpr=1&gdpr_consent={TC_NO}",
    "a=acme&e=view_item&p=SKU1&gdpr_consent=x", "a=acme&e=view_item&p=SKU1&us_privacy=1YYN", "a=acme&e=page_view",
    "a=acme&e=view_item&p=SKU1&us_privacy=1YNN", "a=acme&e=view_item&p=SKU1&gpp=DBAA&gpp_sid=7",
    "placement=daily-rectangle", "placement=", "placement=nowhere", "placement=daily-paused", "placement=daily-huge",
    "placement=daily-rectangle&placement=daily-rectangle", "placement=daily-rectangle&placement=nowhere&placement=x",
    "placement=daily-rectangle&gdpr=1", "placement=daily-rectangle&consent=1", "placement=%64aily-rectangle",
    "placement=daily%2Drectangle", "placement=daily-rectangle%00", "placement=%FF", "placement=weekly-rectangle",
    "placement=daily-rectangle" + "&placement=daily-leaderboard" * 20, "placement=daily-rectangle&x=" + "y" * 9_000,
]  # fmt: skip

TARGETS = [
    "//pixel.gif", "/pixel.gif/", "/pixel.gif?", "/Pixel.gif", "/pixel%2Egif", "/%70ixel.gif", "/pixel.gif;a=acme",
    "/pixel.gif%3Fa=acme", "/pixel.gif%00", "/./pixel.gif", "/x/../pixel.gif", "/ad/", "/ads/", "/ad;x", "/%61d", "/AD",
    "/ad%20", "/ad.json", "/i//", "/i/a/b", "/i/%41", "/i/a%2Fb", "/i/.", "/i/..", "/c/..;x", "/i/a;b", "/c/a;b?x=1",
    "/i/x?y=%FF", "/c/x#frag", "/i/#", "/c/" + "x" * 5_000, "/i/" + "x" * 70_000, "/", "/nothing", "*", "pixel.gif",
    "http://evil.example/pixel.gif?a=acme&e=view_item&p=SKU1", "http://ads.test/ad?placement=daily-rectangle",
    "http://ads.test", "https://ads.test:443/i/x", "HTTP://ads.test/c/x", "http:///pixel.gif", "http://[::1]/ad",
    "http://user@ads.test/pixel.gif?a=acme", "ftp://x/pixel.gif", "http://", "//", "///pixel.gif",
    "//ads.test/pixel.gif",
    "/pixel.gif ?a=acme", "/pixel.gif\t", "/tag.js", "/slot.js", "/privacy", "/metrics/", "/privacy/opt-out",
    "/i/@foreign@", "/i/@expired@", "/i/@click@", "/c/@seen@", "/c/@foreign@", "/c/@expired-click@", "/c/@gone@",
    "/c/@offsite@", "/i/@seen@x", "/c/@click@?x=1", "/i/@seen@?", "/i/@seen@#x", "/i/%40seen", "/c/@unshown@",
]  # fmt: skip

HEADERS: dict[str, list[Header]] = {
    "visitor": [("Cookie", "@cookie@")],
    "visitor-and-page": [("Cookie", "@cookie@"), ("Origin", "https://news.test"), ("Referer", "https://news.test/a")],
    "shop-page": [("Origin", "https://shop.test"), ("Referer", "https://shop.test/p/1")],
    "subdomain": [("Origin", "https://www.news.test")],
    "foreign-origin": [("Cookie", "@cookie@"), ("Origin", "https://evil.test")],
    "foreign-referer": [("Referer", "https://evil.test/")],
    "null-origin": [("Origin", "null")],
    "odd-origin": [("Origin", "news.test")],
    "tab-in-origin": [("Origin", "https://news.test\tx")],
    "latin-origin": [("Origin", b"https://news.test/\xe4")],
    "empty-origin": [("Origin", "")],
    "two-origins": [("Origin", "https://news.test"), ("Origin", "https://evil.test")],
    "cross-site": [("Cookie", "@cookie@"), ("Sec-Fetch-Site", "cross-site"), ("Origin", "https://news.test")],
    "cross-site-new": [("Sec-Fetch-Site", "cross-site")],
    "copy-only": [("Cookie", "adserver-p=@value@"), ("Sec-Fetch-Site", "cross-site")],
    "cookie-and-copy": [("Cookie", "adserver=@value@; adserver-p=@value@"), ("Sec-Fetch-Site", "cross-site")],
    "copy-of-another": [("Cookie", "adserver=@value@; adserver-p=@new@")],
    "unseen-visitor": [("Cookie", "adserver=@new@")],
    "forged": [("Cookie", "adserver=" + "y" * 45)],
    "short": [("Cookie", "adserver=y")],
    "empty-cookie": [("Cookie", "")],
    "empty-value": [("Cookie", "adserver=")],
    "tossed-first": [("Cookie", "adserver=" + "y" * 45 + "; adserver=@value@")],
    "tossed-last": [("Cookie", "adserver=@value@; adserver=" + "y" * 45)],
    "two-visitors": [("Cookie", "adserver=@value@; adserver=@new@")],
    "two-cookie-headers": [("Cookie", "x=1"), ("Cookie", "adserver=@value@")],
    "two-cookie-headers-turned": [("Cookie", "adserver=@value@"), ("Cookie", "x=1")],
    "host-cookie-on-http": [("Cookie", "__Host-adserver=@value@")],
    "cookie-noise": [("Cookie", ';;; a; =b; adserver =  @value@ ; c="; adserver=1"')],
    "quoted-cookie": [("Cookie", 'adserver="@value@"')],
    "cookie-latin": [("Cookie", b"adserver=\xff\xfe")],
    "cookie-case": [("COOKIE", "@cookie@")],
    "many-cookies": [("Cookie", "; ".join(f"c{n}={n}" for n in range(300)) + "; @cookie@")],
    "opt-out": [("Cookie", "@cookie@; adserver-opt-out=1")],
    "opt-out-empty": [("Cookie", "adserver-opt-out=")],
    "gpc": [("Sec-GPC", "1")],
    "gpc-0": [("Sec-GPC", "0"), ("Cookie", "@cookie@")],
    "gpc-odd": [("Sec-GPC", "yes")],
    "two-gpc": [("Sec-GPC", "1"), ("Sec-GPC", "0")],
    "two-gpc-turned": [("Sec-GPC", "0"), ("Sec-GPC", "1")],
    "prefetch": [("Sec-Purpose", "prefetch;prerender")],
    "purpose": [("Purpose", "prefetch"), ("Cookie", "@cookie@")],
    "x-moz": [("X-Moz", "prefetch")],
    "preview": [("X-Purpose", "preview")],
    "purpose-none": [("Sec-Purpose", "nothing")],
    "browser": [("User-Agent", CHROME), ("Accept-Encoding", "gzip, deflate, br"), ("Accept", "*/*")],
    "crawler": [("User-Agent", CRAWLER), ("Cookie", "@cookie@")],
    "tool": [("User-Agent", "curl/8.5.0")],
    "empty-agent": [("User-Agent", "")],
    "long-agent": [("User-Agent", CHROME + " x" * 5_000)],
    "latin-agent": [("User-Agent", b"M\xf6zilla \xff")],
    "two-agents": [("User-Agent", CRAWLER), ("User-Agent", CHROME)],
    "tabs-around": [("Cookie", "\t@cookie@\t"), ("Sec-GPC", "\t1 ")],
    "forwarded": [("X-Forwarded-For", "198.51.100.7"), ("X-Forwarded-Proto", "https")],
    "forwarded-hops": [("X-Forwarded-For", "10.1.1.1, 198.51.100.7"), ("X-Forwarded-Proto", "https")],
    "forwarded-twice": [("X-Forwarded-For", "10.1.1.1"), ("X-Forwarded-For", "198.51.100.7")],
    "forwarded-odd": [("X-Forwarded-For", "unknown"), ("X-Forwarded-Proto", "gopher")],
    "forwarded-v6": [("X-Forwarded-For", "2001:db8::1"), ("X-Forwarded-Proto", "HTTPS")],
    "forwarded-port": [("X-Forwarded-For", "198.51.100.7:4711"), ("X-Forwarded-Proto", " https ")],
    "forwarded-latin": [("X-Forwarded-For", b"\xff"), ("X-Forwarded-Proto", b"\xff")],
    "secure-visitor": [("X-Forwarded-Proto", "https"), ("Cookie", "__Host-adserver=@value@")],
    "keep-alive": [("Connection", "keep-alive")],
    "close": [("Connection", "close")],
    "close-case": [("CONNECTION", "Close")],
    "close-among": [("Connection", "x, close")],
    "connection-upgrade-alone": [("Connection", "upgrade")],
    "websocket": [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", "A" * 22)],
    "upgrade-alone": [("Upgrade", "h2c")],
    "upgrade-empty": [("Upgrade", "")],
    "h2c": [("Upgrade", "h2c"), ("Connection", "Upgrade, HTTP2-Settings"), ("HTTP2-Settings", "")],
    "expect": [("Expect", "100-continue")],
    "expect-odd": [("Expect", "200-ok")],
    "length-0": [("Content-Length", "0")],
    "99-headers": [(f"X-{n}", str(n)) for n in range(98)],
    "100-headers": [(f"X-{n}", str(n)) for n in range(99)],
    "101-headers": [(f"X-{n}", str(n)) for n in range(100)],
    "big-head": [(f"X-{n}", "x" * 8_000) for n in range(15)],
    "too-big-head": [(f"X-{n}", "x" * 8_000) for n in range(18)],
    "etag": [("If-None-Match", '"x"'), ("Range", "bytes=0-1"), ("Authorization", "Bearer x")],
    "odd-name": [("x!#$%&'*+.^_`|~", "1"), ("X-Empty", "")],
    "preflight": [("Origin", "https://news.test"), ("Access-Control-Request-Method", "GET")],
}  # fmt: skip

_HOST = b"Host: a\r\n"
_BODY = b"Content-Length: 5\r\n\r\nhello"
_CHUNKS = b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
RAW: dict[str, bytes] = {
    "http-1.0": b"GET %b HTTP/1.0\r\n\r\n",
    "http-1.0-host": b"GET %b HTTP/1.0\r\nHost: a\r\nCookie: @cookie@\r\n\r\n",
    "http-1.0-keep-alive": b"GET %b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "http-1.0-close": b"GET %b HTTP/1.0\r\nConnection: close\r\n\r\n",
    "http-0.9": b"GET %b\r\n\r\n",
    "http-2.0": b"GET %b HTTP/2.0\r\nHost: a\r\n\r\n",
    "http-1.2": b"GET %b HTTP/1.2\r\nHost: a\r\n\r\n",
    "no-host": b"GET %b HTTP/1.1\r\n\r\n",
    "two-hosts": b"GET %b HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "blank-lines-before": b"\r\n\r\nGET %b HTTP/1.1\r\nHost: a\r\n\r\n",
    "bare-line-feeds": b"GET %b HTTP/1.1\nHost: a\n\n",
    "obs-fold": b"GET %b HTTP/1.1\r\nHost: a\r\nX-Folded: 1\r\n 2\r\n\r\n",
    "obs-fold-cookie": b"GET %b HTTP/1.1\r\nHost: a\r\nCookie: x=1;\r\n\t@cookie@\r\n\r\n",
    "blank-before-colon": b"GET %b HTTP/1.1\r\nHost: a\r\nCookie : @cookie@\r\n\r\n",
    "no-blank-after-colon": b"GET %b HTTP/1.1\r\nhost:a\r\ncookie:@cookie@\r\n\r\n",
    "no-colon": b"GET %b HTTP/1.1\r\nHost: a\r\nCookie\r\n\r\n",
    "nul-in-value": b"GET %b HTTP/1.1\r\nHost: a\r\nOrigin: a\0b\r\n\r\n",
    "control-in-value": b"GET %b HTTP/1.1\r\nHost: a\r\nOrigin: a\x01b\r\n\r\n",
    "delete-in-value": b"GET %b HTTP/1.1\r\nHost: a\r\nOrigin: a\x7fb\r\n\r\n",
    "tabs-in-value": b"GET %b HTTP/1.1\r\nHost: a\r\nOrigin: a\tb\r\nCookie:\t@cookie@\t\r\n\r\n",
    "lower-case-method": b"get %b HTTP/1.1\r\nHost: a\r\n\r\n",
    "unknown-method": b"HACK %b HTTP/1.1\r\nHost: a\r\n\r\n",
    "two-blanks": b"GET  %b HTTP/1.1\r\nHost: a\r\n\r\n",
    "blank-behind": b"GET %b HTTP/1.1 \r\nHost: a\r\n\r\n",
    "get-with-body": b"GET %b HTTP/1.1\r\n" + _HOST + _BODY,
    "get-chunked": b"GET %b HTTP/1.1\r\n" + _HOST + _CHUNKS,
    "get-broken-chunks": b"GET %b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "get-two-lengths": b"GET %b HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nhello",
    "get-length-and-chunks": b"GET %b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n" + _CHUNKS,
    "get-expect-body": b"GET %b HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n" + _BODY,
    "get-compressed": b"GET %b HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n"
    + gzip.compress(b"", mtime=0),
    "post-with-body": b"POST %b HTTP/1.1\r\n" + _HOST + _BODY,
    "post-chunked": b"POST %b HTTP/1.1\r\n" + _HOST + _CHUNKS,
    "post-expect": b"POST %b HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n" + _BODY,
    "put-with-body": b"PUT %b HTTP/1.1\r\n" + _HOST + _BODY,
    "same-twice": b"GET %b HTTP/1.1\r\nHost: a\r\nCookie: @cookie@\r\n\r\n" * 2,
    "close-then-more": b"GET %b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET %b HTTP/1.1\r\nHost: a\r\n\r\n",
    "1.0-then-more": b"GET %b HTTP/1.0\r\n\r\nGET %b HTTP/1.1\r\nHost: a\r\n\r\n",
}
METHODS = ("HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND", "PRI")


def table() -> dict[str, bytes]:
    """Requests by name."""
    rows: dict[str, bytes] = {}
    for path in ("/pixel.gif", "/ad", "/ads", "/i/@seen@", "/c/@click@"):
        rows |= {
            f"{path}?{query[:60]}~{n}": request(f"{path}?{query}", ("Cookie", "@cookie@"))
            for n, query in enumerate(QUERIES)
        }
    for target in SKINS:
        path = target.partition("?")[0]
        rows |= {
            f"{path}?{q[:60]}~{n}": request(f"{path}?{q}", ("Cookie", "@cookie@")) for n, q in enumerate(SKIN_QUERIES)
        }
        rows |= {f"{target} {name}": request(target, *HEADERS[name]) for name in SKIN_HEADERS}
        rows |= {f"{method} {target}": request(target, ("Cookie", "@cookie@"), method=method) for method in METHODS[:3]}
        rows |= {
            f"{target} {name}": RAW[name].replace(b"%b", target.encode()) for name in ("http-1.0", "get-with-body")
        }
    rows |= {f"path {path}": request(path) for path in PATHS}
    rows |= {f"target {target[:60]}": request(target, ("Cookie", "@cookie@")) for target in TARGETS}
    for byte in [*range(0x21), 0x22, 0x23, *range(0x3A, 0x40), *range(0x5B, 0x61), *range(0x7B, 0x82), 0xE4, 0xFF]:
        sign = bytes([byte])
        for place in (b"/pixel.gif?a=%b", b"/i/%b", b"/ad%b", b"/ads?placement=daily-rectangle&%b=1"):
            rows[f"byte {byte:02x} in {place.decode()}"] = request(place % sign)
    for target in HOT:
        for name, headers in HEADERS.items():
            rows[f"{target} {name}"] = request(target, *headers)
        for name, raw in RAW.items():
            rows[f"{target} {name}"] = raw.replace(b"%b", target.encode())
        for method in METHODS:
            rows[f"{method} {target}"] = request(target, ("Cookie", "@cookie@"), method=method)
    return rows


class Signed:
    """Makes the signed parts, anew for each request but the one visitor."""

    def __init__(self, visitor: str, cookie: str = "adserver") -> None:
        self._cookie = cookie
        self._cookies = VisitorCookies(Keyring([SECRET.encode()], "visitor"))
        self._tokens = Tokens(Keyring([SECRET.encode()], "token"))
        self._foreign = Tokens(Keyring([SECRET[::-1].encode()], "token"))
        self._visitor = visitor

    def fill(self, raw: bytes) -> bytes:
        """The request with its signed parts; the same name is the same thing within one request."""
        if b"@" not in raw:
            return raw
        for name, text in self._parts():
            raw = raw.replace(b"@" + name.encode() + b"@", text.encode())
        return raw

    def _parts(self) -> Iterator[tuple[str, str]]:
        decision = secrets.token_urlsafe(12)
        value = self._cookies.issue(self._visitor)
        yield "cookie", f"{self._cookie}={value}"
        yield "value", value
        yield "new", self._cookies.issue(secrets.token_urlsafe(16))
        yield "seen", self._tokens.mint(token(TokenKind.IMPRESSION, decision=decision))
        yield "click", self._tokens.mint(token(decision=decision))
        yield "unshown", self._tokens.mint(token(decision=decision, placement="gone"))
        yield "expired", self._tokens.mint(token(TokenKind.IMPRESSION, decision=decision, expires=1_000_000_000))
        yield "expired-click", self._tokens.mint(token(decision=decision, expires=1_000_000_000))
        yield "foreign", self._foreign.mint(token(decision=decision))
        yield "gone", self._tokens.mint(token(decision=decision, advertiser="gone"))
        yield "offsite", self._tokens.mint(token(decision=decision, url="https://evil.test/"))
