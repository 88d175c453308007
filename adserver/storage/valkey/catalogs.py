"""Catalogs off the hot path: where imports begin, products are patched, and what nobody reads any more ends."""

from collections.abc import Awaitable, Callable, Collection
from typing import cast

from adserver.model.product import Product
from adserver.storage.valkey import catalog_version, keys
from adserver.storage.valkey.catalog_patches import Patches
from adserver.storage.valkey.catalog_writer import REPLACED_TTL_S, UNFINISHED_TTL_S, ValkeyCatalogWriter
from adserver.storage.valkey.client import Valkey, store_errors
from adserver.storage.valkey.product_codec import Codecs, change_of

_NO_TTL = -1
_SHARED = keys.CATALOGS, keys.CHECKED, keys.CHANGES


class ValkeyCatalogs:
    """All catalogs, each by its advertiser's ``ref``."""

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey
        self._codecs = Codecs()

    async def begin(self, ref: int) -> ValkeyCatalogWriter:
        """Start an import beside the current catalog of advertiser ``ref``; before its feed is opened."""
        return await ValkeyCatalogWriter.begin(self._valkey, ref)

    async def touch(self, ref: int, checked_at: int) -> bool:
        """The feed was found good and unchanged at ``checked_at`` (seconds since 1970). False without a catalog."""
        return await self._valkey.call("touch_catalog", _SHARED, ref, checked_at) == 1

    async def patch(
        self, ref: int, product_id: str, change: Callable[[Product], Product], *, says: Collection[str] = ()
    ) -> Product | None:
        """Change one product at once, and give it as it is then; None where the catalog has no such product.

        ``change`` may be called several times, each time with the product as it is at that moment; its id stays.
        An import that began before keeps what the patch changed. ``says``: fields that it shall keep also where
        they had that value already.
        """
        patches = Patches(self._valkey, ref)
        version, product = 0, None
        # Whoever swaps meanwhile carries over what was told before; what was told behind that is done again here.
        while (current := await catalog_version.current_version(self._valkey, ref)) != version:
            version = current
            codec = await catalog_version.codec_of(self._valkey, self._codecs, ref, version)
            if codec is not None:
                product = await patches.write(
                    codec,
                    version,
                    product_id,
                    lambda before: change(before)._replace(id=product_id),
                    lambda before, after: change_of(before, after, says),
                )
        if product is not None:
            await catalog_version.tell_changed(self._valkey, ref, product)
        return product

    async def count(self, ref: int) -> int:
        """Products in the current catalog of ``ref``."""
        version = await catalog_version.current_version(self._valkey, ref)
        with store_errors():
            return int(await self._valkey.redis.hlen(keys.products(ref, version)))

    async def tidy(self, refs: Collection[int]) -> None:
        """Drop the catalogs of advertisers that are not among ``refs``, and let the versions end that no import
        brought to its end: walks all keys, so not often."""
        with store_errors():
            flat = await cast("Awaitable[dict[bytes, bytes]]", self._valkey.redis.hgetall(keys.CATALOGS))
        versions = {int(ref): int(version) for ref, version in flat.items() if ref not in (b"swaps", b"latest")}
        for ref in versions.keys() - set(refs):
            version = versions.pop(ref)
            if await self._valkey.call("drop_catalog", _SHARED, ref, version) == 1:
                await catalog_version.expire(self._valkey, ref, version, REPLACED_TTL_S)
        current = {key.encode() for ref, version in versions.items() for key in keys.catalog(ref, version)}
        with store_errors():
            async for key in self._valkey.redis.scan_iter(match="catalog:{*}:*", count=1_000):
                if key not in current and await self._valkey.redis.ttl(key) == _NO_TTL:
                    await self._valkey.redis.expire(key, UNFINISHED_TTL_S)
