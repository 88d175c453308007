"""Customer lists in Valkey, and as a worker holds them: sorted bytes, in which is looked by halves."""

import asyncio
import logging
import struct
from bisect import bisect_left
from collections.abc import Awaitable, Collection, Mapping
from typing import NamedTuple, cast

from adserver.model.account import Accounts
from adserver.model.segment import CustomerList
from adserver.storage.valkey import keys
from adserver.storage.valkey.client import Valkey, store_errors

HASH_BYTES = 8
PIECE_BYTES = 1_048_576
"""Read at a time: it holds others up for less than a millisecond."""

_VERSION = struct.Struct(">Q")

log = logging.getLogger(__name__)


class ValkeyLists:
    """For whoever publishes. All methods raise StoreUnavailable."""

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey

    async def versions(self, refs: Collection[int]) -> Mapping[int, int]:
        """Those of ``refs`` that are there, with their version."""
        heads = await asyncio.gather(*(_piece(self._valkey, ref, 0, _VERSION.size) for ref in refs))
        return {ref: _VERSION.unpack(head)[0] for ref, head in zip(refs, heads, strict=True) if head}

    async def put(self, ref: int, version: int, hashes: bytes) -> None:
        """Replace the list; ``hashes`` are sorted, 8 bytes each."""
        with store_errors():
            await self._valkey.redis.set(keys.customer_list(ref), _VERSION.pack(version) + hashes)

    async def drop_others(self, refs: Collection[int]) -> None:
        """Forget all lists but ``refs``: walks all keys, so not often."""
        kept = {keys.customer_list(ref).encode() for ref in refs}
        with store_errors():
            async for key in self._valkey.redis.scan_iter(match=keys.ALL_CUSTOMER_LISTS, count=1_000):
                if key not in kept:
                    await self._valkey.redis.unlink(key)


class _Held(NamedTuple):
    version: int
    hashes: bytes


class ValkeyListReader:
    """What a worker holds of the lists that line items ask for, and nothing of the others.

    ``is_complete``: whether all of them are there in the version that was asked for. Where one is not, its last good
    version stays; call ``load`` again.
    """

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey
        self._held: Mapping[tuple[int, str], _Held] = {}
        self.is_complete = True

    @property
    def held_bytes(self) -> int:
        """What all of them take."""
        return sum(len(held.hashes) for held in self._held.values())

    async def load(self, accounts: Accounts) -> None:
        """Be able to answer for ``accounts``: reads what has changed. Raises StoreUnavailable."""
        held: dict[tuple[int, str], _Held] = {}
        is_complete = True
        for key, wanted in _asked_for(accounts).items():
            found = self._held.get(key)
            if found is None or found.version != wanted.version:
                found = await self._newest(wanted.ref, found)
            if found is not None:
                held[key] = found
            is_complete &= found is not None and found.version == wanted.version
        if self.is_complete and not is_complete:
            log.warning("a customer list is not in Valkey yet, or in another version; it will be looked for again")
        self._held, self.is_complete = held, is_complete

    def is_listed(self, advertiser_ref: int, list_id: str, mail: bytes) -> bool:
        """Whether ``mail`` (the first 8 bytes of the SHA-256 of an address) is on that list of that advertiser. What
        is empty is on none."""
        held = self._held.get((advertiser_ref, list_id))
        if held is None or len(mail) != HASH_BYTES:
            return False
        hashes = held.hashes
        at = bisect_left(range(0, len(hashes), HASH_BYTES), mail, key=lambda start: hashes[start : start + HASH_BYTES])
        return hashes.startswith(mail, at * HASH_BYTES)

    async def _newest(self, ref: int, held: _Held | None) -> _Held | None:
        """As it is in Valkey, read in pieces; ``held`` where that is the same, or nothing, or replaced meanwhile."""
        head = await _piece(self._valkey, ref, 0, _VERSION.size)
        if not head or (held is not None and _VERSION.pack(held.version) == head):
            return held
        pieces: list[bytes] = []
        while not pieces or len(pieces[-1]) == PIECE_BYTES:
            pieces.append(await _piece(self._valkey, ref, _VERSION.size + len(pieces) * PIECE_BYTES, PIECE_BYTES))
        if await _piece(self._valkey, ref, 0, _VERSION.size) != head:
            return held
        return _Held(_VERSION.unpack(head)[0], b"".join(pieces))


async def _piece(valkey: Valkey, ref: int, start: int, length: int) -> bytes:
    with store_errors():
        return await cast("Awaitable[bytes]", valkey.redis.getrange(keys.customer_list(ref), start, start + length - 1))


def _asked_for(accounts: Accounts) -> dict[tuple[int, str], CustomerList]:
    """By the advertiser's ``ref`` and the list's id."""
    named = {name for item in accounts.line_items.values() for name in (*item.include_lists, *item.exclude_lists)}
    lists = [accounts.lists[name] for name in named if name in accounts.lists]
    return {
        (accounts.advertisers[found.advertiser].ref, found.id): found
        for found in lists
        if found.advertiser in accounts.advertisers
    }
