"""One request as the handlers see it, whichever door it came through."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from operator import itemgetter
from typing import Any

from starlette.types import Receive

from adserver.model.consent import SILENCE, Signals
from adserver.model.hit import Fields, Hit
from adserver.web.head import Head, Said
from adserver.web.header_fields import pick
from adserver.web.query import MAX_QUERY_BYTES, parse_query

_CONSENT_ORDER = ("gpc", "gdpr", "gdpr_consent", "us_privacy", "gpp", "gpp_sid", "consent")  # as Signals has them
_CONSENT_FIELDS = frozenset(_CONSENT_ORDER)
_UNSAID = (("",),) * len(_CONSENT_ORDER)
_FIRST: Callable[[Sequence[str]], str] = itemgetter(0)


@dataclass(slots=True)
class Context:
    """Never changed. ``secure``: the visitor's browser speaks HTTPS, to us or to the proxy in front. ``peer``: address
    of the client, empty on a unix socket. ``receive``: where the body comes from, for ``web.body``; None where there is
    none.
    """

    method: str
    path: str
    query: bytes
    head: Head
    secure: bool
    peer: str
    receive: Receive | None = None

    @property
    def near(self) -> str:
        """The client's network, not the client: IPv4 /24, IPv6 /48; ``-`` without an address."""
        try:
            address = ip_address(self.peer)
        except ValueError:
            return "-"
        return str(ip_network((address, 24 if address.version == 4 else 48), strict=False))

    def fields(self) -> Fields | None:
        """The query's fields; None when it is too long or can not be decoded."""
        return parse_query(self.query) if len(self.query) <= MAX_QUERY_BYTES else None

    @property
    def query_too_long(self) -> bool:
        """Whether the query is longer than any honest one."""
        return len(self.query) > MAX_QUERY_BYTES

    def hit(self, fields: Fields, now: float) -> Hit:
        """What the services want to know of this request."""
        said = self.head.said(secure=self.secure)
        return Hit(now, fields, _signals(fields, said), self.peer, *said.sender)

    def claims(self) -> tuple[str, ...]:
        """Values of all visitor cookies, unverified; none where the browser objects to being known."""
        said = self.head.said(secure=self.secure)
        return () if said.opted_out or said.gpc else said.sender.claims


def _signals(fields: Fields, said: Said) -> Signals:
    """Mostly there are none, or a consent string."""
    if not (said.opted_out or said.gpc) and _CONSENT_FIELDS.isdisjoint(fields):
        return SILENCE
    found = [*map(fields.get, _CONSENT_ORDER, _UNSAID)]
    malformed = sum(map(len, found)) > len(found)
    by_page, gdpr, gdpr_consent, us_privacy, gpp, gpp_sid, declared = map(_FIRST, found)
    gpc = said.gpc or by_page  # extensions tell the page, and not always the server
    return Signals(gpc, gdpr, gdpr_consent, us_privacy, gpp, gpp_sid, declared, said.opted_out, malformed)


def context_of(scope: Mapping[str, Any], *, https_outside: bool, receive: Receive | None = None) -> Context:
    """From an ASGI scope; ``https_outside``: the configured public URL is HTTPS, whoever terminates it."""
    client = scope.get("client")
    return Context(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"],
        head=Head(pick(scope["headers"])),
        secure=https_outside or scope.get("scheme") == "https",
        peer=client[0] if client else "",
        receive=receive,
    )
