"""One request as the handlers see it, whichever door it came through."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from starlette.types import Receive

from adserver.model.consent import SILENCE, Signals
from adserver.model.domain import host_of
from adserver.model.hit import Fields, Hit
from adserver.web.cookies import OwnCookies, own_cookies
from adserver.web.query import MAX_QUERY_BYTES, parse_query

_WANTED = {
    b"cookie",
    b"origin",
    b"referer",
    b"user-agent",
    b"sec-gpc",
    b"sec-fetch-site",
    b"sec-purpose",
    b"purpose",
    b"x-purpose",
    b"x-moz",
    b"authorization",
    b"accept-encoding",
    b"if-none-match",
    b"x-forwarded-for",
    b"forwarded",
    b"sec-ch-ua-mobile",
}
# Pictures, bodies and pages for people have no fast lane.
_WANTED_BY_ASGI = _WANTED | {b"accept", b"accept-language", b"content-length", b"content-type", b"host"}
_PURPOSES = {b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"}
_UNUSUAL = {b"content-length", b"transfer-encoding", b"expect", b"upgrade"}
_NOT_WANTED = (
    b"Host Connection Accept Accept-Language Cache-Control Pragma Priority DNT TE Upgrade-Insecure-Requests "
    b"Sec-Fetch-Mode Sec-Fetch-Dest Sec-Fetch-User Sec-Fetch-Storage-Access sec-ch-ua "
    b"sec-ch-ua-platform X-Real-IP X-Forwarded-Proto X-Forwarded-Host Via"
).split()
# Header names as clients mostly spell them, so that most need not be made lower-case first.
_SPELLINGS: dict[bytes, bytes | None] = {
    **{spelled: None for name in _NOT_WANTED for spelled in (name, name.lower(), name.title())},
    **{name.title(): name for name in _WANTED},
}
_CONSENT_ORDER = ("gpc", "gdpr", "gdpr_consent", "us_privacy", "gpp", "gpp_sid", "consent")  # as Signals has them
_CONSENT_FIELDS = frozenset(_CONSENT_ORDER)


@dataclass(slots=True)
class Context:
    """Never changed. ``headers`` holds the few that anybody asks for, lower-case, the last of a kind (cookies joined).

    ``secure``: the visitor's browser speaks HTTPS, to us or to the proxy in front. ``peer``: address of the client,
    empty on a unix socket. ``receive``: where the body comes from, for ``web.body``; None where there is none.
    """

    method: str
    path: str
    query: bytes
    headers: Mapping[bytes, bytes]
    secure: bool
    peer: str
    receive: Receive | None = None

    def header(self, name: bytes) -> str:
        """The header's value, or an empty string."""
        value = self.headers.get(name)
        return value.decode("latin-1") if value else ""

    @property
    def near(self) -> str:
        """The client's network, not the client: IPv4 /24, IPv6 /48; ``-`` without an address."""
        try:
            address = ip_address(self.peer)
        except ValueError:
            return "-"
        return str(ip_network((address, 24 if address.version == 4 else 48), strict=False))

    @property
    def prefetch(self) -> bool:
        """Fetched ahead of need by the browser, so that nobody has seen anything yet."""
        if _PURPOSES.isdisjoint(self.headers):
            return False
        return any(
            token in self.headers.get(name, b"").lower()
            for name in _PURPOSES
            for token in (b"prefetch", b"prerender", b"preview")
        )

    @property
    def cross_site(self) -> bool:
        """Whether the page is of another site than this server, as browsers tell (Fetch Metadata)."""
        return self.headers.get(b"sec-fetch-site") == b"cross-site"

    def fields(self) -> Fields | None:
        """The query's fields; None when it is too long or can not be decoded."""
        return None if self.query_too_long else parse_query(self.query)

    @property
    def query_too_long(self) -> bool:
        """Whether the query is longer than any honest one."""
        return len(self.query) > MAX_QUERY_BYTES

    def hit(self, fields: Fields, now: float) -> Hit:
        """What the services want to know of this request."""
        headers = self.headers
        cookies = own_cookies(headers.get(b"cookie", b""), secure=self.secure)
        origin, referer = self.header(b"origin"), self.header(b"referer")
        return Hit(
            now,
            fields,
            _claims(cookies),
            _page_hosts(origin, referer) if origin or referer else (),
            _origin_host(origin) if origin else "",
            self._signals(fields, opted_out=cookies.opted_out),
            self.header(b"user-agent"),
            prefetch=self.prefetch,
            copy_only=not cookies.visitor and self.cross_site,
            address=self.peer,
            mobile=self.header(b"sec-ch-ua-mobile"),
        )

    def claims(self) -> tuple[str, ...]:
        """Values of all visitor cookies, unverified; none where the browser objects to being known."""
        header = self.headers.get(b"cookie")
        if header is None or self.header(b"sec-gpc").strip() not in {"", "0"}:
            return ()
        cookies = own_cookies(header, secure=self.secure)
        return () if cookies.opted_out else _claims(cookies)

    def _signals(self, fields: Fields, *, opted_out: bool) -> Signals:
        """Mostly there are none."""
        if not opted_out and b"sec-gpc" not in self.headers and _CONSENT_FIELDS.isdisjoint(fields):
            return SILENCE
        malformed = False
        first = []
        for name in _CONSENT_ORDER:
            found = fields.get(name)
            first.append(found[0] if found else "")
            malformed |= found is not None and len(found) > 1
        told, gdpr, gdpr_consent, us_privacy, gpp, gpp_sid, declared = first
        sent = self.header(b"sec-gpc")
        gpc = told if sent.strip() in {"", "0"} else sent  # extensions tell the page, and not always the server
        return Signals(gpc, opted_out, gdpr, gdpr_consent, us_privacy, gpp, gpp_sid, declared, malformed)


