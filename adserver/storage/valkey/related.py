"""What recommendations are made of, as the background worker writes it: see ``model.related``."""

from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import cast

from adserver.model.related import Kind, Popular, Standing
from adserver.storage.valkey import catalog_version, keys
from adserver.storage.valkey.client import Valkey, store_errors
from adserver.storage.valkey.product_codec import Codecs
from adserver.storage.valkey.standing_codec import pack_popular, pack_standing, unpack_popular, unpack_standing

KEPT_S = 90 * 86_400
"""An advertiser that nobody visits for so long is forgotten."""


class ValkeyRelated:
    """One writer: what two write at the same time, one of them loses. All methods raise StoreUnavailable."""

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey
        self._codecs = Codecs()

    async def names(self, ref: int, ids: Collection[str]) -> Mapping[str, str] | None:
        """Under which name each of ``ids`` stands: that of its item group, else its own. What is neither product nor
        group of the advertiser's catalog has none. None without a catalog."""
        version = await catalog_version.current_version(self._valkey, ref)
        codec = await catalog_version.codec_of(self._valkey, self._codecs, ref, version) if version else None
        if codec is None:
            return None
        packed = await self._fields(keys.products(ref, version), list(ids))
        names = {}
        for product_id, raw in packed.items():
            names[product_id] = codec.unpack(product_id, raw).item_group_id or product_id
        rest = [product_id for product_id in ids if product_id not in names]
        return names | {group: group for group in await self._fields(keys.groups(ref, version), rest)}

    async def standings(self, ref: int, kind: Kind, products: Collection[str]) -> dict[str, Standing]:
        """Those of ``products`` that have one."""
        packed = await self._fields(keys.related(ref, kind), list(products))
        return {product: unpack_standing(raw) for product, raw in packed.items()}

    async def popular(self, ref: int, kind: Kind) -> Popular:
        """An empty one where nothing is known."""
        with store_errors():
            packed = await self._valkey.redis.get(keys.popular(ref, kind))
        return unpack_popular(cast("bytes", packed)) if packed else Popular()

    async def save(self, ref: int, kind: Kind, standings: Mapping[str, Standing], popular: Popular) -> None:
        """Replace these standings, all of them or none, and what is popular."""
        key = keys.related(ref, kind)
        packed = {product: pack_standing(standing) for product, standing in standings.items()}
        with store_errors():
            async with self._valkey.redis.pipeline(transaction=True) as pipe:
                if packed:
                    pipe.hset(key, mapping=packed)  # type: ignore[arg-type]  # bytes are fine as values
                    pipe.expire(key, KEPT_S)
                pipe.set(keys.popular(ref, kind), pack_popular(popular), ex=KEPT_S)
                await pipe.execute()

    async def page(self, ref: int, kind: Kind, cursor: int, size: int) -> tuple[int, dict[str, Standing]]:
        """About ``size`` standings, and the cursor of the next ones; 0 is the first cursor, and the one behind the
        last."""
        with store_errors():
            found = await self._valkey.redis.hscan(keys.related(ref, kind), cursor, count=size)
        after, packed = cast("tuple[int, dict[bytes, bytes]]", found)
        return after, {product.decode(): unpack_standing(raw) for product, raw in packed.items()}

    async def drop(self, ref: int, kind: Kind, products: Sequence[str]) -> None:
        """Forget the standings of ``products``."""
        if products:
            with store_errors():
                await self._valkey.redis.hdel(keys.related(ref, kind), *products)

    async def _fields(self, key: str, fields: list[str]) -> dict[str, bytes]:
        if not fields:
            return {}
        with store_errors():
            found = await cast("Awaitable[list[bytes | None]]", self._valkey.redis.hmget(key, fields))
        return {field: raw for field, raw in zip(fields, found, strict=True) if raw is not None}
