"""One request as the handlers see it, whichever door it came through."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from adserver.model.consent import Signals
from adserver.model.domain import host_of
from adserver.model.hit import Fields, Hit
from adserver.web.cookies import OPT_OUT, VISITOR_NAMES, cookie_values
from adserver.web.query import MAX_QUERY_BYTES, parse_query

_WANTED = {
    b"cookie",
    b"origin",
    b"referer",
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
}
_CONSENT_FIELDS = ("gdpr", "gdpr_consent", "us_privacy", "gpp", "gpp_sid", "consent")


@dataclass(frozen=True, slots=True)
class Context:
    """``headers`` holds the few that anybody asks for, lower-case, the last of a kind (cookies joined).

    ``secure``: the visitor's browser speaks HTTPS, to us or to the proxy in front. ``peer``: address of the client,
    empty on a unix socket.
    """

    method: str
    path: str
    query: bytes
    headers: Mapping[bytes, bytes]
    secure: bool
    peer: str

    def header(self, name: bytes) -> str:
        """The header's value, or an empty string."""
        return self.headers.get(name, b"").decode("latin-1")

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
        return any(
            token in self.headers.get(name, b"").lower()
            for name in (b"sec-purpose", b"purpose", b"x-purpose", b"x-moz")
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
        cookies = self.headers.get(b"cookie", b"")
        origin = self.header(b"origin")
        return Hit(
            now=now,
            fields=fields,
            claims=_claims(cookies, VISITOR_NAMES[self.secure]),
            copy_only=self.cross_site and not cookie_values(cookies, VISITOR_NAMES[self.secure][0]),
            page_hosts=_page_hosts(origin, self.header(b"referer")),
            origin_host=("null" if origin == "null" else host_of(origin) or "invalid") if origin else "",
            signals=self._signals(fields, opted_out=bool(cookie_values(cookies, OPT_OUT))),
            prefetch=self.prefetch,
        )

    def _signals(self, fields: Fields, *, opted_out: bool) -> Signals:
        values = {name: fields.get(name, ()) for name in _CONSENT_FIELDS}
        first = {name: found[0] if found else "" for name, found in values.items()}
        return Signals(
            gpc=self.header(b"sec-gpc"),
            opted_out=opted_out,
            gdpr=first["gdpr"],
            gdpr_consent=first["gdpr_consent"],
            us_privacy=first["us_privacy"],
            gpp=first["gpp"],
            gpp_sid=first["gpp_sid"],
            declared=first["consent"],
            malformed=any(len(found) > 1 for found in values.values()),
        )


def context_of(scope: Mapping[str, Any], *, https_outside: bool) -> Context:
    """From an ASGI scope; ``https_outside``: the configured public URL is HTTPS, whoever terminates it."""
    client = scope.get("client")
    return Context(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"],
        headers=_pick(scope["headers"]),
        secure=https_outside or scope.get("scheme") == "https",
        peer=client[0] if client else "",
    )


def _pick(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    picked: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _WANTED:
            picked[name] = picked[name] + b"; " + value if name == b"cookie" and name in picked else value
    return picked


def _claims(cookies: bytes, names: Iterable[bytes]) -> tuple[str, ...]:
    """Each value once: the cookie and its partitioned copy mostly say the same."""
    return tuple(dict.fromkeys(value for name in names for value in cookie_values(cookies, name)))


def _page_hosts(origin: str, referer: str) -> tuple[str, ...]:
    """Hosts of the pages that are named; ``""`` for one that is named but has no host, which no domain covers.

    ``Origin: null`` says as little as no Origin: privacy settings and sandboxes send it.
    """
    named = [page for page in (origin, referer) if page and page != "null"]
    return tuple(host_of(page) for page in named)
