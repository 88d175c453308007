"""Ledgers as the control plane sees them: filled, looked at, and with the curves that pacing learns."""

from collections.abc import Awaitable, Mapping
from typing import cast

from adserver.model.budget import Curve, Ledger
from adserver.storage.valkey import keys
from adserver.storage.valkey.client import Valkey, store_errors

CURVES_KEPT_S = 3 * 86_400


class ValkeyLedgers:
    """All methods raise StoreUnavailable."""

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey

    async def missed(self, limit: int = 1_000) -> list[int]:
        """Refs of line items that a worker found no ledger of, each told once; the next thousand the next time."""
        with store_errors():
            popped = await cast("Awaitable[list[bytes]]", self._valkey.redis.spop(keys.MISSED_LEDGERS, limit))
        return [int(ref) for ref in popped]

    async def is_there(self, ref: int) -> bool:
        """Whether the line item has a ledger."""
        with store_errors():
            return bool(await self._valkey.redis.exists(keys.budget(ref)))

    async def seed(self, ref: int, spent: int, day: int, spent_today: int, began: int) -> bool:
        """Begin a ledger: micros spent ever, and on that day. False, and nothing changed, where there is one."""
        seeded = await self._valkey.call("seed_ledger", keys.budget(ref), spent, day, spent_today, began)
        return seeded == 1

    async def read(self, ref: int, day: int, now: float) -> Ledger | None:
        """The ledger as it is at ``now``, leases that have ended left out; None where there is none."""
        with store_errors():
            read = await cast("Awaitable[dict[bytes, bytes]]", self._valkey.redis.hgetall(keys.budget(ref)))
        if b"s" not in read:
            return None
        leases = [tuple(map(int, value.split())) for name, value in read.items() if name[:1] == b"l"]
        live = [(left, of) for left, of, ends in leases if ends > now]
        return Ledger(
            spent=int(read[b"s"]),
            held=sum(left for left, _ in live),
            spent_today=int(read.get(b"s%d" % day, 0)),
            held_today=sum(left for left, of in live if of == day),
            began=int(read.get(b"b", 0)),
        )

    async def publish_curves(self, curves: Mapping[int, Curve]) -> None:
        """Replace all of them."""
        packed = {str(ref): pack_curve(curve) for ref, curve in curves.items()}
        with store_errors():
            async with self._valkey.redis.pipeline(transaction=True) as pipe:
                pipe.delete(keys.CURVES)
                if packed:
                    pipe.hset(keys.CURVES, mapping=packed)  # type: ignore[arg-type]  # text is fine as values
                    pipe.expire(keys.CURVES, CURVES_KEPT_S)
                await pipe.execute()

    async def curves(self) -> Mapping[int, Curve]:
        """As they were published, by line item ref."""
        with store_errors():
            read = await cast("Awaitable[dict[bytes, bytes]]", self._valkey.redis.hgetall(keys.CURVES))
        return {int(ref): unpack_curve(packed) for ref, packed in read.items()}


def pack_curve(curve: Curve) -> str:
    """Its shares, to the millionth."""
    return " ".join(f"{share:.6f}" for share in curve)


def unpack_curve(packed: bytes) -> Curve:
    """What was packed."""
    return tuple(map(float, packed.split()))