def context_of(scope: Mapping[str, Any], *, https_outside: bool, receive: Receive | None = None) -> Context:
    """From an ASGI scope; ``https_outside``: the configured public URL is HTTPS, whoever terminates it."""
    client = scope.get("client")
    return Context(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"],
        headers=pick(scope["headers"]),
        secure=https_outside or scope.get("scheme") == "https",
        peer=client[0] if client else "",
        receive=receive,
    )


def pick(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers that anybody asks for; names are lower-case."""
    picked: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _WANTED_BY_ASGI:
            picked[name] = picked[name] + b"; " + value if name == b"cookie" and name in picked else value
    return picked


def pick_unless_unusual(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes] | None:
    """The same of names as they were sent. None for a request that has, or announces, more than a head."""
    picked: dict[bytes, bytes] = {}
    for sent, value in headers:
        name = _SPELLINGS.get(sent, sent)
        if name is None:
            continue
        if name is sent:
            name = sent.lower()
        if name in _WANTED:
            picked[name] = picked[name] + b"; " + value if name == b"cookie" and name in picked else value
        elif name in _UNUSUAL:
            return None
    return picked


def _claims(cookies: OwnCookies) -> tuple[str, ...]:
    """Each value once: the cookie and its partitioned copy mostly say the same."""
    if cookies.copies or len(cookies.visitor) > 1:
        return tuple(dict.fromkeys(cookies.visitor + cookies.copies))
    return tuple(cookies.visitor)


def _origin_host(origin: str) -> str:
    return "null" if origin == "null" else host_of(origin) or "invalid"


def _page_hosts(origin: str, referer: str) -> tuple[str, ...]:
    """Hosts of the pages that are named; ``""`` for one that is named but has no host, which no domain covers.

    ``Origin: null`` says as little as no Origin: privacy settings and sandboxes send it.
    """
    return tuple([host_of(page) for page in (origin, referer) if page and page != "null"])
