"""One visitor, one hash."""

import struct
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import chain
from typing import cast

from adserver.model.event import Event
from adserver.model.event_name import EventName
from adserver.model.profile import EPOCH, Claim, Exposure, Profile, Reserved, fatigue_counter
from adserver.storage.valkey import keys
from adserver.storage.valkey.hot import Argument, Functions, HotValkey
from adserver.storage.valkey.profile_codec import exposure_of, profile_of

MAX_ENTRIES = 256
"""Products, visits and addresses kept per visitor, of all advertisers; the oldest views go first."""

MAX_FREQUENCIES = 160
"""Counters, rule counters and exposures kept per visitor; those whose windows have all ended go first, then the oldest
of what does the least harm."""

MAX_HIDDEN = 50
"""Products kept that the visitor has hidden, the newest. With all else it is less than the 512 entries up to which a
hash is compact."""

_YES, _NO = b"1", b"0"
_LIMIT = struct.Struct(">IH")
_MOST_COUNTED = 65_535
_DECISION_BYTES = 5

_ACTION = {
    EventName.VIEW_ITEM: "v",
    EventName.ADD_TO_CART: "c",
    EventName.PURCHASE: "b",
    EventName.REMOVE_FROM_CART: "d",
    EventName.REFUND: "u",
}
"""What an event does to the visitor's products; all others only say that the visitor was there."""

_ORDERED = frozenset({EventName.PURCHASE, EventName.REFUND})


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
        self,
        visitor: str,
        event: Event,
        now: float,
        *,
        returning: bool,
        receipt: bytes = b"",
        happened: Sequence[tuple[str, int]] = (),
        keep_s: int = 0,
    ) -> Awaitable[object]:
        """Write what ``event`` says into the profile, and set how long it lives.

        ``receipt`` is a few bytes that say what the visitor's consent rests on; the profile keeps it and since when it
        is the same. Empty leaves what is there. ``happened``: name of a rule's event, and how many of its newest times
        are kept. ``keep_s``: life of a returning visitor's profile at least. A refund undoes the products it names, or
        its order, or, where it names neither, all that was bought from that advertiser.
        """
        order = event.order_id if event.name in _ORDERED else ""
        action = _ACTION.get(event.name, "s")
        what: tuple[Argument, ...] = (action, *event.products)
        if happened or event.mail or order or keep_s > self._retention_s:
            what = (f"{action}+", *_more(event.mail, order, happened), *event.products)
        return self._writes.call(
            "record_event",
            keys.visitor(visitor),
            int(now) - EPOCH,
            max(self._retention_s, keep_s) if returning else self._new_visitor_s,
            _YES if returning else _NO,
            MAX_ENTRIES,
            receipt,
            event.advertiser.ref,
            *what,
        )

    async def read_visitor(
        self, visitor: str, now: float, deadline: float | None = None, *, returning: bool = True
    ) -> Profile:
        """All that is known of ``visitor``, without ads that were not seen in time. ``returning``: the cookie has come
        back; without it nothing is written."""
        key = keys.visitor(visitor)
        # A plain read costs Valkey a quarter of a function that reads, and only a new visitor needs one.
        flat = cast("list[bytes]", await self._valkey.command("HGETALL", key, deadline=deadline))
        if returning and _is_new(flat):
            await self._valkey.call("keep_visitor", key, self._retention_s, deadline=deadline)
        return profile_of(flat, int(now) - EPOCH)

    async def reserve(
        self, visitor: str, claims: Sequence[Claim], now: float, deadline: float | None = None
    ) -> Reserved:
        """Take the first claim of which every limit of every count holds.

        A window begins with the first ad in it, to the second, and begins anew with the first after its end. A claim
        names each counter once. Windows count to 65,535; that as a limit refuses nothing. A claim without counts always
        holds; where it met nothing either, Valkey is not asked.
        """
        if not claims:
            return Reserved(-1)
        if not claims[0].counts and not claims[0].met:
            return Reserved(0)
        args: list[Argument] = [int(now) - EPOCH, MAX_FREQUENCIES, self._retention_s]
        for claim in claims:
            args += _claim(claim)
        key = keys.visitor(visitor)
        reply = await self._valkey.call("reserve", key, *args, deadline=deadline)
        place, *first = cast("tuple[int, *tuple[bytes, ...]]", reply)
        return Reserved(place, tuple([name.decode() for name in first]) if first else ())

    def seen(self, visitor: str, decision: str) -> Awaitable[object]:
        """The ad was seen: its claim is not given back. Nothing happens when it has been, or was final anyway."""
        return self._valkey.call("seen", keys.visitor(visitor), _begin(decision))

    def unseen(self, visitor: str, decision: str) -> Awaitable[object]:
        """The ad will not be seen: its claim is given back now. Nothing happens when it was final, or has been."""
        return self._valkey.call("unseen", keys.visitor(visitor), _begin(decision))

    def clicked(self, visitor: str, advertiser_ref: int, product: str) -> Awaitable[object]:
        """Forget the ads with ``product`` that were not clicked."""
        return self._valkey.call("clicked", keys.visitor(visitor), fatigue_counter(advertiser_ref, product))

    async def hide(self, visitor: str, advertiser_ref: int, product: str, now: float, group: str = "") -> bool:
        """Never show ``product`` again, nor others of its ``group``; of more than MAX_HIDDEN those hidden first are
        forgotten. False, and nothing is written, for a visitor of whom nothing is known."""
        group = group or product
        own = "" if group == product else product
        args = (int(now) - EPOCH, MAX_HIDDEN, _hidden(advertiser_ref, group), own)
        return bool(await self._valkey.call("hide", keys.visitor(visitor), *args))

    async def unhide(self, visitor: str, advertiser_ref: int, product: str, group: str = "") -> None:
        """Show them again, however they were hidden."""
        fields = {_hidden(advertiser_ref, name) for name in (product, group or product)}
        await self._valkey.call("unhide", keys.visitor(visitor), *sorted(fields))

    async def converted(self, visitor: str, names: Sequence[str], now: float) -> Mapping[str, Exposure]:
        """Count a purchase on each of the exposures ``names`` that began by ``now``, and give those."""
        if not names:
            return {}
        answer = await self._valkey.call("converted", keys.visitor(visitor), int(now) - EPOCH, *names)
        flat = iter(cast("list[bytes]", answer))
        return {name.decode(): exposure_of(value) for name, value in zip(flat, flat, strict=True)}


