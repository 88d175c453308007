"""From a token to the money: what an impression and a click cost, and what the event stream and the ledger hear."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adserver.model.account import Accounts
from adserver.model.decision import Charge
from adserver.model.line_item import Bid, BidModel, Budget, Pacing
from adserver.model.snapshot import Snapshot
from adserver.service.charge_token import ChargeToken
from adserver.service.live import Live
from adserver.service.record_token import Asker, Counter
from adserver.storage.spool.billing import SpooledBilling
from adserver.storage.spool.spool import Spool
from adserver.storage.valkey.budgets import ValkeyBudgets
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.events import ValkeyEventLog, ValkeyEventReader
from adserver.storage.valkey.hot import HotValkey
from adserver.storage.valkey.ledgers import ValkeyLedgers
from adserver.tracking.token import Token, TokenKind
from tests.contract.hot_link import hot_to
from tests.contract.purses import PRICE, Worker, booking

pytest_plugins = ["tests.contract.valkey_server"]
pytestmark = pytest.mark.anyio

NOON = datetime(2026, 5, 11, 10, tzinfo=UTC)
NOW, DAY = int(NOON.timestamp()), NOON.toordinal()
SOMEBODY = Asker(prefetch=False, user_agent="")

PAID = booking(Budget(total=3 * PRICE, pacing=Pacing.ASAP))
UNLIMITED = booking(None, ref=8)
BY_CLICK = booking(Budget(daily=2 * PRICE), Bid(model=BidModel.CPC, amount=PRICE), ref=9)
BY_CLICK_UNLIMITED = booking(None, Bid(model=BidModel.CPC, amount=PRICE), ref=10)
BOOKED = {b.line_item.id: b for b in (PAID, UNLIMITED, BY_CLICK, BY_CLICK_UNLIMITED)}


class Till:
    """Everything between a token and the stream."""

    def __init__(self, valkey: Valkey, hot: HotValkey, spool: Spool) -> None:
        budgets = ValkeyBudgets(hot)
        self.worker = Worker(budgets)
        self.ledgers = ValkeyLedgers(valkey)
        self.log = ValkeyEventLog(spool)
        self.reader = ValkeyEventReader(valkey)
        live = Live({})
        live.snapshot = Snapshot(
            1,
            Accounts(
                advertisers={"shop": PAID.advertiser},
                campaigns={"c": PAID.campaign},
                line_items={name: booked.line_item for name, booked in BOOKED.items()},
            ),
        )
        self.counter = Counter(SpooledBilling(spool, self.log), ChargeToken(live, budgets), lambda _: False)

    async def count(self, token: Token) -> Any:
        return await self.counter.count(token, NOW + 5, SOMEBODY)

    async def costs(self) -> list[Any]:
        """The last field of each record, oldest first."""
        await self.log.settled()
        return [record[-1] for record in (await self.reader.read("0-0")).records]


def impression(number: int, charge: Charge | None, line_item: str = "l7") -> Token:
    lease, micros = charge or ("", 0)
    return Token(
        kind=TokenKind.IMPRESSION,
        expires=NOW + 3_600,
        decision=f"d{number}",
        advertiser="shop",
        line_item=line_item,
        placement="p",
        creative="cart",
        lease=lease,
        micros=micros,
    )


def click(number: int, line_item: str, micros: int = PRICE) -> Token:
    return Token(
        kind=TokenKind.CLICK,
        expires=NOW + 3_600,
        decision=f"d{number}",
        advertiser="shop",
        line_item=line_item,
        placement="p",
        product="SKU1",
        url="https://shop.test/",
        creative="cart",
        micros=micros,
    )


@pytest.fixture
async def till(valkey: Valkey, valkey_url: str, tmp_path: Path) -> AsyncIterator[Till]:
    async with hot_to(valkey_url) as hot:
        spool = Spool(hot, tmp_path, slot="w", max_bytes=1_048_576)
        async with spool.running():
            made = Till(valkey, hot, spool)
            await made.ledgers.seed(7, 0, DAY, 0, 0)
            await made.ledgers.seed(9, 0, DAY, 0, 0)
            yield made


async def test_an_impression_is_paid_once_from_its_lease(till: Till) -> None:
    charge = await till.worker.decide(PAID, NOW)
    assert [await till.count(impression(1, charge)) is None for _ in range(3)] == [True, False, False]
    (record,) = (await till.reader.read("0-0")).records
    assert record == ("impression", NOW + 5, "l7", "p", "", "cart", PRICE)
    ledger = await till.ledgers.read(7, DAY, NOW)
    assert ledger is not None
    assert ledger.spent == PRICE


async def test_an_impression_whose_lease_is_gone_counts_and_costs_nothing(till: Till) -> None:
    assert await till.count(impression(1, Charge("7.gone", PRICE))) is None
    assert await till.costs() == [0]


async def test_without_a_budget_the_price_is_all_there_is(till: Till, valkey: Valkey) -> None:
    charge = await till.worker.purse.take(UNLIMITED, NOW)
    assert isinstance(charge, Charge)
    await till.count(impression(1, charge, "l8"))
    await till.count(impression(2, None, "l8"))
    await till.count(click(1, "l10"))
    await till.count(click(2, "l8", 0))
    assert await till.costs() == [PRICE, 0, PRICE, 0]
    assert not await valkey.redis.keys("budget:{8}*")


async def test_clicks_are_paid_while_there_is_room(till: Till) -> None:
    for number in range(3):
        assert await till.count(click(number, "l9")) is None
    assert await till.count(click(9, "nobody's")) is None
    assert await till.costs() == [PRICE, PRICE, 0, 0]


async def test_what_valkey_counts_but_does_not_pay_costs_nothing(till: Till, valkey: Valkey) -> None:
    charge = await till.worker.decide(PAID, NOW)
    await valkey.redis.set("budget:{7}", "no ledger")
    assert await till.count(impression(1, charge)) is None
    assert await till.costs() == [0]
