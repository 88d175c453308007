"""What recommendations are made of, as decisions read it: out of the worker's memory, or in one read."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from adserver.model.related import Kind
from adserver.storage.interfaces import CatalogReader
from adserver.storage.valkey import keys
from adserver.storage.valkey.hot import HotValkey
from adserver.storage.valkey.standing_codec import first_partners, unpack_popular

TOLD = 20
"""Related products that are told of one."""

ENOUGH = 2.5
"""What fewer visits had, or had together, may be chance: three lately will do."""

FRESH_S = 60.0
"""What was read so long ago is read again: it changes slowly."""

_HELD = 10_000
"""Products whose related ones a worker holds, 2 kB each at most; as many advertisers' popular ones."""

_Held = tuple[float, Sequence[str]]
"""Until when it is fresh, and what is told."""


class ValkeyRelatedReader:
    """Holds what was read for a minute. ``clock`` tells monotonic seconds; what fewer than ``enough`` visits had, or
    had together, is not told."""

    def __init__(
        self,
        valkey: HotValkey,
        catalogs: CatalogReader,
        *,
        held: int = _HELD,
        enough: float = ENOUGH,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._valkey = valkey
        self._catalogs = catalogs
        self._limit = held // 2
        self._enough = enough
        self._clock = clock
        self._young: dict[str, _Held] = {}
        self._old: dict[str, _Held] = {}

    async def related(
        self, ref: int, ids: Sequence[str], kind: Kind = Kind.VIEWED, deadline: float | None = None
    ) -> Mapping[str, Sequence[str]]:
        """What goes together with each of ``ids`` of advertiser ``ref``, the best first; nothing where none is known.

        Products and item groups, as ``CatalogReader.products`` takes them. They were in the catalog once, and need not
        be now.
        """
        products = await self._catalogs.products(ref, ids, deadline)
        names = {i: product.item_group_id or product.id for i in ids if (product := products.get(i)) is not None}
        key, now, young, old = keys.related(ref, kind), self._clock(), self._young, self._old
        told: dict[str, Sequence[str]] = {}
        missing: list[str] = []
        for name in dict.fromkeys(names.values()):
            held = young.get(key + name) or old.get(key + name)
            if held is not None and held[0] > now:
                told[name] = held[1]
            else:
                missing.append(name)
        if missing:
            read = cast("list[bytes | None]", await self._valkey.command("HMGET", key, *missing, deadline=deadline))
            for name, packed in zip(missing, read, strict=True):
                told[name] = first_partners(packed, TOLD, self._enough) if packed else ()
                self._hold(key + name, told[name])
        return {i: told[name] for i, name in names.items() if told[name]}

    async def best_sellers(self, ref: int, deadline: float | None = None) -> Sequence[str]:
        """What most visits of advertiser ``ref`` bought, the most first; as ``related`` names products."""
        return await self._popular(ref, Kind.BOUGHT, deadline)

    async def most_viewed(self, ref: int, deadline: float | None = None) -> Sequence[str]:
        """The same of what was looked at."""
        return await self._popular(ref, Kind.VIEWED, deadline)

    async def _popular(self, ref: int, kind: Kind, deadline: float | None) -> Sequence[str]:
        key = keys.popular(ref, kind)
        held = self._young.get(key) or self._old.get(key)
        if held is not None and held[0] > self._clock():
            return held[1]
        packed = await self._valkey.command("GET", key, deadline=deadline)
        counted = unpack_popular(cast("bytes", packed)).visits if packed else {}
        popular = tuple(product for product, visits in counted.items() if visits >= self._enough)
        self._hold(key, popular)
        return popular

    def _hold(self, key: str, products: Sequence[str]) -> None:
        self._young[key] = (self._clock() + FRESH_S, products)
        if len(self._young) > self._limit:
            self._young, self._old = {}, self._young
