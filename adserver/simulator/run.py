"""The world takes its course: every visit at its time, every shopper one thing after the other."""

import asyncio
import heapq
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from adserver.simulator.answers import AnswerReader, Banner, Nothing
from adserver.simulator.client import Client, Reply
from adserver.simulator.ledger import Ad, Arm, Ledger, Met
from adserver.simulator.pace import Pace
from adserver.simulator.shoppers import Luck, PageVisit, Shopper, ShopVisit, Visit
from adserver.simulator.world import CLICK_RATES, MEASURED, RENDERED, SHOPS, World, placement

HOLDOUT_REASON = "holdout"
MOST_AT_ONCE = 256
"""Visits that are under way together; the next one waits, and time with it."""


class Course:
    """One run of ``world`` against one server that goes by the clock of ``pace``. ``ledger`` fills as it goes."""

    def __init__(self, world: World, pace: Pace, client: Client, reader: AnswerReader) -> None:
        self.ledger = Ledger()
        self._world = world
        self._pace = pace
        self._client = client
        self._reader = reader
        self._room = asyncio.Semaphore(MOST_AT_ONCE)
        self._cookies: dict[int, str] = {}
        self._turns: dict[int, asyncio.Lock] = {}

    async def run(self, shoppers: Iterable[Shopper]) -> None:
        """All visits; time stands while the last of them end. Raises ServerGone and BadAnswer."""
        try:
            async with asyncio.TaskGroup() as visits:
                await self._begin_all(shoppers, visits)
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        self.ledger.requests = self._client.asked

    async def _begin_all(self, shoppers: Iterable[Shopper], visits: asyncio.TaskGroup) -> None:
        for at, number, visit in _timetable(shoppers):
            await self._pace.until(at)
            await self._room.acquire()
            visits.create_task(self._visit(number, visit))

    async def _visit(self, number: int, visit: Visit) -> None:
        try:
            with self._pace.visit():
                async with self._turns.setdefault(number, asyncio.Lock()):
                    await self._lived(number, visit)
        finally:
            self._room.release()

    async def _lived(self, number: int, visit: Visit) -> None:
        if isinstance(visit, ShopVisit):
            await self._shop(number, visit)
        else:
            await self._page(number, visit)

    async def _shop(self, number: int, visit: ShopVisit) -> None:
        for product in visit.viewed:
            await self._pixel(number, visit, "view_item", product)
        if visit.carts:
            await self._pixel(number, visit, "add_to_cart", visit.viewed[-1])
        if self._buys(number, visit):
            self.ledger.purchases += 1
            order = f"&v=49.90&c=EUR&o={number}-{int(visit.at)}"
            await self._pixel(number, visit, "purchase", visit.viewed[-1], order)

    def _buys(self, number: int, visit: ShopVisit) -> bool:
        met = self.ledger.met.get(number) if visit.shop is MEASURED else None
        if met is None:
            return visit.luck < self._world.truth.buys
        return met.visits(self._pace(), visit.luck, self._world.truth)

    async def _pixel(self, number: int, visit: ShopVisit, event: str, product: str, more: str = "") -> None:
        target = f"/pixel.gif?a={visit.shop.name}&e={event}&p={quote(product)}{more}"
        reply = await self._client.get(target, self._cookies.get(number, ""))
        self._expect(reply, "pixel")
        if reply.cookies:
            self._cookies[number] = reply.cookies

    async def _page(self, number: int, visit: PageVisit) -> None:
        slots = "&".join(f"placement={placement(visit.publisher, shop)}" for shop in SHOPS)
        asked_at = self._pace()
        reply = await self._client.get(f"/ads?{slots}", self._cookies.get(number, ""))
        self._expect(reply, "ads")
        answered_at = self._pace()
        for entry, luck in zip(self._reader.page(reply.body), visit.luck, strict=True):
            if isinstance(entry, Nothing):
                self._held_back(number, entry, luck)
            else:
                await self._banner(number, entry, luck, asked_at, answered_at)

    def _held_back(self, number: int, entry: Nothing, luck: Luck) -> None:
        self.ledger.no_ads[entry.reason] += 1
        if entry.reason == HOLDOUT_REASON and entry.placement.endswith(f"-{MEASURED.name}"):
            self.ledger.met.setdefault(number, Met(Arm.GHOST)).sees(self._pace(), luck.rendered)

    async def _banner(self, number: int, entry: Banner, luck: Luck, asked_at: float, answered_at: float) -> None:
        ad = Ad(number, entry.line_item, entry.creative, entry.products, asked_at, entry.decided_at, answered_at)
        self.ledger.ads.append(ad)
        if entry.line_item == MEASURED.name:
            self.ledger.met.setdefault(number, Met(Arm.TREATED)).sees(answered_at, luck.rendered)
        if luck.rendered >= RENDERED:
            return
        ad.rendered, ad.seen_at = True, self._pace()
        cookies = self._cookies.get(number, "")
        reply = await self._client.get(entry.impression, cookies)
        ad.billable = self._expect(reply, "impression")
        if luck.clicked < CLICK_RATES.get(entry.creative, 0.0):
            ad.clicked = True
            self._expect(await self._client.get(entry.clicks[0], cookies), "click", 302)

    def _expect(self, reply: Reply, what: str, status: int = 200) -> bool:
        """Whether all is well; what is not is counted."""
        if reply.status == status and not reply.reason:
            return True
        self.ledger.refused[f"{what}: {reply.reason or reply.status}"] += 1
        return False


def _timetable(shoppers: Iterable[Shopper]) -> Iterator[tuple[float, int, Visit]]:
    """All visits in the order of time."""
    return heapq.merge(
        *([(visit.at, shopper.number, visit) for visit in shopper.visits] for shopper in shoppers),
        key=lambda entry: entry[:2],
    )
