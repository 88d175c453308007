"""Workers as far as money is concerned: purses on a real Valkey, with a clock of the test's own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from adserver.decision.index import Booking
from adserver.model.account import Advertiser, Campaign
from adserver.model.decision import Charge
from adserver.model.line_item import Bid, BidModel, Budget, LineItem
from adserver.random_ids import RandomIds
from adserver.service.keep_budgets import KeepBudgets
from adserver.service.purse import Purse
from adserver.storage.valkey.budgets import ValkeyBudgets
from tests.contract.hot_link import hot_to

TOKEN_S = 3_600
PRICE = 4_000
"""Micros of one impression, at a CPM of 4.00."""


def booking(budget: Budget | None, bid: Bid | None = None, ref: int = 7, **more: Any) -> Booking:
    """A line item of an advertiser in Berlin; 4.00 for a thousand impressions unless told otherwise."""
    bid = bid or Bid(model=BidModel.CPM, amount=1_000 * PRICE)
    line_item = LineItem(id=f"l{ref}", campaign="c", creative="cart", budget=budget, bid=bid, ref=ref, **more)
    shop = Advertiser(
        id="shop",
        name="Shop",
        domains=("shop.test",),
        currency="EUR",
        locale="de_DE",
        time_zone="Europe/Berlin",
        ref=1,
    )
    campaign = Campaign(id="c", advertiser="shop")
    return Booking(line_item, campaign, shop, micros=bid.per_event, paid_by=bid.model)


class Worker:
    """One purse and who keeps it."""

    def __init__(self, budgets: ValkeyBudgets, *, token_s: int = TOKEN_S) -> None:
        self.budgets = budgets
        self.purse = Purse(budgets, token_s=token_s, mint=RandomIds(8))
        self.keeper = KeepBudgets(self.purse, budgets, lambda: 0.0)
        self.round = self.keeper.round

    async def decide(self, booked: Booking, now: float) -> Charge | None:
        """The charge of an ad, None where there is no money."""
        if self.purse.check(booked, now) is not None:
            return None
        taken = await self.purse.take(booked, now)
        return taken if isinstance(taken, Charge) else None


@asynccontextmanager
async def worker(url: str, *, token_s: int = TOKEN_S) -> AsyncIterator[Worker]:
    """With a connection of its own."""
    async with hot_to(url) as hot:
        yield Worker(ValkeyBudgets(hot), token_s=token_s)
