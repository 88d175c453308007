"""Valkey goes and comes back: every write that was answered as kept is there once, in order."""

import asyncio
import random
import resource
import struct
import tempfile
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import cast

import orjson
import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis

from adserver.model.profile import EPOCH
from adserver.storage.interfaces import LogRecord, SpoolFull, StoreUnavailable
from adserver.storage.spool.billing import SpooledBilling
from adserver.storage.spool.file import create_file
from adserver.storage.spool.spool import KEPT, Spool
from adserver.storage.valkey import keys
from adserver.storage.valkey.hot import HotValkey
from tests.contract.restartable import RestartableValkey, hot_client

pytestmark = pytest.mark.anyio

MB = 1024 * 1024


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="spool-") as name:
        yield Path(name)


@pytest.fixture
def server(folder: Path) -> Iterator[RestartableValkey]:
    server = RestartableValkey(folder)
    server.start()
    yield server
    server.resume()
    server.kill()


@pytest.fixture
async def hot(server: RestartableValkey) -> AsyncIterator[HotValkey]:
    hot = hot_client(server.url, timeout_s=0.3)
    await hot.up()
    yield hot
    await hot.close()


def spool_of(hot: HotValkey, folder: Path, max_bytes: int = 64 * MB) -> Spool:
    return Spool(hot, folder / "spool", slot="1", max_bytes=max_bytes)


def record(number: int) -> LogRecord:
    return ("ad", 1_790_000_000 + number, "item", "placement", "")


async def view(spool: Spool, visitor: str, *products: str) -> object:
    now = int(time.time()) - EPOCH
    return await spool.call("record_event", keys.visitor(visitor), now, 3_600, 1, 256, "", 1, "v", *products)


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  what is waited for happens in files and in another process
            await asyncio.sleep(0.002)


async def written(server: RestartableValkey) -> list[int]:
    """The numbers of the records in the event stream."""
    async with Redis.from_url(server.url) as redis:
        entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", await redis.xrange(keys.EVENTS))
    return [row[1] - 1_790_000_000 for _, fields in entries for row in orjson.loads(fields[b"b"])]


async def viewed(server: RestartableValkey, visitor: str) -> list[str]:
    """Products in the order in which they were viewed."""
    async with Redis.from_url(server.url) as redis:
        flat = cast("dict[bytes, bytes]", await redis.hgetall(keys.visitor(visitor)))
    views = [(int(at) % 2**29, name[3:].decode()) for name, at in flat.items() if name.startswith(b"v1:")]
    return [product for _, product in sorted(views)]


async def test_while_valkey_is_there_nothing_is_kept(hot: HotValkey, server: RestartableValkey, folder: Path) -> None:
    spool = spool_of(hot, folder)
    async with spool.running():
        for number in range(50):
            await spool.append([record(number)])
        assert await view(spool, "a", "p1") is not KEPT
        (file,) = (folder / "spool").iterdir()
        assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        assert spool.waiting == 0
    assert await written(server) == list(range(50))
    assert list((folder / "spool").iterdir()) == []


async def test_what_came_while_it_was_dead_is_there_once_and_in_order(
    hot: HotValkey, server: RestartableValkey, folder: Path
) -> None:
    spool = spool_of(hot, folder)
    async with spool.running():
        for number in range(300):
            if number == 100:
                server.kill()
            if number == 200:
                server.start()
            await spool.append([record(number)])
            await view(spool, "a", f"p{number % 150}")
        await until(lambda: spool.waiting == 0)
        await spool.append([record(300)])
    assert await written(server) == list(range(301))
    assert await viewed(server, "a") == [f"p{number}" for number in range(150)]


async def test_a_server_that_hangs_gets_no_batch_twice(hot: HotValkey, server: RestartableValkey, folder: Path) -> None:
    """What it had received when it stopped is done when it goes on, though nobody waits for the answer any more."""
    spool = spool_of(hot, folder)
    async with spool.running():
        for number in range(10):
            await spool.append([record(number)])
        server.pause()
        await asyncio.gather(*(spool.append([record(number)]) for number in range(10, 40)))
        for number in range(40, 60):
            await spool.append([record(number)])
        server.resume()
        await until(lambda: spool.waiting == 0)
        await spool.append([record(60)])
    assert sorted(await written(server)) == list(range(61))
    assert (await written(server))[40:] == list(range(40, 61))


