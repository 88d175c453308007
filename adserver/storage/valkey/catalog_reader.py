"""Products for decisions: held in the worker's memory, and read where they are not."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final, cast

from adserver.model.product import Availability, Product
from adserver.storage.valkey import keys
from adserver.storage.valkey.hot import HotValkey
from adserver.storage.valkey.product_cache import ProductCache, Shelf
from adserver.storage.valkey.product_codec import Codecs, ProductCodec

CACHED_BYTES = 64 * 1024 * 1024
"""What a worker holds of all catalogs together."""

_MOST_NEWS = 2_000
"""Changes that are read at a time; what is left comes with the next look."""

_UNKNOWN: Final = cast("Product", object())
_NO_CHANGE: list[object] = []

_Entry = list[object]
"""An entry of the stream of changes: its id, then names and values, alternating."""


class ValkeyCatalogReader:
    """Reads products, holding at most about ``cached_bytes`` of what was read. ``refresh`` is called often; a lookup
    never asks whether what it holds has changed.

    ``swaps`` counts the catalogs swapped so far, of all advertisers; -1 before the first refresh.
    """

    def __init__(self, valkey: HotValkey, *, cached_bytes: int = CACHED_BYTES) -> None:
        self._valkey = valkey
        self._cache = ProductCache(cached_bytes)
        self._codecs = Codecs()
        self.swaps = -1
        self._newest: _Entry | None = None
        self._news = 0
        self._versions: Mapping[int, int] = {}
        self._checked: Mapping[int, int] = {}

    @property
    def cached_bytes(self) -> int:
        """What is held now takes so much at most."""
        return self._cache.weight

    def checked_at(self, ref: int) -> int:
        """When the feed of ``ref`` was last read through and found good, in seconds since 1970; 0 for never."""
        return self._checked.get(ref, 0)

    async def refresh(self) -> None:
        """Learn of catalogs swapped and products changed since the last call; one read where nothing has happened."""
        newest = self._newest
        if newest is None:
            await self._begin_anew()
            return
        start = cast("bytes", newest[0]) if newest else "-"
        news = cast("list[_Entry]", await self._valkey.command("XRANGE", keys.CHANGES, start, "+", "COUNT", _MOST_NEWS))
        if newest and news[:1] != [newest]:
            await self._begin_anew()  # so much has happened that it is not told any more, or Valkey came back empty
        elif news[bool(newest) :]:
            await self._follow(news[bool(newest) :])

    async def _follow(self, news: Sequence[_Entry]) -> None:
        told = [_fields(entry) for entry in news]
        self._news += 1  # what is being read at this moment may be from before
        for change in told:
            if b"id" in change:
                self._cache.drop(int(change[b"ref"]), change[b"id"].decode(), change[b"group"].decode())
        if any(b"id" not in change for change in told):
            await self._learn()
        self._newest = news[-1]

    async def _begin_anew(self) -> None:
        newest = cast("list[_Entry]", await self._valkey.command("XREVRANGE", keys.CHANGES, "+", "-", "COUNT", 1))
        self._news += 1
        for ref in list(self._cache.shelves):
            self._cache.clear(ref)
        await self._learn()
        self._newest = newest[0] if newest else _NO_CHANGE

    async def _learn(self) -> None:
        """Which versions are current, and when their feeds were found good."""
        versions = await self._table(keys.CATALOGS)
        self._checked = {int(ref): int(at) for ref, at in (await self._table(keys.CHECKED)).items()}
        self.swaps = int(versions.pop(b"swaps", 0))
        versions.pop(b"latest", None)
        self._versions = {int(ref): int(version) for ref, version in versions.items()}
        for ref, shelf in list(self._cache.shelves.items()):
            if self._versions.get(ref) != shelf.version:
                self._cache.clear(ref)

    async def _table(self, key: str) -> dict[bytes, bytes]:
        flat = iter(cast("list[bytes]", await self._valkey.command("HGETALL", key)))
        return dict(zip(flat, flat, strict=True))

    async def products(self, ref: int, ids: Sequence[str], deadline: float | None = None) -> Mapping[str, Product]:
        """Those of ``ids`` in the current catalog of ``ref``; what is not held yet comes in one read.

        What is no product's id may be an item group's: that takes two more reads, once.
        """
        shelf = self._cache.shelves.get(ref)
        if shelf is not None:
            young, held = shelf.young, {}
            for product_id in ids:
                product = young.get(product_id, _UNKNOWN)
                if product is _UNKNOWN:
                    break
                if product is not None:
                    held[product_id] = product
            else:
                return held
        return await self._look_up(ref, ids, deadline)

    async def some_ids(self, ref: int, count: int, deadline: float | None = None) -> Sequence[str]:
        """About ``count`` ids of the current catalog of ``ref``, the same ones each time; fewer where it has fewer."""
        version = self._versions.get(ref)
        if version is None:
            return []
        key = keys.products(ref, version)
        found = await self._valkey.command("HSCAN", key, "0", "COUNT", count, deadline=deadline)
        flat = cast("list[bytes]", cast("list[object]", found)[1])
        return sorted([product_id.decode() for product_id in flat[::2]])[:count]

    async def _look_up(self, ref: int, ids: Sequence[str], deadline: float | None) -> Mapping[str, Product]:
        version = self._versions.get(ref)
        if version is None:
            return {}
        shelf = self._cache.shelf(ref, version)
        found = self._cache.find(shelf, ids)
        missing = [product_id for product_id in dict.fromkeys(ids) if product_id not in found]
        if missing:
            found |= await self._fetch(shelf, missing, deadline)
        return {product_id: product for product_id in ids if (product := found[product_id]) is not None}

    async def _fetch(self, shelf: Shelf, ids: list[str], deadline: float | None) -> dict[str, Product | None]:
        news = self._news
        packed = self._packed(shelf, ids, deadline)
        if shelf.head is None:
            both = await asyncio.gather(packed, self._head(shelf, deadline))
            codec, read = self._codecs.of(both[1]), both[0]
        else:
            codec, read = self._codecs.of(shelf.head), await packed
        fetched: dict[str, Product | None] = dict.fromkeys(ids)
        if codec is not None:
            fetched |= {i: codec.unpack(i, raw) for i, raw in zip(ids, read, strict=True) if raw is not None}
            unknown = [product_id for product_id, product in fetched.items() if product is None]
            if unknown:
                fetched |= await self._of_groups(shelf, codec, unknown, deadline)
        if news == self._news:
            for product_id, product in fetched.items():
                self._cache.hold(shelf, product_id, product)
        return fetched

    async def _head(self, shelf: Shelf, deadline: float | None) -> bytes:
        """Empty where there is none."""
        key = keys.head(shelf.ref, shelf.version)
        head = cast("bytes | None", await self._valkey.command("GET", key, deadline=deadline)) or b""
        self._cache.hold_head(shelf, head)
        return head

    async def _packed(self, shelf: Shelf, ids: Sequence[str], deadline: float | None) -> list[bytes | None]:
        key = keys.products(shelf.ref, shelf.version)
        return cast("list[bytes | None]", await self._valkey.command("HMGET", key, *ids, deadline=deadline))

    async def _of_groups(
        self, shelf: Shelf, codec: ProductCodec, groups: list[str], deadline: float | None
    ) -> dict[str, Product]:
        """One product of each of ``groups`` that is one, in stock where there is any."""
        key = keys.groups(shelf.ref, shelf.version)
        told = cast("list[bytes | None]", await self._valkey.command("HMGET", key, *groups, deadline=deadline))
        members = {
            group: raw[1:].decode().split("\n") for group, raw in zip(groups, told, strict=True) if raw is not None
        }
        if not members:
            return {}
        ids = list(dict.fromkeys(chain.from_iterable(members.values())))
        known = self._cache.find(shelf, ids)
        rest = [product_id for product_id in ids if product_id not in known]
        if rest:
            read = await self._packed(shelf, rest, deadline)
            known |= {i: codec.unpack(i, raw) for i, raw in zip(rest, read, strict=True) if raw is not None}
        picked = {group: _best([known.get(product_id) for product_id in ids]) for group, ids in members.items()}
        return {asked: product for group, product in picked.items() if product for asked in (group, product.id)}


def _best(members: Sequence[Product | None]) -> Product | None:
    there = [product for product in members if product is not None]
    in_stock = (product for product in there if product.availability is Availability.IN_STOCK)
    return next(in_stock, there[0] if there else None)


def _fields(entry: _Entry) -> dict[bytes, bytes]:
    flat = iter(cast("list[bytes]", entry[1]))
    return dict(zip(flat, flat, strict=True))
