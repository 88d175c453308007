"""What a request brought along, before anything in it is believed."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from adserver.model.consent import SILENCE, Signals

Fields = Mapping[str, Sequence[str]]
"""Query parameters by name, decoded; more than one value where the name was repeated."""


CLAIM_CHARS = 45
"""Length of a visitor cookie's value; what is longer or shorter was never one."""


class Hit(NamedTuple):
    """One request for the data plane.

    ``claims`` are the values of all visitor cookies sent, unverified; ``page_hosts`` the hosts of the pages that
    Origin and Referer name (empty when neither says); ``now`` is in seconds since 1970 UTC, by the server's clock.
    ``address`` is the client's, empty on a unix socket, and never kept. ``mobile`` is the header ``Sec-CH-UA-Mobile``.
    ``copy_only``: a request that crosses sites and has the partitioned copy of the cookie, but not the cookie.
    """

    now: float
    fields: Fields = MappingProxyType({})
    signals: Signals = SILENCE
    address: str = ""
    claims: tuple[str, ...] = ()
    page_hosts: tuple[str, ...] = ()
    origin_host: str = ""
    user_agent: str = ""
    prefetch: bool = False
    copy_only: bool = False
    mobile: str = ""
