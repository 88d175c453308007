"""Ledgers on a real server: what is lent, spent, given back and forgotten, and that no limit is ever passed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from adserver.model.budget import Ledger, Lent, Terms
from adserver.model.reason import LineItemReason
from adserver.storage.valkey import keys
from adserver.storage.valkey.budgets import ValkeyBudgets
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.ledgers import ValkeyLedgers
from tests.contract.hot_link import hot_to

pytest_plugins = ["tests.contract.valkey_server", "tests.contract.redis_server"]
pytestmark = pytest.mark.anyio

NOW = 1_790_000_000
DAY = 739_000
PRICE = 4_000
TOTAL, DAILY, PACING = LineItemReason.TOTAL_BUDGET, LineItemReason.DAILY_BUDGET, LineItemReason.PACING


@pytest.fixture(params=["valkey", "redis"])
def valkey_url(request: pytest.FixtureRequest, valkey_url: str) -> str:
    return valkey_url if request.param == "valkey" else str(request.getfixturevalue("redis_url"))


@pytest.fixture
async def budgets(valkey_url: str, valkey: Valkey) -> AsyncIterator[ValkeyBudgets]:
    await ValkeyLedgers(valkey).seed(7, 0, DAY, 0, NOW)
    async with hot_to(valkey_url) as hot:
        yield ValkeyBudgets(hot)


@pytest.fixture
def ledgers(valkey: Valkey) -> ValkeyLedgers:
    return ValkeyLedgers(valkey)


def terms(
    *, total: int | None = None, daily: int | None = None, day: int = DAY, share: float = 1.0, price: int = PRICE
) -> Terms:
    return Terms(total, daily, day, share, price)


async def lend(budgets: ValkeyBudgets, lease: str, terms: Terms, events: int, at: int = 0) -> int:
    """How many events were lent until 100 seconds later."""
    lent = await budgets.lease(lease, terms, events * terms.price, NOW + at, NOW + at + 100)
    return lent.micros // terms.price


async def test_nothing_is_lent_before_it_is_known_what_was_spent(
    budgets: ValkeyBudgets, ledgers: ValkeyLedgers
) -> None:
    assert await budgets.lease("8.a", terms(total=10**9), PRICE, NOW, NOW + 100) == Lent(0, None, None)
    assert await budgets.spend_click(8, terms(total=10**9)) == 0
    await budgets.miss([8])
    assert await ledgers.missed() == [8]
    assert await ledgers.missed() == []
    assert await ledgers.seed(8, 900, DAY, 100, 0)
    assert not await ledgers.seed(8, 0, DAY, 0, 0)
    lent = await budgets.lease("8.a", terms(total=10**9), PRICE, NOW, NOW + 100)
    assert lent == Lent(PRICE, None, Ledger(900, PRICE, 100, PRICE, 0))


async def test_a_worker_gets_a_part_of_what_there_is_down_to_one_event(budgets: ValkeyBudgets) -> None:
    limits = terms(total=160 * PRICE)
    assert await lend(budgets, "7.a", limits, 3) == 3
    assert await lend(budgets, "7.a", limits, 1_000) == 9
    lent = [await lend(budgets, f"7.{worker}", limits, 1_000) for worker in range(160)]
    assert sum(lent) == 148
    assert lent[:3] == [9, 8, 8]
    assert lent == sorted(lent, reverse=True)
    assert 1 in lent
    assert lent[-1] == 0


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (terms(total=10 * PRICE, daily=10 * PRICE), TOTAL),
        (terms(total=11 * PRICE, daily=10 * PRICE), DAILY),
        (terms(daily=100 * PRICE, share=0.09), PACING),
        (terms(total=100 * PRICE, share=0.09), PACING),
        (terms(total=11 * PRICE, daily=100 * PRICE, share=0.82), PACING),
        (terms(total=11 * PRICE - 1), TOTAL),
    ],
)
async def test_why_nothing_more_is_lent(budgets: ValkeyBudgets, limits: Terms, reason: LineItemReason) -> None:
    assert sum([await lend(budgets, "7.a", limits, 1) for _ in range(20)]) == 10
    lent = await budgets.lease("7.b", limits, PRICE, NOW, NOW + 100)
    assert (lent.micros, lent.reason) == (0, reason)


async def test_what_is_spent_leaves_the_lease(budgets: ValkeyBudgets, ledgers: ValkeyLedgers) -> None:
    await lend(budgets, "7.a", terms(total=10**9), 3)
    assert [await budgets.spend("7.a", PRICE, NOW) for _ in range(4)] == [PRICE, PRICE, PRICE, 0]
    assert await ledgers.read(7, DAY, NOW) == Ledger(3 * PRICE, 0, 3 * PRICE, 0, NOW)
    assert await budgets.spend("7.nobody", PRICE, NOW) == 0
    assert await budgets.spend("9.a", PRICE, NOW) == 0


async def test_an_empty_lease_is_filled_again(budgets: ValkeyBudgets) -> None:
    await lend(budgets, "7.a", terms(total=10**9), 1)
    assert await budgets.spend("7.a", PRICE, NOW) == PRICE
    assert await lend(budgets, "7.a", terms(total=10**9), 1) == 1
    assert await budgets.spend("7.a", PRICE, NOW) == PRICE


async def test_a_lease_ends_and_its_money_comes_back(budgets: ValkeyBudgets, ledgers: ValkeyLedgers) -> None:
    limits = terms(total=2 * PRICE)
    assert [await lend(budgets, lease, limits, 1) for lease in ("7.a", "7.b", "7.c")] == [1, 1, 0]
    assert await budgets.spend("7.a", PRICE, NOW + 99) == PRICE
    assert await lend(budgets, "7.c", limits, 1, at=99) == 0
    assert await budgets.spend("7.b", PRICE, NOW + 100) == 0
    assert await lend(budgets, "7.c", limits, 2, at=100) == 1
    assert await ledgers.read(7, DAY, NOW + 100) == Ledger(PRICE, PRICE, PRICE, PRICE, NOW)
    assert await budgets.spend("7.b", PRICE, NOW) == 0


async def test_money_given_back_can_be_lent_again(budgets: ValkeyBudgets) -> None:
    limits = terms(daily=2 * PRICE)
    assert [await lend(budgets, "7.a", limits, 1) for _ in range(3)] == [1, 1, 0]
    await budgets.give_back("7.a", PRICE)
    assert [await lend(budgets, "7.b", limits, 1) for _ in range(2)] == [1, 0]
    await budgets.give_back("7.a", 10 * PRICE)
    await budgets.give_back("7.nobody", PRICE)
    assert [await lend(budgets, "7.b", limits, 1) for _ in range(2)] == [1, 0]
    assert [await budgets.spend("7.b", PRICE, NOW) for _ in range(3)] == [PRICE, PRICE, 0]


async def test_a_new_day_has_money_again_and_late_impressions_count_for_the_day_of_their_lease(
    budgets: ValkeyBudgets, ledgers: ValkeyLedgers
) -> None:
    today, tomorrow = terms(daily=2 * PRICE), terms(daily=2 * PRICE, day=DAY + 1)
    assert [await lend(budgets, "7.a", today, 1) for _ in range(3)] == [1, 1, 0]
    assert [await lend(budgets, "7.b", tomorrow, 1) for _ in range(3)] == [1, 1, 0]
    assert [await budgets.spend("7.a", PRICE, NOW) for _ in range(2)] == [PRICE, PRICE]
    assert await budgets.spend("7.b", PRICE, NOW) == PRICE
    assert await ledgers.read(7, DAY, NOW) == Ledger(3 * PRICE, PRICE, 2 * PRICE, 0, NOW)
    assert await ledgers.read(7, DAY + 1, NOW) == Ledger(3 * PRICE, PRICE, PRICE, PRICE, NOW)


async def test_a_total_alone_is_spread_from_what_the_days_before_have_left(budgets: ValkeyBudgets) -> None:
    half = terms(total=20 * PRICE, share=0.5)
    assert sum([await lend(budgets, "7.a", half, 1) for _ in range(20)]) == 11
    assert [await budgets.spend("7.a", PRICE, NOW) for _ in range(11)] == [PRICE] * 11
    tomorrow = terms(total=20 * PRICE, share=0.5, day=DAY + 1)
    assert sum([await lend(budgets, "7.b", tomorrow, 1) for _ in range(20)]) == 5


async def test_days_and_leases_that_are_over_are_forgotten(budgets: ValkeyBudgets, valkey: Valkey) -> None:
    for day in range(30):
        at = 86_400 * day
        await lend(budgets, f"7.{day}", terms(daily=100 * PRICE, day=DAY + day), 2, at=at)
        await budgets.spend(f"7.{day}", PRICE, NOW + at)
    fields = await valkey.redis.hkeys(keys.budget(7))
    assert len(fields) < 16
    assert sum(field[:1] == b"l" for field in fields) == 1
    assert await valkey.redis.ttl(keys.budget(7)) > 29 * 86_400


async def test_clicks_are_paid_straight_as_long_as_there_is_room(
    budgets: ValkeyBudgets, ledgers: ValkeyLedgers
) -> None:
    limits = terms(total=5 * PRICE, daily=3 * PRICE, share=0.0)
    assert [await budgets.spend_click(7, limits) for _ in range(4)] == [PRICE, PRICE, PRICE, 0]
    assert (await budgets.lease("7.", limits, 0, NOW, NOW)).reason is DAILY
    tomorrow = limits._replace(day=DAY + 1)
    assert (await budgets.lease("7.", tomorrow, 0, NOW, NOW)).reason is None
    assert [await budgets.spend_click(7, tomorrow) for _ in range(3)] == [PRICE, PRICE, 0]
    assert (await budgets.lease("7.", tomorrow, 0, NOW, NOW)).reason is TOTAL
    assert await ledgers.read(7, DAY + 1, NOW) == Ledger(5 * PRICE, 0, 2 * PRICE, 0, NOW)


async def test_big_money_stays_whole(budgets: ValkeyBudgets, ledgers: ValkeyLedgers) -> None:
    price = 123_456_789_012
    for _ in range(20):
        assert await lend(budgets, "7.a", terms(total=9_000_000_000_000_000, price=price), 1_000) == 1_000
    for _ in range(7):
        assert await budgets.spend("7.a", price, NOW) == price
    assert await ledgers.read(7, DAY, NOW) == Ledger(7 * price, 19_993 * price, 7 * price, 19_993 * price, NOW)


async def test_eight_workers_spend_a_budget_to_its_end_and_not_beyond(
    budgets: ValkeyBudgets, ledgers: ValkeyLedgers, valkey_url: str
) -> None:
    limits = terms(total=1_000 * PRICE, daily=2_000 * PRICE)

    async def work(store: ValkeyBudgets, name: str) -> int:
        billed = 0
        while lent := await lend(store, f"7.{name}", limits, 20):
            billed += sum(await asyncio.gather(*(store.spend(f"7.{name}", PRICE, NOW) for _ in range(lent)))) // PRICE
        return billed

    async with AsyncExitStack() as stack:
        stores = [ValkeyBudgets(await stack.enter_async_context(hot_to(valkey_url))) for _ in range(8)]
        billed = await asyncio.gather(*(work(store, str(number)) for number, store in enumerate(stores)))
    assert sum(billed) == 1_000
    assert min(billed) > 60
    assert await ledgers.read(7, DAY, NOW) == Ledger(1_000 * PRICE, 0, 1_000 * PRICE, 0, NOW)


async def test_leases_are_bounded(budgets: ValkeyBudgets) -> None:
    limits = terms(total=10**12)
    lent = await asyncio.gather(*(lend(budgets, f"7.{number}", limits, 1) for number in range(4_200)))
    assert 4_000 < sum(lent) < 4_100


async def test_curves_come_back_as_they_were_published(budgets: ValkeyBudgets, ledgers: ValkeyLedgers) -> None:
    curve = tuple((hour + 1) / 24 for hour in range(24))
    await ledgers.publish_curves({7: curve})
    assert await budgets.curves() == {7: pytest.approx(curve, abs=1e-6)}
    await ledgers.publish_curves({})
    assert await budgets.curves() == {}
