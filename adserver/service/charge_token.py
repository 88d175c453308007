"""What an impression or a click costs, and where the money comes from."""

from collections.abc import Awaitable, Callable
from functools import partial
from zoneinfo import ZoneInfo

from adserver.decision.pacing import plan_day
from adserver.model.account import Advertiser
from adserver.model.line_item import LineItem
from adserver.service.live import Live
from adserver.service.pocket import terms_of
from adserver.storage.interfaces import BudgetStore, StoreUnavailable
from adserver.telemetry import UNBILLED, HotCounter
from adserver.tracking.token import Token, TokenKind

Pay = Callable[[], Awaitable[int]]

_UNBILLED = {kind: HotCounter(UNBILLED.labels(kind.name.lower())) for kind in TokenKind}


class ChargeToken:
    """The price stands in the token, as it was when the ad was decided. An impression is paid from the lease that its
    ad was decided on, a click straight from the budget of its line item as it is now."""

    def __init__(self, live: Live, budgets: BudgetStore) -> None:
        self._live = live
        self._budgets = budgets

    def __call__(self, token: Token, now: float) -> tuple[int, Pay | None]:
        """What it costs for certain, in micros; and where a budget has to be asked, how, which never fails: what can
        not be paid is counted, and costs nothing."""
        if not token.micros:
            return 0, None
        if token.kind is TokenKind.IMPRESSION:
            return (0, partial(self._spend, token, now)) if token.lease else (token.micros, None)
        found = self._line_item(token)
        if found is None:
            _UNBILLED[token.kind].inc()
            return 0, None
        line_item, advertiser = found
        if line_item.budget is None:
            return token.micros, None
        return 0, partial(self._spend_click, token, line_item, advertiser, now)

    async def _spend(self, token: Token, now: float) -> int:
        return await self._told(token, self._budgets.spend(token.lease, token.micros, now))

    async def _spend_click(self, token: Token, line_item: LineItem, advertiser: Advertiser, now: float) -> int:
        budget = line_item.budget
        if budget is None:
            return token.micros
        terms = terms_of(budget, plan_day(now, line_item, ZoneInfo(advertiser.time_zone)), 1.0, token.micros)
        return await self._told(token, self._budgets.spend_click(line_item.ref, terms))

    async def _told(self, token: Token, spending: Awaitable[int]) -> int:
        try:
            spent = await spending
        except StoreUnavailable:
            spent = 0
        if not spent:
            _UNBILLED[token.kind].inc()
        return spent

    def _line_item(self, token: Token) -> tuple[LineItem, Advertiser] | None:
        """Nothing once the line item is gone."""
        snapshot = self._live.snapshot
        line_item = snapshot.accounts.line_items.get(token.line_item) if snapshot else None
        if snapshot is None or line_item is None:
            return None
        return line_item, snapshot.accounts.advertisers[snapshot.accounts.campaigns[line_item.campaign].advertiser]
