"""Ledgers begin with what the reports say, and pacing learns from them; on a real SQLite and a real Valkey."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adserver.model.account import Accounts, Advertiser, Campaign, Placement, Publisher
from adserver.model.budget import Ledger
from adserver.model.line_item import Budget, LineItem, Pacing
from adserver.service.learn_curves import LearnCurves
from adserver.service.seed_budgets import SeedBudgets
from adserver.storage.sql import migrate
from adserver.storage.sql.engine import open_engine
from adserver.storage.sql.rollups import START, RollupRow, SqlRollups
from adserver.storage.sql.traffic import SqlTraffic
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.ledgers import ValkeyLedgers

pytest_plugins = ["tests.contract.valkey_server"]
pytestmark = pytest.mark.anyio

NOON = datetime(2026, 5, 11, 6, 30, tzinfo=UTC)  # in Kolkata, where days begin at half past six in the evening
NOW = NOON.timestamp()
DAY = NOON.toordinal()


class Booked:
    """Accounts as SQL has them."""

    def __init__(self, *line_items: LineItem) -> None:
        self.changes = 1
        shop = Advertiser(
            id="shop", name="S", domains=("s.test",), currency="INR", locale="en_IN", time_zone="Asia/Kolkata", ref=1
        )
        self.accounts = Accounts(
            advertisers={"shop": shop},
            campaigns={"c": Campaign(id="c", advertiser="shop")},
            line_items={line_item.id: line_item for line_item in line_items},
            publishers={"p": Publisher(id="p", name="P", domains=("p.test",))},
            placements={name: Placement(id=name, publisher="p", size="300x250") for name in ("day", "night")},
        )

    def book(self, line_item: LineItem) -> None:
        line_items = {**self.accounts.line_items, line_item.id: line_item}
        self.accounts, self.changes = replace(self.accounts, line_items=line_items), self.changes + 1

    def revision(self) -> int:
        return self.changes

    def load(self) -> tuple[int, Accounts]:
        return self.changes, self.accounts


class Reports:
    """A database, and rows that wait to be counted in it."""

    def __init__(self, path: Path) -> None:
        self.engine = open_engine(f"sqlite:///{path}")
        migrate.upgrade(self.engine)
        self.rollups, self.traffic = SqlRollups(self.engine), SqlTraffic(self.engine)
        self.waiting: list[RollupRow] = []
        self.rounds = 0

    def cost(self, hours_ago: int, line_item: str, micros: int) -> None:
        self.waiting.append((_hour(hours_ago), line_item, "day", "", "cart", 0, 1, 0, micros))

    def requests(self, hours_ago: int, placement: str, count: int, reason: str = "") -> None:
        self.waiting.append((_hour(hours_ago), "", placement, reason, "", count, 0, 0, 0))

    async def roll_up(self) -> bool:
        self.rounds += 1
        row = [self.waiting.pop()] if self.waiting else []
        self.rollups.commit("s", self.rollups.offset("s") if self.rounds > 1 else START, f"{self.rounds}-0", row)
        return bool(self.waiting)


def _hour(hours_ago: int) -> datetime:
    return (NOON - timedelta(hours=hours_ago)).replace(minute=0)


def line_item(ref: int, budget: Budget | None, placements: tuple[str, ...] = ()) -> LineItem:
    return LineItem(id=f"l{ref}", campaign="c", creative="cart", budget=budget, placements=placements, ref=ref)


@pytest.fixture
def reports(tmp_path: Path) -> Reports:
    return Reports(tmp_path / "reports.db")


@pytest.fixture
def ledgers(valkey: Valkey) -> ValkeyLedgers:
    return ValkeyLedgers(valkey)


async def test_a_new_line_item_begins_now_and_a_known_one_with_what_it_has_cost(
    reports: Reports, ledgers: ValkeyLedgers
) -> None:
    booked = Booked(line_item(7, Budget(daily=100)), line_item(8, Budget(total=100)), line_item(9, None))
    seed = SeedBudgets(booked, reports.rollups, ledgers, reports.roll_up)
    for hours_ago, micros in ((0, 1), (11, 20), (12, 300), (13, 4_000), (900, 50_000)):
        reports.cost(hours_ago, "l8", micros)
    assert await seed(NOW) == 2
    assert not reports.waiting
    assert await ledgers.read(7, DAY, NOW) == Ledger(0, 0, 0, 0, int(NOW))
    # midnight was at 18:30 UTC: that hour counts as today's, so that a limit is never passed
    assert await ledgers.read(8, DAY, NOW) == Ledger(54_321, 0, 321, 0, 0)
    assert await ledgers.read(9, DAY, NOW) is None
    rounds = reports.rounds
    assert await seed(NOW + 1) == 0
    assert reports.rounds == rounds
    booked.book(line_item(10, Budget(daily=1)))
    assert await seed(NOW + 2) == 1


async def test_a_ledger_that_is_missed_is_filled_again(
    reports: Reports, ledgers: ValkeyLedgers, valkey: Valkey
) -> None:
    seed = SeedBudgets(Booked(line_item(7, Budget(daily=100))), reports.rollups, ledgers, reports.roll_up)
    assert await seed(NOW) == 1
    await valkey.redis.flushall()
    reports.cost(0, "l7", 60)
    assert await seed(NOW) == 0
    await valkey.call("miss_ledgers", "missed:{control}", 7, 99)
    assert await seed(NOW) == 1
    assert await ledgers.read(7, DAY, NOW) == Ledger(60, 0, 60, 0, 0)


async def test_traffic_is_learned_of_the_placements_where_a_line_item_may_run(
    reports: Reports, ledgers: ValkeyLedgers
) -> None:
    learned = Budget(daily=100, pacing=Pacing.LEARNED)
    booked = Booked(line_item(7, learned), line_item(8, learned, ("night",)), line_item(9, Budget(daily=100)))
    learn = LearnCurves(booked, reports.traffic, ledgers)
    reports.requests(24, "day", 200)  # at noon yesterday, there
    reports.requests(24, "day", 100, "capped")
    reports.requests(13, "night", 100)  # at 23:00 there
    reports.requests(2, "night", 900)  # today
    reports.requests(60, "day", 900)  # earlier
    while await reports.roll_up():
        pass
    assert await learn(NOW)
    curves = await ledgers.curves()
    assert curves.keys() == {7, 8}
    assert curves[7][10] < 0.05
    assert curves[7][12] == pytest.approx(0.75 * 0.95 + 13 / 24 * 0.05, abs=1e-5)
    assert curves[8][21] == pytest.approx(22 / 24 * 0.05, abs=1e-5)
    assert not await learn(NOW + 600)
    assert await learn(NOW + 86_400)
    assert (await ledgers.curves()).keys() == {7, 8}
