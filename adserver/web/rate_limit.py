"""A bound on requests per address prefix. Off unless the operator sets one: proxies and carriers share addresses."""

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_address, ip_network

from adserver.web.context import Context
from adserver.web.door import Handler
from adserver.web.responses import Answer

MAX_PREFIXES = 65_536
"""Prefixes that are watched at once; the longest silent ones are forgotten, so made-up addresses cost nothing."""

_BURST_S = 5.0
"""So many seconds' worth of requests may come at once: a page asks for several things."""


class AddressLimiter:
    """A token bucket per IPv4 /24 and IPv6 /64, in this worker. ``per_second``: what each prefix may go on with."""

    def __init__(self, per_second: float, *, max_prefixes: int = MAX_PREFIXES) -> None:
        self._per_second = per_second
        self._max_prefixes = max_prefixes
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, peer: str, now: float) -> bool:
        """Take one token at ``now`` (monotonic seconds). A peer without an address (unix socket) is never bound."""
        prefix = _prefix(peer)
        if prefix is None:
            return True
        full = self._per_second * _BURST_S
        tokens, since = self._buckets.pop(prefix, (full, now))
        tokens = min(full, tokens + (now - since) * self._per_second)
        allowed = tokens >= 1
        self._buckets[prefix] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > self._max_prefixes:
            self._buckets.popitem(last=False)
        return allowed


class Limited:
    """A handler behind a limiter; ``refusal`` makes the cheapest right answer to what is too much."""

    def __init__(
        self,
        handler: Handler,
        limiter: AddressLimiter,
        refusal: Callable[[Context], Answer],
        clock: Callable[[], float],
    ) -> None:
        self._handler = handler
        self._limiter = limiter
        self._refusal = refusal
        self._clock = clock

    async def __call__(self, context: Context) -> Answer:
        """The handler's answer, or the refusal."""
        if self._limiter.allows(context.peer, self._clock()):
            return await self._handler(context)
        return self._refusal(context)


def _prefix(peer: str) -> str | None:
    try:
        address = ip_address(peer)
    except ValueError:
        return None
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(ip_network((address, 24 if address.version == 4 else 64), strict=False))
