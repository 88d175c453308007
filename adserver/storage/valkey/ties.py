"""A picture and its link, tied together: a few bytes each, on shelves that hold so many and no more.

A visitor has a shelf of its own. Strangers, of whom anybody can be as many as he likes, share those of the placement;
what is tied for them is the same for many, so it is written once, and each tie only names it.
"""

import asyncio
import struct
from hashlib import blake2b
from typing import cast

from adserver.storage.interfaces import Tied
from adserver.storage.valkey import keys
from adserver.storage.valkey.hot import HotValkey

MOST_OF_VISITOR = 32
"""Pictures of one visitor whose clicks are known, the newest."""

SHELVES = 256
"""Of each placement, for strangers."""

MOST_ON_SHELF = 1_024
"""So a placement has 262,144 ties of strangers at most, of some 23 bytes each: 6 MB."""

_TIE = struct.Struct(">8sI")  # which picture, and when
_NAME_BYTES = 8


class ValkeyTies:
    """``ttl_s``: how long a click may come after its picture, in seconds."""

    def __init__(
        self, valkey: HotValkey, *, ttl_s: int, shelves: int = SHELVES, most_on_shelf: int = MOST_ON_SHELF
    ) -> None:
        self._valkey = valkey
        self._ttl_s = ttl_s
        self._shelves = shelves
        self._most_on_shelf = most_on_shelf

    async def tie(self, visitor: str, placement: str, cachebuster: str, click: str, now: float) -> None:
        """Write what a click is good for, in place of what was tied to the same before."""
        name = _name(placement, cachebuster)
        tie = _TIE.pack(name, int(now))
        if visitor:
            shelf = keys.visitor_ties(_name(visitor).hex())
            await self._valkey.call("tie", shelf, tie + click.encode(), MOST_OF_VISITOR, self._ttl_s)
            return
        what = _name(click)
        await asyncio.gather(
            self._valkey.put(keys.tied_to(what.hex()), click, self._ttl_s),
            self._valkey.call("tie", self._shelf(placement, name), tie + what, self._most_on_shelf, self._ttl_s),
        )

    async def tied(self, visitor: str, placement: str, cachebuster: str, now: float) -> Tied | None:
        """What was tied last; None where nothing is, or no longer."""
        name = _name(placement, cachebuster)
        shelf = keys.visitor_ties(_name(visitor).hex()) if visitor else self._shelf(placement, name)
        found = cast("bytes | None", await self._valkey.call("tied", shelf, name))
        if found is None:
            return None
        _, at = _TIE.unpack_from(found)
        click: bytes | None = found[_TIE.size :]
        if now >= at + self._ttl_s or not click:
            return None
        if not visitor:
            click = cast("bytes | None", await self._valkey.command("GET", keys.tied_to(click.hex())))
        return Tied(click.decode(), at) if click else None

    def _shelf(self, placement: str, name: bytes) -> str:
        return keys.placement_ties(_name(placement).hex(), int.from_bytes(name) % self._shelves)


def _name(*told: str) -> bytes:
    """Of one length, whatever a client sends; none of the texts holds a line end."""
    return blake2b("\n".join(told).encode("utf-8", "replace"), digest_size=_NAME_BYTES).digest()