async def test_killed_again_and_again_under_load_nothing_is_lost_or_doubled(
    hot: HotValkey, server: RestartableValkey, folder: Path
) -> None:
    spool = spool_of(hot, folder)
    kept: list[int] = []
    views: dict[str, list[str]] = {}
    ended = asyncio.Event()
    rng = random.Random(7)

    async def one(worker: int) -> None:
        number = worker
        while not ended.is_set():
            visitor, product = f"v{worker}", f"p{number}"
            await view(spool, visitor, product)
            views.setdefault(visitor, []).append(product)
            await spool.append([record(number)])
            kept.append(number)
            number += 20
            await asyncio.sleep(rng.random() / 20)

    async with spool.running():
        load = [asyncio.create_task(one(worker)) for worker in range(20)]
        for _ in range(4):
            await asyncio.sleep(rng.random() / 5)
            await asyncio.to_thread(server.kill)
            await asyncio.sleep(rng.random() / 5)
            await asyncio.to_thread(server.start)
            await asyncio.sleep(rng.random() / 5)
            server.pause()
            await asyncio.sleep(rng.random())
            server.resume()
            await until(lambda: spool.waiting == 0)  # under load: it comes to an end all the same
        ended.set()
        await asyncio.gather(*load)
        await until(lambda: spool.waiting == 0)
    found = await written(server)
    assert sorted(found) == sorted(kept)
    for worker in range(20):
        assert [number for number in found if number % 20 == worker] == list(range(worker, len(kept) * 20, 20))[
            : sum(number % 20 == worker for number in kept)
        ]
    for visitor, products in views.items():
        assert await viewed(server, visitor) == products[-len(await viewed(server, visitor)) :]


async def test_a_busy_worker_comes_to_the_end_of_its_file(
    hot: HotValkey, server: RestartableValkey, folder: Path
) -> None:
    """New writes come without a pause; all the same they go straight to Valkey again."""
    spool = spool_of(hot, folder)
    ended = asyncio.Event()
    kept: list[int] = []

    async def write(first: int) -> None:
        number = first
        while not ended.is_set():
            await spool.append([record(number)])
            kept.append(number)
            number += 50

    async with spool.running():
        server.kill()
        load = [asyncio.create_task(write(first)) for first in range(50)]
        await until(lambda: len(kept) > 500)
        await asyncio.to_thread(server.start)
        await until(lambda: spool.waiting == 0)
        ended.set()
        await asyncio.gather(*load)
    found = await written(server)
    assert sorted(found) == sorted(kept)
    for first in range(50):
        mine = [number for number in found if number % 50 == first]
        assert mine == sorted(mine)


async def test_counted_once_whatever_was_lost(hot: HotValkey, server: RestartableValkey, folder: Path) -> None:
    class Log:
        """Hands records on one by one."""

        def __init__(self, spool: Spool) -> None:
            self._spool = spool

        async def append(self, record: LogRecord) -> None:
            await self._spool.append([record])

        def note(self, records: object) -> None:
            raise NotImplementedError

    spool = spool_of(hot, folder)
    billing = SpooledBilling(spool, Log(spool))
    async with spool.running():
        assert await billing.bill("d0", "click:", 60, record(0))
        assert not await billing.bill("d0", "click:", 60, record(0))
        server.pause()
        # Of three at once the answers are lost; the first of them is done when the server goes on.
        assert all(await asyncio.gather(*(billing.bill("d1", "click:", 60, record(n)) for n in (1, 2, 3))))
        assert await billing.bill("d0", "click:", 60, record(4))  # not known now that it is a duplicate
        assert await billing.bill("d2", "click:", 60, record(5))
        server.resume()
        await until(lambda: spool.waiting == 0)
        assert not await billing.bill("d2", "click:", 60, record(6))
    assert await written(server) == [0, 1, 5]


async def test_full_it_keeps_the_oldest_and_refuses_the_newest(
    hot: HotValkey, server: RestartableValkey, folder: Path
) -> None:
    spool = spool_of(hot, folder, max_bytes=20_000)
    kept = []
    async with spool.running():
        server.kill()
        for number in range(1_000):
            try:
                await spool.append([record(number)])
            except SpoolFull:
                break
            kept.append(number)
        assert 100 < len(kept) < 1_000
        with pytest.raises(SpoolFull):
            await view(spool, "a", "p1")
        assert max(path.stat().st_size for path in (folder / "spool").iterdir()) <= 20_000
        server.start()
        await until(lambda: spool.waiting == 0)
        assert await view(spool, "a", "p2") is not KEPT
    assert await written(server) == kept
    assert await viewed(server, "a") == ["p2"]


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"adserver_spool_{name}", labels) or 0.0


