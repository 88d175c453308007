"""What was learned of clicks, from the background worker to all workers: one hash, so that nobody sees half of it."""

import asyncio
import hashlib
from collections.abc import Awaitable, Sequence
from typing import Any, cast

import orjson

from adserver.model.rates import Designs, Rates, Rotation
from adserver.storage.valkey import keys
from adserver.storage.valkey.client import Valkey, store_errors

AT_ONCE = 250
"""Line items that are taken in between two looks at what visitors ask for: less than a millisecond."""


class ValkeyRates:
    """Publishes for all workers, and tells one worker what is new. All methods raise StoreUnavailable."""

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey

    async def publish(self, rates: Rates) -> bool:
        """False when that is what workers see already."""
        packed = pack_rates(rates)
        version = hashlib.sha256(packed).hexdigest()[:16]
        if await self._version() == version:
            return False
        with store_errors():
            await self._valkey.redis.hset(keys.RATES, mapping={"version": version, "body": packed})
        return True

    async def other_than(self, version: str) -> tuple[str, Rates] | None:
        """What is published, and its version; None while that is still ``version`` (empty for none), or nothing."""
        if await self._version() in ("", version):
            return None
        with store_errors():
            found = await cast("Awaitable[list[bytes]]", self._valkey.redis.hmget(keys.RATES, ["version", "body"]))
        return (found[0].decode(), await unpack_rates(found[1])) if all(found) else None

    async def _version(self) -> str:
        with store_errors():
            version = await cast("Awaitable[bytes | None]", self._valkey.redis.hget(keys.RATES, "version"))
        return version.decode() if version else ""


def pack_rates(rates: Rates) -> bytes:
    """The same rates give the same bytes."""
    body = {
        "overall": rates.overall,
        "campaigns": rates.campaigns,
        "line_items": {str(ref): rate for ref, rate in rates.line_items.items()},
        "rotations": [
            [ref, designs, rotation.propensities, rotation.click_rate]
            for (ref, designs), rotation in sorted(rates.rotations.items())
        ],
    }
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


async def unpack_rates(packed: bytes) -> Rates:
    """The reverse. Keys this version does not know are left out. Visitors do not wait until it is done."""
    body: dict[str, Any] = orjson.loads(packed)
    rows, rotations = body["rotations"], dict[Designs, Rotation]()
    for start in range(0, len(rows), AT_ONCE):
        rotations |= _rotations(rows[start : start + AT_ONCE])
        await asyncio.sleep(0)
    line_items = {int(ref): rate for ref, rate in body["line_items"].items()}
    return Rates(rotations, line_items, body["campaigns"], body["overall"])


def _rotations(rows: Sequence[Any]) -> dict[Designs, Rotation]:
    return {
        (ref, tuple(designs)): Rotation(tuple(propensities), click_rate)
        for ref, designs, propensities, click_rate, *_ in rows
    }
