"""The event stream: one write per tick, nobody's records lost by another's haste."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from adserver.storage.interfaces import LogRecord, SpoolFull
from adserver.storage.spool.spool import Spool
from adserver.storage.sql.rollups import START
from adserver.storage.valkey import keys
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.events import ValkeyEventLog, ValkeyEventReader
from tests.contract.hot_link import hot_to
from tests.contract.restartable import hot_client

pytest_plugins = ["tests.contract.valkey_server"]
pytestmark = pytest.mark.anyio


@pytest.fixture
async def log(valkey: Valkey, valkey_url: str, tmp_path: Path) -> AsyncIterator[ValkeyEventLog]:
    """As a worker has it, into the emptied server."""
    async with hot_to(valkey_url) as hot:
        spool = Spool(hot, tmp_path, slot="1", max_bytes=1_000_000)
        async with spool.running():
            yield ValkeyEventLog(spool)


def record(number: int) -> LogRecord:
    return ("ad", 1_790_000_000 + number, "item", "placement", "")


async def everything(valkey: Valkey) -> list[LogRecord]:
    return (await ValkeyEventReader(valkey).read(START)).records


async def test_a_thousand_appends_of_one_tick_are_one_entry(valkey: Valkey, log: ValkeyEventLog) -> None:
    await asyncio.gather(*(log.append(record(n)) for n in range(1_000)))
    assert await valkey.redis.xlen(keys.EVENTS) == 1
    assert await everything(valkey) == [record(n) for n in range(1_000)]


async def test_ticks_are_entries_in_order(valkey: Valkey, log: ValkeyEventLog) -> None:
    for number in range(20):
        await asyncio.gather(log.append(record(number)), log.append(record(number)))
    assert await valkey.redis.xlen(keys.EVENTS) == 20
    assert await everything(valkey) == [record(n) for n in range(20) for _ in range(2)]


async def test_who_gives_up_does_not_take_the_others_records_along(valkey: Valkey, log: ValkeyEventLog) -> None:

    async def append(number: int) -> None:
        await log.append(record(number))

    tasks = [asyncio.create_task(append(number)) for number in range(100)]
    await asyncio.sleep(0)  # all have appended, none is written
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(result, asyncio.CancelledError) for result in results] == [n % 2 == 0 for n in range(100)]
    assert {row[1] for row in await everything(valkey)} >= {record(n)[1] for n in range(1, 100, 2)}


async def test_a_failed_write_is_told_to_everybody_who_waits(
    valkey: Valkey, valkey_url: str, log: ValkeyEventLog, tmp_path: Path
) -> None:
    """Valkey says nothing and the disk may hold nothing: only then is a record lost, and whoever waits hears of it."""
    hasty = hot_client(valkey_url, timeout_s=0.2)
    await hasty.up()
    full = Spool(hasty, tmp_path / "full", slot="2", max_bytes=1)
    async with full.running():
        hasty_log = ValkeyEventLog(full)
        await valkey.redis.client_pause(60_000, all=False)
        try:
            hasty_log.note([record(1)])  # nobody waits for it: a warning of that would fail this test
            results = await asyncio.gather(*(hasty_log.append(record(n)) for n in range(10)), return_exceptions=True)
        finally:
            await valkey.redis.client_unpause()
    await hasty.close()
    assert [type(result) for result in results] == [SpoolFull] * 10
    await log.append(record(99))


async def test_what_nobody_waits_for_is_written_all_the_same(valkey: Valkey, log: ValkeyEventLog) -> None:
    log.note([record(1), record(2)])
    await log.append(record(3))
    assert await valkey.redis.xlen(keys.EVENTS) == 1
    assert await everything(valkey) == [record(n) for n in (1, 2, 3)]


async def test_settled_waits_for_what_is_under_way(valkey: Valkey, log: ValkeyEventLog) -> None:
    log.append(record(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await log.settled()
    assert await everything(valkey) == [record(1)]


async def test_reading_goes_on_where_it_stopped(valkey: Valkey, log: ValkeyEventLog) -> None:
    reader = ValkeyEventReader(valkey)
    for number in range(10):
        await log.append(record(number))
    first = await reader.read(START, limit=4)
    second = await reader.read(first.offset, limit=100)
    assert first.records + second.records == [record(n) for n in range(10)]
    nothing = await reader.read(second.offset)
    assert (nothing.offset, nothing.records) == (second.offset, [])


async def test_the_newest_come_first_for_diagnosis(valkey: Valkey, log: ValkeyEventLog) -> None:
    for number in range(0, 10, 2):
        await asyncio.gather(log.append(record(number)), log.append(record(number + 1)))
    assert await ValkeyEventReader(valkey).newest(limit=2) == [record(n) for n in (9, 8, 7, 6)]


async def test_trimming_forgets_the_old_and_keeps_the_young(valkey: Valkey) -> None:
    now_ms = time.time_ns() // 1_000_000
    for age_ms in range(10_000, 0, -10):  # enough for Valkey, which trims whole nodes of its tree
        await valkey.redis.xadd(keys.EVENTS, {"b": b"[]"}, id=f"{now_ms - age_ms}-0")
    await ValkeyEventReader(valkey).trim(now_ms - 2_000)
    entries = cast("list[tuple[bytes, object]]", await valkey.redis.xrange(keys.EVENTS))
    left = [int(entry.split(b"-")[0]) for entry, _ in entries]
    assert 200 <= len(left) < 400
    assert left[-1] == now_ms - 10
