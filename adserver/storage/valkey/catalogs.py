"""Catalogs: each import writes a new version beside the current one, then one step makes it current."""

import time
from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import cast

from adserver.model.product import Product
from adserver.storage.valkey import codec, keys
from adserver.storage.valkey.client import Valkey, store_errors
from adserver.storage.valkey.hot import HotValkey

CACHED_PRODUCTS = 50_000
"""Products a worker holds in memory, over all advertisers; what was not used for long goes first."""

_UNFINISHED_TTL_S = 3_600
"""An import that died leaves its half behind for an hour, unseen."""

_NO_TTL = -1
_REPLACED_TTL_S = 60
"""Workers that have not heard of the swap yet still find the old version."""


class ValkeyCatalogReader:
    """Reads products, holding what was read. ``refresh`` is called often; a lookup never asks for the version.

    ``swaps`` counts the catalogs swapped so far, of all advertisers; -1 before the first refresh.
    """

    def __init__(self, valkey: HotValkey, *, cached_products: int = CACHED_PRODUCTS) -> None:
        self._valkey = valkey
        self._limit = cached_products
        self.swaps = -1
        self._seen: tuple[bytes | None, ...] = ()
        self._versions: Mapping[int, int] = {}
        self._young: dict[tuple[int, int, str], Product | None] = {}
        self._old: dict[tuple[int, int, str], Product | None] = {}

    async def refresh(self) -> None:
        """Learn of catalogs swapped since the last call; two reads, the second only when there was a swap."""
        seen = tuple(cast("list[bytes | None]", await self._valkey.command("HMGET", keys.CATALOGS, "swaps", "latest")))
        if seen == self._seen:
            return
        flat = iter(cast("list[bytes]", await self._valkey.command("HGETALL", keys.CATALOGS)))
        versions = dict(zip(flat, flat, strict=True))
        self._seen = seen
        self.swaps = int(versions.pop(b"swaps", 0))
        versions.pop(b"latest", None)
        self._versions = {int(ref): int(version) for ref, version in versions.items()}

    async def products(self, ref: int, ids: Sequence[str], deadline: float | None = None) -> Mapping[str, Product]:
        """Those of ``ids`` in the current catalog of ``ref``; what is not held yet comes in one read."""
        version = self._versions.get(ref)
        if version is None:
            return {}
        found = self._held(ref, version, ids)
        missing = [product_id for product_id in ids if product_id not in found]
        if missing:
            found |= await self._fetch(ref, version, missing, deadline)
        return {product_id: product for product_id in ids if (product := found[product_id]) is not None}

    def _held(self, ref: int, version: int, ids: Sequence[str]) -> dict[str, Product | None]:
        held = {}
        young, old = self._young, self._old
        for product_id in ids:
            key = (ref, version, product_id)
            if key in young:
                held[product_id] = young[key]
            elif key in old:
                held[product_id] = old[key]
                self._hold(key, old[key])
        return held

    def _hold(self, key: "tuple[int, int, str]", product: Product | None) -> None:
        """What was used since the last change of generations is young; what was not goes with the next one."""
        self._young[key] = product
        if len(self._young) > self._limit // 2:
            self._young, self._old = {}, self._young

    async def _fetch(self, ref: int, version: int, ids: list[str], deadline: float | None) -> dict[str, Product | None]:
        key = keys.catalog(ref, version)
        packed = cast("list[bytes | None]", await self._valkey.command("HMGET", key, *ids, deadline=deadline))
        fetched = {
            product_id: None if raw is None else codec.unpack_product(product_id, raw)
            for product_id, raw in zip(ids, packed, strict=True)
        }
        for product_id, product in fetched.items():
            self._hold((ref, version, product_id), product)
        return fetched


class ValkeyCatalogWriter:
    """One import of one advertiser's catalog. Make it with ``begin``."""

    def __init__(self, valkey: Valkey, ref: int, before: int) -> None:
        self._valkey = valkey
        self._ref = ref
        self._before = before
        # Nanoseconds: two imports that begin together must not write into one version.
        self._version = max(time.time_ns(), before + 1)
        self._key = keys.catalog(ref, self._version)

    @classmethod
    async def begin(cls, valkey: Valkey, ref: int) -> "ValkeyCatalogWriter":
        """Start an import beside the current catalog of advertiser ``ref``."""
        return cls(valkey, ref, await _current_version(valkey, ref))

    async def add(self, products: Sequence[Product]) -> None:
        """Write a batch; the half-made version always has a time to live."""
        mapping = {product.id: codec.pack_product(product) for product in products}
        if not mapping:
            return
        with store_errors():
            async with self._valkey.redis.pipeline(transaction=True) as pipe:
                pipe.hset(self._key, mapping=mapping)  # type: ignore[arg-type]  # bytes are fine as values
                pipe.expire(self._key, _UNFINISHED_TTL_S)
                await pipe.execute()

    async def swap(self, *, unless_swapped_since: bool) -> bool:
        """Make this version the current one; the one it replaces goes a minute later."""
        with store_errors():
            await self._valkey.redis.persist(self._key)
        while await self._valkey.call("swap_catalog", keys.CATALOGS, self._ref, self._version, self._before) != 1:
            if unless_swapped_since:
                await self.discard()
                return False
            # Replace what another import made current meanwhile, so that its version goes as well.
            self._before = await _current_version(self._valkey, self._ref)
        with store_errors():
            if self._before:
                await self._valkey.redis.expire(keys.catalog(self._ref, self._before), _REPLACED_TTL_S)
        return True

    async def discard(self) -> None:
        """Drop what was written."""
        with store_errors():
            await self._valkey.redis.unlink(self._key)


async def _current_version(valkey: Valkey, ref: int) -> int:
    """0 when there is none."""
    with store_errors():
        version = await cast("Awaitable[bytes | None]", valkey.redis.hget(keys.CATALOGS, str(ref)))
    return int(version or 0)


class ValkeyCatalogs:
    """Where imports begin."""

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey

    async def begin(self, ref: int) -> ValkeyCatalogWriter:
        """Start an import beside the current catalog of advertiser ``ref``."""
        return await ValkeyCatalogWriter.begin(self._valkey, ref)

    async def tidy(self, refs: Collection[int]) -> None:
        """Drop the catalogs of advertisers that are not among ``refs``, and let the versions end that no import
        brought to its end: walks all keys, so not often."""
        with store_errors():
            versions = await cast("Awaitable[dict[bytes, bytes]]", self._valkey.redis.hgetall(keys.CATALOGS))
            versions.pop(b"swaps", None)
            versions.pop(b"latest", None)
            for ref, version in list(versions.items()):
                if int(ref) not in refs:
                    await self._valkey.redis.hdel(keys.CATALOGS, ref.decode())
                    await self._valkey.redis.expire(keys.catalog(int(ref), int(version)), _REPLACED_TTL_S)
                    del versions[ref]
            current = {keys.catalog(int(ref), int(version)).encode() for ref, version in versions.items()}
            async for key in self._valkey.redis.scan_iter(match="catalog:{*}:*", count=1_000):
                if key not in current and await self._valkey.redis.ttl(key) == _NO_TTL:
                    await self._valkey.redis.expire(key, _UNFINISHED_TTL_S)

    async def count(self, ref: int) -> int:
        """Products in the current catalog of ``ref``."""
        with store_errors():
            version = await cast("Awaitable[bytes | None]", self._valkey.redis.hget(keys.CATALOGS, str(ref)))
            if version is None:
                return 0
            return int(await self._valkey.redis.hlen(keys.catalog(ref, int(version))))
