"""The head of a request: what its header fields say, read once for all requests whose heads are the same to the byte.

A browser sends the same head with each page view and each ad of a visit, but for the request line. So the head is read
by the same parser as everywhere, and what it says is remembered: a function of those bytes and of nothing else.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import httptools

from adserver.model.domain import host_of
from adserver.model.hit import CLAIM_CHARS
from adserver.web.cookies import OwnCookies, own_cookies
from adserver.web.header_fields import PURPOSES, Forwarding, forwarding, pick_unless_unusual
from adserver.web.protocol import MAX_HEADERS

REMEMBERED = 8_192
"""Heads that are remembered; the longest unused leaves first."""

MAX_REMEMBERED_BYTES = 2_048
"""Longest head that is remembered. Browsers send 700 bytes; of such heads all take 24 MB, of the worst 55."""

MOST_OF_A_KIND = 8
"""Cookies of ours, or fields of proxies, in a head that is remembered: nobody honest sends more."""

_REQUEST_LINE = b"GET / HTTP/1.1\r\n"


class Sender(NamedTuple):
    """Who sends it, in the order in which ``Hit`` ends."""

    claims: tuple[str, ...]
    page_hosts: tuple[str, ...]
    origin_host: str
    user_agent: str
    prefetch: bool
    copy_only: bool
    mobile: str


class Said(NamedTuple):
    """What a head says. ``opted_out``: our opt-out is among the cookies; ``gpc``: Global Privacy Control as it was
    sent, empty where it says nothing."""

    sender: Sender
    opted_out: bool
    gpc: str


class Head:
    """Never changed. ``headers`` holds the few that anybody asks for, lower-case, the last of a kind (cookies joined);
    ``forwarding`` all that a proxy in front has said of the client, where one is believed.
    """

    __slots__ = ("_said", "forwarding", "headers")

    def __init__(self, headers: Mapping[bytes, bytes], forwarding: Forwarding = ()) -> None:
        self.headers = headers
        self.forwarding = forwarding
        self._said: dict[bool, Said] = {}

    def text(self, name: bytes) -> str:
        """The header's value, or an empty string."""
        value = self.headers.get(name)
        return value.decode("latin-1") if value else ""

    @property
    def prefetch(self) -> bool:
        """Fetched ahead of need by the browser, so that nobody has seen anything yet."""
        if PURPOSES.isdisjoint(self.headers):
            return False
        return any(
            token in self.headers.get(name, b"").lower()
            for name in PURPOSES
            for token in (b"prefetch", b"prerender", b"preview")
        )

    @property
    def cross_site(self) -> bool:
        """Whether the page is of another site than this server, as browsers tell (Fetch Metadata)."""
        return self.headers.get(b"sec-fetch-site") == b"cross-site"

    def said(self, *, secure: bool) -> Said:
        """What it says; ``secure`` tells which cookies are ours."""
        said = self._said.get(secure)
        if said is None:
            said = self._said[secure] = self._say(own_cookies(self.headers.get(b"cookie", b""), secure=secure))
        return said

    def _say(self, cookies: OwnCookies) -> Said:
        origin, referer, gpc = self.text(b"origin"), self.text(b"referer"), self.text(b"sec-gpc")
        sender = Sender(
            _claims(cookies),
            _page_hosts(origin, referer),
            _origin_host(origin) if origin else "",
            self.text(b"user-agent"),
            self.prefetch,
            copy_only=not cookies.visitor and self.cross_site,
            mobile=self.text(b"sec-ch-ua-mobile"),
        )
        return Said(sender, cookies.opted_out, "" if gpc.strip() in {"", "0"} else gpc)


class HeadReader:
    """Reads heads, each once. For one thread."""

    def __init__(self) -> None:
        self._remembered = lru_cache(REMEMBERED)(self._read)
        self._begin()

    def head_of(self, raw: bytes) -> Head | None:
        """The head of a GET by HTTP/1.1 whose request line ``raw`` follows, up to the end of what was read. None for
        what is no whole head, is more than one, or is in any way out of the ordinary: then the long way decides."""
        return self._remembered(raw) if len(raw) <= MAX_REMEMBERED_BYTES else None

    def counts(self) -> tuple[int, int]:
        """How many heads were read, and how many more were known."""
        info = self._remembered.cache_info()
        return info.misses, info.hits

    def _begin(self) -> None:
        """With a parser that has seen nothing yet. One that has read a whole head is as good."""
        self._parser = httptools.HttpRequestParser(self)
        self._fields: list[tuple[bytes, bytes]] = []
        self._begun = 0
        self._is_kept_alive = False

    def _read(self, raw: bytes) -> Head | None:
        self._fields, self._begun, self._is_kept_alive = [], 0, False
        if not self._is_one(raw):
            self._begin()
            return None
        is_usual = len(self._fields) <= MAX_HEADERS and raw.count(b"adserver") <= MOST_OF_A_KIND
        picked = pick_unless_unusual(self._fields) if is_usual else None
        told = forwarding(self._fields) if raw.lower().count(b"x-forwarded-") else ()
        return None if picked is None or len(told) > MOST_OF_A_KIND else Head(picked, told)

    def _is_one(self, raw: bytes) -> bool:
        """Whether it is one whole head, after which the connection stays open."""
        if not raw.endswith(b"\r\n\r\n"):
            return False
        try:
            self._parser.feed_data(_REQUEST_LINE + raw)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return False
        return self._begun == 1 and self._is_kept_alive

    def on_message_begin(self) -> None:
        """The parser has met the first byte of a head."""
        self._begun += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        """And a field."""
        self._fields.append((name, value))

    def on_message_complete(self) -> None:
        """And the end."""
        self._is_kept_alive = self._parser.should_keep_alive()


def _claims(cookies: OwnCookies) -> tuple[str, ...]:
    """Each value once: the cookie and its partitioned copy mostly say the same. Of those that can be none, one is
    enough to tell that somebody made it up."""
    values = dict.fromkeys(cookies.visitor + cookies.copies)
    return tuple([value for value in values if len(value) == CLAIM_CHARS]) or tuple(values)[:1]


def _origin_host(origin: str) -> str:
    return "null" if origin == "null" else host_of(origin) or "invalid"


def _page_hosts(origin: str, referer: str) -> tuple[str, ...]:
    """Hosts of the pages that are named; ``""`` for one that is named but has no host, which no domain covers.

    ``Origin: null`` says as little as no Origin: privacy settings and sandboxes send it.
    """
    return tuple([host_of(page) for page in (origin, referer) if page and page != "null"])
