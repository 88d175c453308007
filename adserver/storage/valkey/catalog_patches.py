"""Changes of single products, between two imports and during one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import cast

from adserver.model.product import Product
from adserver.storage.valkey import keys
from adserver.storage.valkey.client import Valkey, store_errors
from adserver.storage.valkey.product_codec import ProductCodec, with_changes

NEVER = b"0-0"
"""Before all patches."""

_TOLD_S = 3_600
"""An import that takes longer than this may miss a patch that was made while it ran."""

_BATCH = 500


class Patches:
    """Writes changes of one advertiser's products, and tells imports of them that began before."""

    def __init__(self, valkey: Valkey, ref: int) -> None:
        self._valkey = valkey
        self._ref = ref
        self._key = keys.patches(ref)

    async def newest(self) -> bytes:
        """Where the last patch stands; ``NEVER`` where none is told any more."""
        with store_errors():
            told = await self._valkey.redis.xrevrange(self._key, count=1)
        return cast("bytes", told[0][0]) if told else NEVER

    async def write(
        self,
        codec: ProductCodec,
        version: int,
        product_id: str,
        change: Callable[[Product], Product],
        told: Callable[[Product, Product], bytes],
    ) -> Product | None:
        """Change one product of ``version``, whoever else changes it at the same time; None where it is not there.
        ``told`` makes of the product before and after it what imports have to hear."""

        async def amend(packed: bytes) -> tuple[Product, bytes]:
            before = codec.unpack(product_id, packed)
            after = change(before)
            return after, told(before, after)

        return await self._write(codec, version, product_id, amend)

    async def carry(self, codec: ProductCodec, version: int, after: bytes) -> bytes:
        """Make the changes told behind ``after`` in ``version`` as well, which nobody else writes to yet. Gives the
        place of the last one."""
        async for place, product_id, change in self._told(after):
            after = place

            async def amend(
                packed: bytes, product_id: str = product_id, change: bytes = change
            ) -> tuple[Product, bytes]:
                return with_changes(codec, product_id, packed, [change]), b""

            await self._write(codec, version, product_id, amend)
        return after

    async def settle(self, codec: ProductCodec, version: int, after: bytes) -> list[Product]:
        """The same in a version that has just become the current one. Gives the products that have changed.

        Others write to it now, and of two changes the newer one has to stay: so what is told of a product is read
        behind the product itself, and made in its order. What is told later is none of ours: who wrote it has looked
        which version is current since.
        """
        ids = dict.fromkeys([product_id async for _, product_id, _ in self._told(after)])
        settled = []
        for product_id in ids:

            async def amend(packed: bytes, product_id: str = product_id) -> tuple[Product, bytes]:
                changes = [change async for _, told_id, change in self._told(after) if told_id == product_id]
                return with_changes(codec, product_id, packed, changes), b""

            settled.append(await self._write(codec, version, product_id, amend))
        return [product for product in settled if product is not None]

    async def _told(self, after: bytes) -> AsyncIterator[tuple[bytes, str, bytes]]:
        """Place, product id and change of each patch behind ``after``, oldest first."""
        while True:
            with store_errors():
                reply = await self._valkey.redis.xrange(self._key, min=b"(" + after, count=_BATCH)
            told = cast("list[tuple[bytes, dict[bytes, bytes]]]", reply)
            for place, fields in told:
                yield place, fields[b"id"].decode(), fields[b"change"]
            if len(told) < _BATCH:
                return
            after = told[-1][0]

    async def _write(
        self,
        codec: ProductCodec,
        version: int,
        product_id: str,
        amend: Callable[[bytes], Awaitable[tuple[Product, bytes]]],
    ) -> Product | None:
        key = keys.products(self._ref, version)
        while (packed := await self._packed(key, product_id)) is not None:
            product, told = await amend(packed)
            both = (key, self._key) if told else key
            args = product_id, packed, codec.pack(product), told, _TOLD_S
            if await self._valkey.call("patch_product", both, *args) == 1:
                return product
        return None

    async def _packed(self, key: str, product_id: str) -> bytes | None:
        with store_errors():
            return await cast("Awaitable[bytes | None]", self._valkey.redis.hget(key, product_id))
