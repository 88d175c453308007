"""What one worker may spend without asking: money of line items, held in leases.

A lease is used for a while and then left to itself: what was promised out of it, and not seen by the time its tokens
expire, comes back when it ends. So such money returns piece by piece, one lease after the other.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from math import ceil

from adserver.decision.index import Booking
from adserver.model.budget import Curve
from adserver.model.decision import Charge
from adserver.model.line_item import BidModel
from adserver.model.reason import LineItemReason
from adserver.service.pocket import Pocket
from adserver.storage.interfaces import BudgetStore, StoreTimeout, StoreUnavailable

USES = 12
"""A lease is used for this part of the life of a token: so many of a worker's leases live at a time, and a few more."""

LEAST_USE_S = 60
SLACK_S = 60
"""A lease outlives the last token that was paid from it by at least this much, for clocks that differ."""

GRAIN_S = 60
"""Leases end at whole multiples, many at once, so that those that have ended are seldom looked for."""


class Purse:
    """``token_s``: how long an impression can be counted after its decision. ``mint`` makes short random ids."""

    def __init__(self, budgets: BudgetStore, *, token_s: int, mint: Callable[[], str]) -> None:
        self.pockets: dict[int, Pocket] = {}
        self.unused: Counter[str] = Counter()
        """Micros that are to be given back, by lease."""
        self.curves: Mapping[int, Curve] = {}
        self._budgets = budgets
        self._token_s = token_s
        self._use_s = max(LEAST_USE_S, token_s // USES)
        self._mint = mint
        self._asking: dict[int, asyncio.Task[None]] = {}

    def check(self, booking: Booking, now: float) -> LineItemReason | None:
        """Why there is certainly no money at ``now`` (seconds since 1970), by what was heard in the last moments."""
        line_item = booking.line_item
        pocket = self.pockets.get(line_item.ref)
        if pocket is None or now >= pocket.quiet_until or pocket.line_item is not line_item:
            return None
        if pocket.left >= pocket.price and now < pocket.use_until:
            return None
        return pocket.reason

    async def take(self, booking: Booking, now: float, deadline: float | None = None) -> Charge | LineItemReason | None:
        """Promise the price of one ad; None where an impression of it costs nothing. ``deadline`` is loop time.

        Out of the pocket, or else after asking, once for all who wait. Raises StoreUnavailable.
        """
        line_item, micros = booking.line_item, booking.micros
        if line_item.budget is None or not micros:
            return Charge("", micros) if micros and booking.paid_by is BidModel.CPM else None
        pocket = self.pockets.get(line_item.ref)
        if pocket is None or pocket.line_item is not line_item:
            pocket = self._open(booking, now)
        if booking.paid_by is BidModel.CPC:
            return await self._look(pocket, now, deadline)
        while (charge := pocket.take(now)) is None:
            if now < pocket.quiet_until:
                return pocket.reason
            await self._ask(pocket, now, deadline)
        return charge

    async def look(self, booking: Booking, now: float) -> LineItemReason | None:
        """Why there would be no money for one more ad; nothing is promised, asked for or kept. Raises
        StoreUnavailable."""
        line_item = booking.line_item
        if line_item.budget is None or not booking.micros:
            return None
        pocket = self.pockets.get(line_item.ref)
        if pocket is not None and pocket.line_item is line_item and pocket.holds(now):
            return None
        asked = Pocket(booking, now)
        await self._fill(asked, 0, now)
        return asked.reason

    def give_back(self, booking: Booking, charge: Charge | None) -> None:
        """The ad was not shown."""
        if charge is not None and charge.lease:
            self.put_back(booking.line_item.ref, charge)

    def put_back(self, line_item_ref: int, charge: Charge) -> None:
        """What was promised out of a lease of this line item is not needed."""
        pocket = self.pockets.get(line_item_ref)
        if pocket is not None and pocket.lease == charge.lease:
            pocket.left += charge.micros
            pocket.taken -= charge.micros
        else:
            self.unused[charge.lease] += charge.micros

    def fill(self, pocket: Pocket, micros: int, now: float) -> "asyncio.Task[None]":
        """Ask for money, or only look (0); what is under way already is not asked twice. It may raise
        StoreUnavailable."""
        ref = pocket.line_item.ref
        asking = self._asking.get(ref)
        if asking is None:
            asking = self._asking[ref] = asyncio.create_task(self._fill(pocket, micros, now))
            asking.add_done_callback(lambda done: self._asked(ref, done))
        return asking

    def put_away(self, pocket: Pocket, micros: int) -> None:
        """So much of what is left is not needed."""
        if micros > 0:
            pocket.left -= micros
            self.unused[pocket.lease] += micros

    def forget(self, pocket: Pocket) -> None:
        """Nobody has asked for it, and nothing is in it."""
        ref = pocket.line_item.ref
        if not pocket.left and ref not in self._asking:
            del self.pockets[ref]

    def _open(self, booking: Booking, now: float) -> Pocket:
        ref = booking.line_item.ref
        pocket = self.pockets.get(ref)
        if pocket is None:
            pocket = self.pockets[ref] = Pocket(booking, now)
        else:
            pocket.book(booking)
        return pocket

    async def _look(self, pocket: Pocket, now: float, deadline: float | None) -> LineItemReason | None:
        """Whether one more click could be paid."""
        if now >= pocket.open_until and now >= pocket.quiet_until:
            await self._ask(pocket, now, deadline)
        return pocket.reason if now < pocket.quiet_until else None

    async def _ask(self, pocket: Pocket, now: float, deadline: float | None) -> None:
        """Demand has outrun what was held: the next time more is asked for."""
        pocket.want = max(pocket.price, pocket.want)
        asking = self.fill(pocket, 0 if pocket.booking.paid_by is BidModel.CPC else pocket.want, now)
        pocket.want *= 2
        await _heard_of(asking, deadline)

    async def _fill(self, pocket: Pocket, micros: int, now: float) -> None:
        ref = pocket.line_item.ref
        if pocket.began is None:
            # How the day is spread depends on when the ledger began.
            pocket.hear(await self._budgets.lease(f"{ref}.", pocket.terms(now, ()), 0, now, now), now)
        if not pocket.missing:
            terms = pocket.terms(now, self.curves.get(ref, ()))
            if micros and now >= pocket.use_until:
                self._next_lease(pocket, now)
            pocket.hear(await self._budgets.lease(pocket.lease, terms, micros, now, self._ends(pocket)), now)
        if pocket.missing:
            await self._budgets.miss([ref])

    def _asked(self, ref: int, asking: "asyncio.Task[None]") -> None:
        del self._asking[ref]
        if not asking.cancelled():
            asking.exception()  # whoever waited has heard of it, or has gone

    def _next_lease(self, pocket: Pocket, now: float) -> None:
        """Never one over midnight: each is of one day."""
        self.put_away(pocket, pocket.left)
        pocket.lease = f"{pocket.line_item.ref}.{self._mint()}"
        pocket.use_until = min(now + self._use_s, pocket.plan.end if pocket.plan else now)

    def _ends(self, pocket: Pocket) -> int:
        return ceil((pocket.use_until + self._token_s + SLACK_S) / GRAIN_S) * GRAIN_S


def _heard_of(asking: "asyncio.Task[None]", deadline: float | None) -> "asyncio.Future[None]":
    """Done when ``asking`` is, or failed when it is; StoreTimeout when the deadline (loop time) comes first.

    A plain future, for requests of the fast lane are no tasks; and one for each, so that nobody ends it for others.
    """
    loop = asyncio.get_running_loop()
    heard: asyncio.Future[None] = loop.create_future()
    late = loop.call_at(deadline, _give_up, heard) if deadline is not None else None

    def pass_on(done: "asyncio.Task[None]") -> None:
        if late is not None:
            late.cancel()
        if heard.done():
            return
        error = StoreUnavailable("the worker is stopping") if done.cancelled() else done.exception()
        if error is None:
            heard.set_result(None)
        else:
            heard.set_exception(error)
            heard.exception()  # whoever waited may have gone

    asking.add_done_callback(pass_on)
    return heard


def _give_up(heard: "asyncio.Future[None]") -> None:
    if not heard.done():
        heard.set_exception(StoreTimeout("the deadline of an ad came before the money for it"))
        heard.exception()
