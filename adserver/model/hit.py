"""What a request brought along, before anything in it is believed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from adserver.model.consent import Signals

Fields = Mapping[str, Sequence[str]]
"""Query parameters by name, decoded; more than one value where the name was repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One request for the data plane.

    ``claims`` are the values of all visitor cookies sent, unverified; ``page_hosts`` the hosts of the pages that
    Origin and Referer name (empty when neither says); ``now`` is in seconds since 1970 UTC, by the server's clock.
    ``copy_only``: a request that crosses sites and has the partitioned copy of the cookie, but not the cookie.
    """

    now: float
    fields: Fields = field(default_factory=dict)
    claims: tuple[str, ...] = ()
    page_hosts: tuple[str, ...] = ()
    origin_host: str = ""
    signals: Signals = field(default_factory=Signals)
    prefetch: bool = False
    copy_only: bool = False
