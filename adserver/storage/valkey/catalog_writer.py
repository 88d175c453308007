"""An import: a new version beside the current one, which nobody reads until one step makes it the current one."""

import asyncio
import time
from collections.abc import Awaitable, Mapping, Sequence
from typing import cast

from adserver.model.product import Availability, Product
from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.valkey import catalog_version, keys
from adserver.storage.valkey.catalog_patches import Patches
from adserver.storage.valkey.client import Valkey, store_errors
from adserver.storage.valkey.product_codec import Codecs, ProductCodec, learn

UNFINISHED_TTL_S = 3_600
"""An import that died leaves its half behind for an hour, unseen."""

REPLACED_TTL_S = 60
"""Workers that have not heard of the swap yet still find the old version."""

_BATCH = 250
"""Products per write: it holds all others up for about a millisecond."""


_TURNS = 4
"""Of the event loop, after which redis-py has sent what it was given, on a connection that is open."""


class ValkeyCatalogWriter:
    """One import of one advertiser's catalog. Make it with ``begin``, before the feed is opened: products that are
    patched from then on keep what the patch says.

    ``repeated`` counts the products whose id had been added before; the last one stays. It is up to date once
    ``swap`` has been called.
    """

    def __init__(self, valkey: Valkey, ref: int, before: int, began: bytes) -> None:
        self._valkey = valkey
        self._ref = ref
        self._before = self._compared = before
        self._patches = Patches(valkey, ref)
        self._began = began
        # Nanoseconds: two imports that begin together must not write into one version.
        self._version = max(time.time_ns(), before + 1)
        self._codec = ProductCodec()
        self._old_codec: ProductCodec | None = None
        self._writing: asyncio.Task[object] | None = None
        self._written = 0
        self._new = 0
        self.repeated = 0

    @classmethod
    async def begin(cls, valkey: Valkey, ref: int) -> "ValkeyCatalogWriter":
        """Start an import beside the current catalog of advertiser ``ref``."""
        began = await Patches(valkey, ref).newest()
        return cls(valkey, ref, await catalog_version.current_version(valkey, ref), began)

    async def current(self, ids: Sequence[str]) -> Mapping[str, Product]:
        """Those of ``ids`` in the catalog that was current when this import began, with their history."""
        if not ids or not self._compared:
            return {}
        if self._old_codec is None:
            self._old_codec = await catalog_version.codec_of(self._valkey, Codecs(), self._ref, self._compared)
            if self._old_codec is None:
                self._compared = 0
                return {}
        with store_errors():
            packed = await cast(
                "Awaitable[list[bytes | None]]",
                self._valkey.redis.hmget(keys.products(self._ref, self._compared), list(ids)),
            )
        unpack = self._old_codec.unpack
        return {i: unpack(i, raw) for i, raw in zip(ids, packed, strict=True) if raw is not None}

    async def current_size(self) -> int:
        """Products in the catalog that was current when this import began; 0 where there was none."""
        with store_errors():
            return int(await self._valkey.redis.hlen(keys.products(self._ref, self._compared)))

    async def add(self, products: Sequence[Product]) -> None:
        """Write a batch; the half-made version always has a time to live.

        The last write may still be under way when this returns, so that Valkey works while the next products are
        read; if it fails, the next call raises StoreUnavailable.
        """
        if not self._codec.learnt and products:
            self._codec = ProductCodec(learn(products))
        for first in range(0, len(products), _BATCH):
            some = products[first : first + _BATCH]
            args = self._packed(some)
            await self._wait()
            self._written = len(some)
            both = keys.products(self._ref, self._version), keys.groups(self._ref, self._version)
            self._writing = asyncio.ensure_future(self._valkey.call("add_products", both, *args))
            for _ in range(_TURNS):
                await asyncio.sleep(0)

    async def size(self) -> int:
        """Products in the next catalog so far, each id counted once."""
        await self._wait()
        with store_errors():
            return int(await self._valkey.redis.hlen(keys.products(self._ref, self._version)))

    async def _wait(self) -> None:
        """Until the last write is done; in this order, for the last product of an id to be the one that stays."""
        if self._writing is not None:
            # Shielded: who cancels this import must not be answered by a write that is over anyway.
            added = cast("int", await asyncio.shield(self._writing))
            self._writing = None
            self._new += added
            self.repeated += self._written - added

    def _packed(self, products: Sequence[Product]) -> list[str | int | bytes]:
        pack = self._codec.pack
        args: list[str | int | bytes] = [UNFINISHED_TTL_S, len(products)]
        for product in products:
            args += (product.id, pack(product))
        for product in products:
            product_id, group = product.id, product.item_group_id
            # A line break can not be in an id that a feed reader has let through; it would tear the members apart.
            if group and "\n" not in product_id:
                args += (group, product_id, "1" if product.availability is Availability.IN_STOCK else "0")
        return args

    async def swap(self, *, unless_swapped_since: bool, checked_at: int = 0) -> bool:
        """Make this version the current one; the one it replaces goes a minute later.

        ``checked_at``: the second when its feed was found good; 0 for now. With ``unless_swapped_since``, False if
        another import was quicker; this version is dropped then. Raises StoreUnavailable as well when Valkey does not
        have all of it any more.
        """
        if await self.size() != self._new:
            # It came back empty in the meantime, or nothing was added for an hour.
            raise StoreUnavailable("Valkey has lost a part of the catalog while it was written")
        await self._last()
        carried = await self._patches.carry(self._codec, self._version, self._began)
        if not await self._make_current(checked_at or int(time.time()), unless_swapped_since):
            return False
        # Who has patched the old version since may not have looked again which one is current.
        for product in await self._patches.settle(self._codec, self._version, carried):
            await catalog_version.tell_changed(self._valkey, self._ref, product)
        if self._before:
            await catalog_version.expire(self._valkey, self._ref, self._before, REPLACED_TTL_S)
        return True

    async def _last(self) -> None:
        """From now on it stays; a crash before the swap is for ``tidy``."""
        products, groups, head = keys.catalog(self._ref, self._version)
        with store_errors():
            async with self._valkey.redis.pipeline(transaction=True) as pipe:
                pipe.persist(products)
                pipe.persist(groups)
                pipe.set(head, self._codec.head)
                await pipe.execute()

    async def _make_current(self, checked_at: int, unless_swapped_since: bool) -> bool:
        shared = keys.CATALOGS, keys.CHECKED, keys.CHANGES
        while await self._valkey.call("swap_catalog", shared, self._ref, self._version, self._before, checked_at) != 1:
            if unless_swapped_since:
                await self.discard()
                return False
            # Replace what another import made current meanwhile, so that its version goes as well.
            self._before = await catalog_version.current_version(self._valkey, self._ref)
        return True

    async def discard(self) -> None:
        """Drop what was written."""
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)  # it is of no use any more
            self._writing = None
        with store_errors():
            await self._valkey.redis.unlink(*keys.catalog(self._ref, self._version))