async def test_metrics_tell_what_waits_and_what_became_of_it(
    hot: HotValkey, server: RestartableValkey, folder: Path
) -> None:
    names = ("entries_total", "replayed_total", "duplicates_total", "damaged_bytes_total")
    before = {name: metric(name) for name in names}
    full = metric("rejections_total", reason="full")
    spool = spool_of(hot, folder, max_bytes=1_000)
    async with spool.running():
        assert await spool.call("bill", keys.billed("d"), "click:", 60, "me", then=record(1)) == 1
        server.kill()
        assert await spool.call("bill", keys.billed("d"), "click:", 60, "you", then=record(1)) is KEPT
        await spool.append([record(2)])
        with pytest.raises(SpoolFull):
            await spool.append([record(number) for number in range(100)])
        await until(lambda: metric("bytes") == spool.waiting > 0 and metric("oldest_seconds") > 0)
        server.start()
        await until(lambda: metric("bytes") == spool.waiting == 0 == metric("oldest_seconds"))
    assert [metric(name) - before[name] for name in names] == [2, 2, 1, 0]
    assert metric("rejections_total", reason="full") - full == 1


async def test_a_disk_that_is_full_refuses_and_leaves_whole_entries_behind(
    hot: HotValkey, server: RestartableValkey, folder: Path
) -> None:
    spool = spool_of(hot, folder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    kept, refused = [], []
    async with spool.running():
        server.kill()
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))  # a write reaches it in the middle of a frame
            for number in range(200):
                try:
                    await spool.append([record(number)])
                except SpoolFull:
                    raise
                except StoreUnavailable:
                    refused.append(number)
                else:
                    kept.append(number)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert len(kept) > 50
        assert len(refused) > 50
        await spool.append([record(1_000)])
        server.start()
        await until(lambda: spool.waiting == 0)
    assert await written(server) == [*kept, 1_000]


async def test_a_broken_write_does_not_stop_the_others(hot: HotValkey, server: RestartableValkey, folder: Path) -> None:
    spool = Spool(hot, folder / "spool", slot="1", max_bytes=MB)
    async with Redis.from_url(server.url) as redis:
        await redis.set(keys.visitor("broken"), "no hash")
    async with spool.running():
        server.kill()
        for number in range(20):
            await view(spool, "broken" if number in {7, 8} else "a", f"p{number}")
            await spool.append([record(number)])
        server.start()
        await until(lambda: spool.waiting == 0)
    assert await written(server) == list(range(20))
    assert await viewed(server, "a") == [f"p{number}" for number in range(20) if number not in {7, 8}]
    (aside,) = (folder / "spool").glob("*.refused")
    lines = [orjson.loads(line) for line in aside.read_bytes().splitlines()]
    assert [(line["function"], line["args"][-2]) for line in lines] == [("replay_event", "p7"), ("replay_event", "p8")]
    assert aside.stat().st_mode & 0o777 == 0o600


async def test_who_gives_up_does_not_take_the_others_entries_along(
    hot: HotValkey, server: RestartableValkey, folder: Path
) -> None:
    spool = spool_of(hot, folder)
    async with spool.running():
        server.kill()
        await spool.append([record(0)])
        tasks = [asyncio.create_task(spool.append([record(number)])) for number in range(1, 50)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(result, asyncio.CancelledError) for result in results] == [n % 2 == 0 for n in range(49)]
        server.start()
        await until(lambda: spool.waiting == 0)
    assert await written(server) == list(range(50))


async def test_what_waits_when_a_worker_ends_is_done_by_the_next(
    hot: HotValkey, server: RestartableValkey, folder: Path
) -> None:
    server.kill()
    first, second = spool_of(hot, folder), spool_of(hot, folder)
    async with first.running():
        for number in range(20):
            await first.append([record(number)])
    server.start()
    async with second.running():
        await until(lambda: len(list((folder / "spool").iterdir())) == 1)
    assert await written(server) == list(range(20))
    assert list((folder / "spool").iterdir()) == []


async def test_a_file_of_a_later_version_is_left_alone(hot: HotValkey, folder: Path) -> None:
    later = create_file(folder / "spool", "2")
    path = later.path
    later.write([b"x"], 0)
    later.close()
    head = bytearray(path.read_bytes())
    sync = bytes(head[12:20])
    body = struct.pack(">8sHxx8sI", b"adspool\n", 2, sync, 0)
    head[:24] = struct.pack(">8sHxx8sI", b"adspool\n", 2, sync, zlib.crc32(body))
    path.write_bytes(head)
    spool = spool_of(hot, folder)
    async with spool.running():
        await spool.append([record(1)])
        await asyncio.sleep(0.1)
    assert path.read_bytes() == bytes(head)
