"""One visitor, one hash."""

from collections.abc import Iterable
from typing import cast

from adserver.model.event import Event, EventName
from adserver.model.profile import EPOCH, Profile, Shopping
from adserver.storage.valkey import keys
from adserver.storage.valkey.client import Valkey

MAX_ENTRIES = 256
"""Products and visits kept per visitor over all advertisers; the oldest views go first."""

_ACTION = {
    EventName.VIEW_ITEM: "v",
    EventName.ADD_TO_CART: "c",
    EventName.PURCHASE: "b",
    EventName.REMOVE_FROM_CART: "d",
    EventName.REFUND: "u",
}
"""What an event does to the visitor's products; all others only say that the visitor was there."""


class ValkeyVisitors:
    """``retention_s``: life of a profile from its last event; ``new_visitor_s``: life until the cookie came back."""

    def __init__(self, valkey: Valkey, *, retention_s: int, new_visitor_s: int) -> None:
        self._valkey = valkey
        self._retention_s = retention_s
        self._new_visitor_s = new_visitor_s

    async def record_event(self, visitor: str, event: Event, now: float, *, returning: bool) -> None:
        """Write what ``event`` says into the profile, and set how long it lives."""
        await self._valkey.call(
            "record_event",
            keys.visitor(visitor),
            int(now) - EPOCH,
            self._retention_s if returning else self._new_visitor_s,
            MAX_ENTRIES,
            event.advertiser.ref,
            _ACTION.get(event.name, "s"),
            *event.products,
        )

    async def read_visitor(self, visitor: str) -> Profile:
        """All that is known of ``visitor``."""
        flat = await self._valkey.call("read_visitor", keys.visitor(visitor), self._retention_s, self._new_visitor_s)
        return profile_of(cast("list[bytes]", flat))


def profile_of(flat: Iterable[bytes]) -> Profile:
    """A profile from the fields and values of a visitor's hash, alternating."""
    shopping: dict[int, tuple[dict[str, int], dict[str, int], dict[str, int]]] = {}
    seen: dict[int, int] = {}
    pairs = iter(flat)
    for name, value in zip(pairs, pairs, strict=True):
        kind, rest = name[:1], name[1:].decode()
        if kind == b"s":
            seen[int(rest)] = int(value)
        elif kind in b"vcb":
            ref, _, product = rest.partition(":")
            shopping.setdefault(int(ref), ({}, {}, {}))[b"vcb".index(kind)][product] = int(value)
    return Profile(
        {
            ref: Shopping(viewed=viewed, carted=carted, bought=bought, seen_at=seen.get(ref, 0))
            for ref in seen.keys() | shopping.keys()
            for viewed, carted, bought in (shopping.get(ref, ({}, {}, {})),)
        }
    )