def _hidden(advertiser_ref: int, name: str) -> str:
    return f"h{advertiser_ref}:{name}"


def _more(mail: bytes, order: str, happened: Sequence[tuple[str, int]]) -> tuple[Argument, ...]:
    """What stands in front of the products where an event has more to tell."""
    return (
        mail,
        _order_tag(order),
        MAX_FREQUENCIES,
        len(happened),
        *[part for counter in happened for part in counter],
    )


def _order_tag(order: str) -> str:
    """Enough of an order's id to know it again among those of one visitor; empty for none."""
    return urlsafe_b64encode(sha256(order.encode()).digest()[:6]).decode()[:6] if order else ""


def _claim(claim: Claim) -> list[Argument]:
    counts, decision, expires, met = claim
    counted = [part for counter, limits in counts if limits for part in (counter, _packed(limits))]
    return [_begin(decision), expires, len(counted) // 2, *counted, len(met), *chain.from_iterable(met)]


@lru_cache(maxsize=4_096)
def _packed(limits: tuple[tuple[int, int], ...]) -> bytes:
    return b"".join([_LIMIT.pack(window_s, min(limit, _MOST_COUNTED)) for limit, window_s in limits])


def _begin(decision: str) -> bytes:
    """Enough of a decision's id to know it again among the few of one visitor that wait."""
    return decision.encode()[:_DECISION_BYTES].ljust(_DECISION_BYTES, b"-")


def _is_new(flat: Sequence[bytes]) -> bool:
    """Whether the newest time is below zero: the cookie has not come back yet."""
    return b"t" in flat and flat[flat.index(b"t") + 1][:1] == b"-"
