"""A day of 8 workers on a real Valkey, in a few seconds: what is spent, and when."""

import random
from contextlib import AsyncExitStack
from datetime import datetime
from math import cos, pi
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from adserver.decision.index import Booking
from adserver.decision.pacing import curve_of
from adserver.model.decision import Charge
from adserver.model.line_item import Budget, Pacing
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.ledgers import ValkeyLedgers
from tests.contract.purses import PRICE, Worker, booking, worker

pytest_plugins = ["tests.contract.valkey_server"]
pytestmark = pytest.mark.anyio

MIDNIGHT = datetime(2026, 5, 11, tzinfo=ZoneInfo("Europe/Berlin"))
START, DAY = int(MIDNIGHT.timestamp()), MIDNIGHT.toordinal()
STEP_S = 450
WORKERS = 8
GOAL = 2_000
REQUESTS = 6_000
SEEN = 0.9


def traffic(hour: float) -> float:
    """Requests of one hour, of all workers: few at four in the morning, most at four in the afternoon."""
    return REQUESTS / 24 * (1 - 0.9 * cos((hour - 4) / 24 * 2 * pi))


class Day(NamedTuple):
    """Impressions billed by the end of each hour, those that were counted but not billed, and ads decided."""

    hours: list[int]
    unbilled: int
    decided: int


async def run_day(url: str, booked: Booking, rng: random.Random) -> Day:
    """One day of requests; workers die without a word now and then, and one in ten ads is never seen."""
    on_the_way: list[Charge] = []
    hours: list[int] = []
    billed = unbilled = decided = 0
    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(worker(url)) for _ in range(WORKERS)]
        for now in range(START, START + 86_400, STEP_S):
            if rng.random() < 0.1:
                number = rng.randrange(WORKERS)
                workers[number] = Worker(workers[number].budgets)
            for one in workers:
                await one.round(now)
            for charge in on_the_way:
                if rng.random() < SEEN:
                    paid = await rng.choice(workers).budgets.spend(*charge, now)
                    billed += paid == PRICE
                    unbilled += not paid
            asking = round(rng.gauss(1, 0.1) * traffic((now - START) / 3_600) * STEP_S / 3_600)
            moments = sorted(now + rng.random() * STEP_S for _ in range(asking))
            charges = [await rng.choice(workers).decide(booked, moment) for moment in moments]
            on_the_way = [charge for charge in charges if charge]
            decided += len(on_the_way)
            if (now + STEP_S - START) % 3_600 == 0:
                hours.append(billed)
    return Day(hours, unbilled, decided)


CURVE = curve_of([round(traffic(hour + 0.5)) for hour in range(24)])
DAILY = {pacing: booking(Budget(total=10 * GOAL * PRICE, daily=GOAL * PRICE, pacing=pacing)) for pacing in Pacing}
LAST_DAY = booking(Budget(total=5 * GOAL * PRICE), end=START + 86_400)


@pytest.mark.parametrize(
    ("booked", "at_noon"),
    [
        pytest.param(DAILY[Pacing.EVEN], 0.5, id="even"),
        pytest.param(DAILY[Pacing.LEARNED], CURVE[11], id="learned"),
        pytest.param(DAILY[Pacing.ASAP], 0.67, id="asap"),
        pytest.param(LAST_DAY, 0.5, id="the rest of a total"),
    ],
)
async def test_a_day_delivers_its_goal(valkey_url: str, valkey: Valkey, booked: Booking, at_noon: float) -> None:
    ledgers = ValkeyLedgers(valkey)
    await ledgers.seed(7, 4 * GOAL * PRICE, DAY - 1, GOAL * PRICE, 0)
    await ledgers.publish_curves({7: CURVE})
    day = await run_day(valkey_url, booked, random.Random(5))
    ledger = await ledgers.read(7, DAY, START + 86_399)
    assert ledger is not None
    assert ledger.spent_today == day.hours[-1] * PRICE
    assert 0.95 * GOAL <= day.hours[-1] <= GOAL
    assert day.hours[11] == pytest.approx(at_noon * GOAL, abs=0.08 * GOAL)
    assert day.unbilled == 0
    assert day.decided > GOAL
