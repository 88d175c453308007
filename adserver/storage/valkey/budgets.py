"""The money of each line item: one hash, so one slot of a cluster, and every change of it is one function."""

from collections.abc import Collection, Mapping
from typing import cast

from adserver.model.budget import Curve, Ledger, Lent, Terms
from adserver.model.reason import LineItemReason
from adserver.storage.valkey import keys
from adserver.storage.valkey.hot import HotValkey
from adserver.storage.valkey.ledgers import unpack_curve

_MISSING = 1
_REASONS = {
    2: LineItemReason.TOTAL_BUDGET,
    3: LineItemReason.DAILY_BUDGET,
    4: LineItemReason.PACING,
}


class ValkeyBudgets:
    """What workers ask. A lease is named ``<line item ref>.<its own id>``, so that it tells where it belongs."""

    def __init__(self, valkey: HotValkey) -> None:
        self._valkey = valkey

    async def lease(self, lease: str, terms: Terms, asked: int, now: float, ends: float) -> Lent:
        """Up to ``asked`` micros in whole events, into a lease that may be there already and else ends at ``ends``.

        At most a sixteenth of what may be spent by now, or one event; 0 only looks. Nothing is lent without a ledger.
        """
        ref, _, own = lease.partition(".")
        micros, reason, *ledger = cast(
            "list[int]",
            await self._valkey.call(
                "lease",
                keys.budget(int(ref)),
                int(now),
                terms.day,
                _limit(terms.total),
                _limit(terms.daily),
                f"{terms.share:.9f}",
                terms.price,
                asked,
                own,
                int(ends),
            ),
        )
        return Lent(micros, _REASONS.get(reason), None if reason == _MISSING else Ledger(*ledger))

    async def give_back(self, lease: str, micros: int) -> None:
        """So much of a lease is not needed. To be called once: the second time takes it from ads on the way."""
        ref, _, own = lease.partition(".")
        await self._valkey.call("return_lease", keys.budget(int(ref)), own, micros)

    async def spend(self, lease: str, micros: int, now: float) -> int:
        """The micros, which leave the lease and are spent; 0 where it has ended or has not got so much left."""
        ref, _, own = lease.partition(".")
        spent = await self._valkey.call("spend", keys.budget(int(ref)), own, micros, int(now))
        return cast("int", spent)

    async def spend_click(self, ref: int, terms: Terms) -> int:
        """The price of one click, which is spent; 0 where a limit would be passed. Pacing does not matter."""
        limits = _limit(terms.total), _limit(terms.daily)
        return cast("int", await self._valkey.call("spend_click", keys.budget(ref), terms.day, *limits, terms.price))

    async def miss(self, refs: Collection[int]) -> None:
        """Say that these line items have no ledger."""
        if refs:
            await self._valkey.call("miss_ledgers", keys.MISSED_LEDGERS, *refs)

    async def curves(self) -> Mapping[int, Curve]:
        """Yesterday's traffic by line item ref, for those that are paced by it."""
        flat = cast("list[bytes]", await self._valkey.command("HGETALL", keys.CURVES))
        pairs = zip(flat[::2], flat[1::2], strict=True)
        return {int(ref): unpack_curve(packed) for ref, packed in pairs}


def _limit(micros: int | None) -> int | str:
    return "" if micros is None else micros
