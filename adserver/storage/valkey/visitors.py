"""One visitor, one hash."""

import struct
from collections.abc import Awaitable, Mapping, Sequence
from typing import cast

from adserver.model.event import Event, EventName
from adserver.model.profile import EPOCH, Offer, Profile, Receipt, Shopping, Window
from adserver.storage.valkey import keys
from adserver.storage.valkey.hot import Functions, HotValkey

MAX_ENTRIES = 256
"""Fields kept per visitor: above all products of all advertisers, of which the oldest views go first."""

MAX_FREQUENCIES = 64
"""Line items per visitor of which ads are counted; those whose windows have all ended go first, then the oldest.
Together with MAX_ENTRIES it is at most the 320 entries up to which a hash stays compact."""

_NOTHING: Mapping[str, int] = {}
_TIME = struct.Struct(">I")
_WINDOW = struct.Struct(">IIH")

_ACTION = {
    EventName.VIEW_ITEM: "v",
    EventName.ADD_TO_CART: "c",
    EventName.PURCHASE: "b",
    EventName.REMOVE_FROM_CART: "d",
    EventName.REFUND: "u",
}
"""What an event does to the visitor's products; all others only say that the visitor was there."""


class ValkeyVisitors:
    """``retention_s``: life of a profile from its last event, of which a hundredth may be missing; ``new_visitor_s``:
    life until the cookie came back; ``writes``: where events go, if not straight to Valkey."""

    def __init__(
        self, valkey: HotValkey, *, retention_s: int, new_visitor_s: int, writes: Functions | None = None
    ) -> None:
        self._valkey = valkey
        self._writes = writes or valkey
        self._retention_s = retention_s
        self._new_visitor_s = new_visitor_s

    def record_event(
        self, visitor: str, event: Event, now: float, *, returning: bool, receipt: bytes = b""
    ) -> Awaitable[object]:
        """Write what ``event`` says into the profile, and set how long it lives.

        ``receipt`` is a few bytes that say what the visitor's consent rests on; the profile keeps it and since when it
        is the same. Empty leaves what is there.
        """
        return self._writes.call(
            "record_event",
            keys.visitor(visitor),
            int(now) - EPOCH,
            self._retention_s if returning else self._new_visitor_s,
            int(returning),
            MAX_ENTRIES,
            receipt,
            event.advertiser.ref,
            _ACTION.get(event.name, "s"),
            *event.products,
        )

    async def read_visitor(self, visitor: str, deadline: float | None = None) -> Profile:
        """All that is known of ``visitor``. Who reads it tells that the cookie has come back."""
        key = keys.visitor(visitor)
        # A plain read costs Valkey a quarter of a function that reads, and only a new visitor needs one.
        flat = cast("list[bytes]", await self._valkey.command("HGETALL", key, deadline=deadline))
        if _is_new(flat):
            await self._valkey.call("keep_visitor", key, self._retention_s, deadline=deadline)
        return profile_of(flat)

    async def reserve(self, visitor: str, offers: Sequence[Offer], now: float, deadline: float | None = None) -> int:
        """Count one ad of the first offer of which every cap holds, and give its place in ``offers``; -1 for none.

        A window begins with the first ad in it, to the second, and begins anew with the first after its end. An offer
        without caps always holds and counts nothing; windows count to 65,535.
        """
        if not offers or not offers[0].caps:
            return 0 if offers else -1
        args = [int(now) - EPOCH, MAX_FREQUENCIES]
        for offer in offers:
            args += (offer.line_item_ref, len(offer.caps))
            for cap in offer.caps:
                args += (cap.limit, cap.window_s)
        return cast("int", await self._valkey.call("reserve", keys.visitor(visitor), *args, deadline=deadline))


def _is_new(flat: Sequence[bytes]) -> bool:
    """Whether the newest time is below zero: the cookie has not come back yet."""
    return b"t" in flat and flat[flat.index(b"t") + 1][:1] == b"-"


def profile_of(flat: Sequence[bytes]) -> Profile:
    """A profile from the fields and values of a visitor's hash, alternating."""
    products: dict[bytes, dict[str, int]] = {}  # by what stands in front of the colon: action and advertiser
    seen: dict[int, int] = {}
    frequency: dict[int, tuple[Window, ...]] = {}
    receipt = None
    fields = iter(flat)
    for name, value in zip(fields, fields, strict=True):
        head, colon, product = name.partition(b":")
        if colon:
            if head in products:
                products[head][product.decode()] = int(value)
            else:
                products[head] = {product.decode(): int(value)}
        elif head[:1] == b"s":
            seen[int(head[1:])] = int(value)
        elif head[:1] == b"f":
            frequency[int(head[1:])] = tuple([Window(*window) for window in _WINDOW.iter_unpack(value)])
        elif head == b"r":
            receipt = Receipt(_TIME.unpack_from(value)[0], value[_TIME.size :])
    shopping = {ref: Shopping(visited_at=at) for ref, at in seen.items()}
    for ref in {head[1:] for head in products}:
        viewed, carted, bought = (products.get(action + ref, _NOTHING) for action in (b"v", b"c", b"b"))
        shopping[int(ref)] = Shopping(viewed, carted, bought, seen.get(int(ref), 0))
    return Profile(shopping, frequency, receipt)
