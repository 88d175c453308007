"""Off the hot path: which version of a catalog is current, what reads it, and telling workers of a change."""

from collections.abc import Awaitable
from typing import cast

from adserver.model.product import Product
from adserver.storage.valkey import keys
from adserver.storage.valkey.client import Valkey, store_errors
from adserver.storage.valkey.product_codec import Codecs, ProductCodec

MOST_CHANGES = 4_096
"""About so many changes are told at a time."""


async def current_version(valkey: Valkey, ref: int) -> int:
    """0 when there is none."""
    with store_errors():
        version = await cast("Awaitable[bytes | None]", valkey.redis.hget(keys.CATALOGS, str(ref)))
    return int(version or 0)


async def codec_of(valkey: Valkey, codecs: Codecs, ref: int, version: int) -> ProductCodec | None:
    """What reads that version; None where it is gone, or written by a server whose format we do not know."""
    with store_errors():
        return codecs.of(await cast("Awaitable[bytes | None]", valkey.redis.get(keys.head(ref, version))))


async def expire(valkey: Valkey, ref: int, version: int, seconds: int) -> None:
    """Let a version end; also one that an earlier server wrote, whose products had a key without ``:products``."""
    with store_errors():
        async with valkey.redis.pipeline(transaction=False) as pipe:
            for key in (*keys.catalog(ref, version), keys.legacy_catalog(ref, version)):
                pipe.expire(key, seconds)
            await pipe.execute()


async def tell_changed(valkey: Valkey, ref: int, product: Product) -> None:
    """Every worker drops what it holds of ``product`` and of its group, with its next look."""
    with store_errors():
        await valkey.redis.xadd(
            keys.CHANGES,
            {"ref": ref, "id": product.id, "group": product.item_group_id},
            maxlen=MOST_CHANGES,
            approximate=True,
        )
