"""What a worker may spend without asking, on a real Valkey."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest

from adserver.model.budget import Ledger
from adserver.model.decision import Charge
from adserver.model.line_item import Bid, BidModel, Budget, Pacing
from adserver.model.reason import LineItemReason
from adserver.storage.interfaces import StoreTimeout
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.ledgers import ValkeyLedgers
from tests.contract.purses import PRICE, TOKEN_S, Worker, booking, worker

pytest_plugins = ["tests.contract.valkey_server"]
pytestmark = pytest.mark.anyio

NOON = datetime(2026, 5, 11, 10, tzinfo=UTC)
NOW = int(NOON.timestamp())
DAY = NOON.toordinal()
TOTAL, DAILY, PACING = LineItemReason.TOTAL_BUDGET, LineItemReason.DAILY_BUDGET, LineItemReason.PACING


def asap(total: int | None = None, daily: int | None = None) -> Budget:
    """In impressions."""
    limits = [None if limit is None else limit * PRICE for limit in (total, daily)]
    return Budget(total=limits[0], daily=limits[1], pacing=Pacing.ASAP)


@pytest.fixture
def ledgers(valkey: Valkey) -> ValkeyLedgers:
    return ValkeyLedgers(valkey)


@pytest.fixture
async def anna(valkey_url: str, valkey: Valkey, ledgers: ValkeyLedgers) -> AsyncIterator[Worker]:
    await ledgers.seed(7, 0, DAY, 0, 0)
    async with worker(valkey_url) as made:
        yield made


async def commands(valkey: Valkey) -> int:
    return int((await valkey.redis.info("commandstats")).get("cmdstat_fcall", {}).get("calls", 0))


async def test_what_costs_nothing_asks_nobody(anna: Worker, valkey: Valkey) -> None:
    before = await commands(valkey)
    free = [
        booking(None, Bid(model=BidModel.CPM, amount=0)),
        booking(None, Bid(model=BidModel.CPC, amount=100)),
        booking(asap(10), Bid(model=BidModel.CPM, amount=0)),
    ]
    assert [await anna.purse.take(booked, NOW) for booked in free] == [None, None, None]
    assert await anna.purse.take(booking(None), NOW) == Charge("", PRICE)
    await anna.round(NOW)
    assert await commands(valkey) == before
    assert not anna.purse.pockets


async def test_most_ads_are_paid_without_asking(anna: Worker, valkey: Valkey) -> None:
    booked = booking(asap(1_000_000))
    asked = await commands(valkey)
    for step in range(200):
        for ad in range(20):
            assert isinstance(await anna.purse.take(booked, NOW + step / 4 + ad / 100), Charge)
        await anna.round(NOW + step / 4)
    assert await commands(valkey) - asked < 230
    assert anna.purse.pockets[7].left <= 6 * 20 * 4 * PRICE


async def test_many_who_wait_ask_once(anna: Worker, valkey: Valkey) -> None:
    booked = booking(asap(1_000_000))
    anna.purse.pockets.clear()
    first = await anna.purse.take(booked, NOW)
    anna.purse.pockets[7].want = 50 * PRICE
    asked = await commands(valkey)
    taken = await asyncio.gather(*(anna.purse.take(booked, NOW) for _ in range(50)))
    assert isinstance(first, Charge)
    assert all(isinstance(charge, Charge) for charge in taken)
    assert await commands(valkey) - asked <= 2


@pytest.mark.parametrize(
    ("budget", "ads", "reason"),
    [
        (asap(5, 9), 5, TOTAL),
        (asap(9, 5), 5, DAILY),
        (Budget(daily=8 * PRICE), 5, PACING),
    ],
)
async def test_when_the_money_is_gone_the_reason_is_known_at_once(
    anna: Worker, valkey: Valkey, budget: Budget, ads: int, reason: LineItemReason
) -> None:
    booked = booking(budget)
    assert anna.purse.check(booked, NOW) is None
    charges = [await anna.purse.take(booked, NOW) for _ in range(9)]
    assert [isinstance(charge, Charge) for charge in charges] == [True] * ads + [False] * (9 - ads)
    assert charges[-1] is reason
    asked = await commands(valkey)
    assert anna.purse.check(booked, NOW) is reason
    assert await anna.purse.take(booked, NOW) is reason
    await anna.round(NOW + 0.25)
    assert await commands(valkey) == asked
    assert anna.purse.check(booked, NOW + 2) is None
    assert await anna.purse.take(booked, NOW + 2) is reason
    assert await commands(valkey) == asked + 1


async def test_a_raised_budget_is_used_at_once(anna: Worker) -> None:
    poor, rich = booking(asap(1)), booking(asap(2))
    assert isinstance(await anna.purse.take(poor, NOW), Charge)
    assert await anna.purse.take(poor, NOW) is TOTAL
    assert anna.purse.check(rich, NOW) is None
    assert isinstance(await anna.purse.take(rich, NOW), Charge)
    assert await anna.purse.take(rich, NOW) is TOTAL


async def test_an_ad_that_was_not_shown_gives_its_money_back(anna: Worker, ledgers: ValkeyLedgers) -> None:
    booked = booking(asap(1))
    charge = await anna.purse.take(booked, NOW)
    assert isinstance(charge, Charge)
    anna.purse.give_back(booked, charge)
    anna.purse.give_back(booked, None)
    assert anna.purse.check(booked, NOW) is None
    assert await anna.purse.take(booked, NOW) == charge
    later = NOW + TOKEN_S / 6
    await anna.round(later)
    assert await anna.purse.take(booked, later) is TOTAL
    anna.purse.give_back(booked, charge)
    await anna.round(later + 1)
    assert await ledgers.read(7, DAY, later) == Ledger(0, 0, 0, 0, 0)
    assert isinstance(await anna.purse.take(booked, later + 3), Charge)


async def test_what_nobody_needs_goes_back_and_is_forgotten(
    anna: Worker, ledgers: ValkeyLedgers, valkey: Valkey
) -> None:
    booked = booking(asap(100_000))
    for _ in range(200):
        await anna.purse.take(booked, NOW)
    await anna.round(NOW + 0.25)
    held = await ledgers.read(7, DAY, NOW)
    assert held is not None
    assert held.held > 200 * PRICE
    for step in range(8):
        await anna.round(NOW + 1 + step)
    assert await ledgers.read(7, DAY, NOW + 8) == Ledger(0, 200 * PRICE, 0, 200 * PRICE, 0)
    await anna.round(NOW + 100)
    assert not anna.purse.pockets
    asked = await commands(valkey)
    await anna.round(NOW + 101)
    assert await commands(valkey) == asked


async def test_a_worker_that_stops_gives_all_back_that_was_not_promised(anna: Worker, ledgers: ValkeyLedgers) -> None:
    booked = booking(asap(100_000))
    for _ in range(10):
        await anna.purse.take(booked, NOW)
    await anna.keeper.close()
    assert await ledgers.read(7, DAY, NOW) == Ledger(0, 10 * PRICE, 0, 10 * PRICE, 0)


async def test_unseen_ads_come_back_piece_by_piece(anna: Worker, valkey_url: str) -> None:
    booked = booking(asap(60))
    for step in range(60):
        assert await anna.decide(booked, NOW + 60 * step)
        await anna.round(NOW + 60 * step + 1)
    assert not await anna.decide(booked, NOW + 3_600)
    back = []
    async with worker(valkey_url) as other:
        for at in range(3_600, 9_000, 300):
            count = 0
            while await other.decide(booked, NOW + at):
                count += 1
            back.append(count)
    assert sum(back) >= 60
    assert max(back) <= 11
    assert back[0] == 0


async def test_a_lease_never_runs_over_midnight(anna: Worker, ledgers: ValkeyLedgers) -> None:
    midnight = NOW + 12 * 3_600
    booked = booking(asap(None, 2))
    charges = [await anna.purse.take(booked, midnight - 1) for _ in range(3)]
    assert charges[2] is DAILY
    assert isinstance(await anna.purse.take(booked, midnight + 1), Charge)
    for charge in charges[:2]:
        assert isinstance(charge, Charge)
        assert await anna.budgets.spend(*charge, midnight + 30) == PRICE
    assert await ledgers.read(7, DAY, midnight + 30) == Ledger(2 * PRICE, PRICE, 2 * PRICE, 0, 0)


async def test_clicks_are_shown_while_there_is_money_for_one_more(anna: Worker, valkey: Valkey) -> None:
    booked = booking(asap(2), Bid(model=BidModel.CPC, amount=PRICE))
    assert await anna.purse.take(booked, NOW) is None
    asked = await commands(valkey)
    assert [await anna.purse.take(booked, NOW) for _ in range(20)] == [None] * 20
    assert await commands(valkey) == asked
    plan = anna.purse.pockets[7].terms(NOW, ())
    assert [await anna.budgets.spend_click(7, plan) for _ in range(3)] == [PRICE, PRICE, 0]
    assert await anna.purse.take(booked, NOW + 1) is TOTAL
    assert anna.purse.check(booked, NOW + 1.5) is TOTAL


async def test_an_empty_valkey_lends_nothing_until_it_is_known_what_was_spent(
    anna: Worker, valkey: Valkey, ledgers: ValkeyLedgers
) -> None:
    booked = booking(asap(10))
    charge = await anna.purse.take(booked, NOW)
    assert isinstance(charge, Charge)
    await valkey.redis.flushall()
    assert await anna.budgets.spend(*charge, NOW) == 0
    left = anna.purse.pockets[7].left // PRICE
    charges = [await anna.purse.take(booked, NOW) for _ in range(left + 1)]
    assert charges[-1] is PACING
    assert anna.purse.check(booked, NOW) is PACING
    assert await ledgers.missed() == [7]
    await ledgers.seed(7, 8 * PRICE, DAY, 8 * PRICE, 0)
    charges = [await anna.purse.take(booked, NOW + 1) for _ in range(3)]
    assert charges[2] is TOTAL
    assert isinstance(charges[0], Charge)
    assert await anna.budgets.spend(*charges[0], NOW + 1) == PRICE


async def test_an_ad_does_not_wait_longer_than_its_deadline(anna: Worker, valkey: Valkey) -> None:
    await valkey.redis.client_pause(200)
    with pytest.raises(StoreTimeout):
        await anna.purse.take(booking(asap(10)), NOW, asyncio.get_running_loop().time() + 0.01)
    await valkey.redis.client_unpause()
    assert isinstance(await anna.purse.take(booking(asap(10)), NOW), Charge)


async def test_eight_workers_share_a_thousand_impressions(
    valkey_url: str, valkey: Valkey, ledgers: ValkeyLedgers
) -> None:
    await ledgers.seed(7, 0, DAY, 0, 0)
    booked = booking(asap(1_000))

    async def work(one: Worker) -> int:
        billed = misses = step = 0
        while misses < 3:
            step += 1
            await one.round(NOW + step / 4)
            charges = [await one.decide(booked, NOW + step / 4) for _ in range(5)]
            billed += sum([await one.budgets.spend(*charge, NOW) for charge in charges if charge]) // PRICE
            misses = 0 if any(charges) else misses + 1
        return billed

    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(worker(valkey_url)) for _ in range(8)]
        billed = await asyncio.gather(*map(work, workers))
    assert 950 <= sum(billed) <= 1_000
    assert min(billed) > 60
