"""Each worker renews what it holds of budgets ahead of need, and gives back what it does not need."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from adserver.model.line_item import BidModel, Budget, Pacing
from adserver.service.pocket import Pocket
from adserver.service.purse import Purse
from adserver.storage.interfaces import BudgetStore, StoreUnavailable

ROUND_S = 0.25
CURVES_S = 10.0

FORGOTTEN_S = 60.0
"""A line item that nobody has asked for this long costs nothing, not even memory."""

log = logging.getLogger(__name__)


class KeepBudgets:
    """``clock`` tells seconds since 1970; a round is made every ``pause_s`` real ones. Nothing is done for line
    items that no ad was decided for lately."""

    def __init__(
        self, purse: Purse, budgets: BudgetStore, clock: Callable[[], float], *, pause_s: float = ROUND_S
    ) -> None:
        self._pause_s = pause_s
        self._purse = purse
        self._budgets = budgets
        self._clock = clock
        self._last = 0.0
        self._learned_at = 0.0

    async def run(self) -> None:
        """For ever. While Valkey is away nothing is renewed; the same trouble is told once."""
        trouble = ""
        while True:
            await asyncio.sleep(self._pause_s)
            try:
                await self.round(self._clock())
                trouble = ""
            except Exception as error:
                if repr(error) != trouble:
                    trouble = repr(error)
                    expected = isinstance(error, StoreUnavailable)
                    log.warning("budgets are not renewed: %s", error, exc_info=not expected)

    async def round(self, now: float) -> None:
        """Once for all pockets. Raises StoreUnavailable, when all was tried."""
        seconds = max(0.001, now - self._last)
        self._last = now
        asked = [
            asking for pocket in list(self._purse.pockets.values()) if (asking := self._renew(pocket, seconds, now))
        ]
        await self._give_back()
        await self._learn(now)
        for outcome in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def close(self) -> None:
        """Give everything back that was not promised; what can not be given back comes back when its lease ends."""
        for pocket in self._purse.pockets.values():
            self._purse.put_away(pocket, pocket.left)
        with suppress(StoreUnavailable):
            await self._give_back()

    def _renew(self, pocket: Pocket, seconds: float, now: float) -> "asyncio.Task[None] | None":
        spare = pocket.measure(seconds, now)
        if now - pocket.used_at > FORGOTTEN_S:
            self._purse.forget(pocket)
        if now >= pocket.use_until:
            self._purse.put_away(pocket, pocket.left)
        elif spare > 0:
            self._purse.put_away(pocket, spare)
        if spare >= 0 or now < pocket.quiet_until or pocket.booking.paid_by is not BidModel.CPM:
            return None
        return self._purse.fill(pocket, pocket.want - pocket.left, now)

    async def _give_back(self) -> None:
        unused = self._purse.unused
        for lease in list(unused):
            micros = unused.pop(lease)
            await self._budgets.give_back(lease, micros)

    async def _learn(self, now: float) -> None:
        if now - self._learned_at < CURVES_S or not any(map(_is_learned, self._purse.pockets.values())):
            return
        self._purse.curves = await self._budgets.curves()
        self._learned_at = now


def _is_learned(pocket: Pocket) -> bool:
    return (pocket.line_item.budget or Budget()).pacing is Pacing.LEARNED
