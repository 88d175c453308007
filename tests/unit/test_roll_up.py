"""From the event stream into the hours of the report, exactly once: real Valkey, real SQL."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from adserver.service.roll_up import KEEP_MS, RollUp
from adserver.storage.interfaces import LogRecord, StoreUnavailable
from adserver.storage.spool.spool import Spool
from adserver.storage.sql.engine import open_engine
from adserver.storage.sql.migrate import upgrade
from adserver.storage.sql.rollups import SqlRollups
from adserver.storage.valkey import keys
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.events import ValkeyEventLog, ValkeyEventReader
from tests.contract.hot_link import hot_to

pytest_plugins = ["tests.contract.valkey_server"]
pytestmark = pytest.mark.anyio

NOON = 1_790_000_000 // 3_600 * 3_600


@pytest.fixture
def rollups(tmp_path: Path) -> Iterator[SqlRollups]:
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    upgrade(engine)
    yield SqlRollups(engine)
    engine.dispose()


@pytest.fixture
async def log(valkey: Valkey, valkey_url: str, tmp_path: Path) -> AsyncIterator[ValkeyEventLog]:
    """As a worker has it, into the emptied server."""
    async with hot_to(valkey_url) as hot:
        spool = Spool(hot, tmp_path / "spool", slot="1", max_bytes=1_000_000)
        async with spool.running():
            yield ValkeyEventLog(spool)


def ad(second: int = 0, reason: str = "") -> LogRecord:
    return ("ad", NOON + second, "" if reason else "item", "slot", reason)


async def append(log: ValkeyEventLog, *records: LogRecord) -> None:
    await asyncio.gather(*(log.append(record) for record in records))


async def count_all(roll_up: RollUp) -> None:
    while await roll_up(time.time()):
        pass


async def test_all_kinds_and_nothing_twice(valkey: Valkey, log: ValkeyEventLog, rollups: SqlRollups) -> None:
    roll_up = RollUp(ValkeyEventReader(valkey), rollups)
    assert await roll_up(time.time()) is False
    await append(log, ad(), ad(reason="no_history"), ("impression", NOON, "item", "slot", ""))
    await append(log, ("click", NOON + 3_600, "item", "slot", ""), ("event", NOON, "acme", "view_item", "a b"))
    await append(log, ("invented later", NOON, "item", "slot", ""))
    await count_all(roll_up)
    await count_all(roll_up)
    totals = rollups.totals()
    assert totals.rows == [("", "slot", "", 1, 0, 0, 0), ("item", "slot", "", 1, 1, 1, 0)]
    assert totals.no_ad == [("slot", "no_history", 1)]


async def test_arms_and_costs_are_counted_once_as_well(
    valkey: Valkey, log: ValkeyEventLog, rollups: SqlRollups
) -> None:
    for number in range(50):
        await append(log, ("exposure", NOON + number, "summer", "treated"))
        await append(log, ("conversion", NOON + 9_000, "summer", "treated", 3, 1, NOON + number))
        await append(log, ("impression", NOON, "item", "slot", "", "grid", 4_000))
    workers = [RollUp(ValkeyEventReader(valkey), rollups) for _ in range(4)]
    await asyncio.gather(*(count_all(worker) for worker in workers))
    assert rollups.arms() == [("summer", "treated", 50, 50, 50, 150)]
    assert rollups.totals(by_creative=True).rows == [("item", "slot", "grid", 0, 50, 0, 200_000)]


async def test_several_workers_count_once(valkey: Valkey, log: ValkeyEventLog, rollups: SqlRollups) -> None:
    for number in range(50):
        await append(log, *[ad(number)] * 10)
    workers = [RollUp(ValkeyEventReader(valkey), rollups) for _ in range(4)]
    await asyncio.gather(*(count_all(worker) for worker in workers))
    assert rollups.totals().rows == [("item", "slot", "", 500, 0, 0, 0)]


async def test_what_is_counted_is_heard_once_by_whoever_counted_it(
    valkey: Valkey, log: ValkeyEventLog, rollups: SqlRollups
) -> None:
    for number in range(50):
        await append(log, ad(number), ("event", NOON, "acme", "view_item", f"P{number}", "tag001"))
    heard: list[LogRecord] = []
    workers = [RollUp(ValkeyEventReader(valkey), rollups, heard.extend) for _ in range(4)]
    await asyncio.gather(*(count_all(worker) for worker in workers))
    assert rollups.totals().rows == [("item", "slot", "", 50, 0, 0, 0)]
    assert sorted(record[4] for record in heard if record[0] == "event") == sorted(f"P{n}" for n in range(50))


async def test_more_than_one_batch(valkey: Valkey, log: ValkeyEventLog, rollups: SqlRollups) -> None:
    for number in range(500):
        await log.append(ad(number))  # each an entry of its own
    steps = 1
    roll_up = RollUp(ValkeyEventReader(valkey), rollups)
    while await roll_up(time.time()):
        steps += 1
    assert steps == 3
    assert sum(row[3] for row in rollups.totals().rows) == 500


async def test_what_comes_in_meanwhile_is_for_the_next_time(
    valkey: Valkey, log: ValkeyEventLog, rollups: SqlRollups
) -> None:
    await append(log, ad())
    assert not await RollUp(ValkeyEventReader(valkey), rollups)(time.time())


async def test_only_what_is_counted_is_trimmed(valkey: Valkey, log: ValkeyEventLog, rollups: SqlRollups) -> None:
    now_ms = time.time_ns() // 1_000_000
    for number in range(1_000):
        await valkey.redis.xadd(keys.EVENTS, {"b": b"[]"}, id=f"{now_ms - KEEP_MS - 5_000 + number}-0")
    await append(log, ad())
    roll_up = RollUp(ValkeyEventReader(valkey), rollups)
    await roll_up(time.time())
    # The first thousand are counted; the last one is not yet, and stays.
    assert await valkey.redis.xlen(keys.EVENTS) < 1_000
    await count_all(roll_up)
    assert rollups.totals().rows == [("item", "slot", "", 1, 0, 0, 0)]


async def test_it_waits_for_a_store_that_is_away(
    valkey: Valkey, log: ValkeyEventLog, valkey_url: str, rollups: SqlRollups
) -> None:
    nobody = Valkey("redis://127.0.0.1:1/0")
    with pytest.raises(StoreUnavailable):
        await RollUp(ValkeyEventReader(nobody), rollups)(time.time())
    await nobody.close()
    await append(log, ad())
    await count_all(RollUp(ValkeyEventReader(valkey), rollups))
    assert rollups.totals().rows == [("item", "slot", "", 1, 0, 0, 0)]
