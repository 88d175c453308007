"""The processes that decode pictures: bounded, told nothing, and gone when they do harm."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from PIL import Image

from adserver.creative.picture_order import PictureRefused, Refusal
from adserver.service.picture_pool import PicturePool, PicturesBusy
from adserver.service.process_pool import MAX_WAITING
from tests.shop import encoded, shoe

HOSTILE = Path(__file__).parents[2].parent / "shared" / "data" / "security" / "images"
SHOE = encoded(shoe())

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """As the server runs."""
    return "asyncio"


@asynccontextmanager
async def running_pool(
    processes: int = 1, deadline_s: float = 10.0, idle_s: float = 60.0
) -> AsyncIterator[PicturePool]:
    pool = PicturePool(processes, deadline_s=deadline_s, idle_s=idle_s)
    try:
        yield pool
    finally:
        await pool.close()


def process_of(pool: PicturePool) -> int:
    return pool.pool.idle[-1].process.pid


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not done():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def refusal(pool: PicturePool, raw: bytes) -> Refusal:
    with pytest.raises(PictureRefused) as refused:
        await pool.make(raw, 300, 300, "webp")
    return refused.value.refusal


async def test_pictures_come_back_and_so_do_refusals() -> None:
    async with running_pool() as pool:
        assert not pool.pool.idle  # nothing is started ahead of need
        assert (await pool.make(SHOE, 86, 120, "webp"))[8:12] == b"WEBP"
        assert (await pool.make(SHOE, 86, 120, "jpeg"))[:2] == b"\xff\xd8"
        assert await refusal(pool, b"<html>") is Refusal.NOT_A_PICTURE
        assert await refusal(pool, SHOE[:2_000]) is Refusal.DAMAGED
        assert len(pool.pool.idle) == 1


async def test_hostile_pictures_end_in_a_picture_or_a_refusal() -> None:
    if not HOSTILE.is_dir():
        pytest.skip(f"the published hostile images are not at hand ({HOSTILE})")
    files = [file for file in sorted(HOSTILE.iterdir()) if file.is_file()]
    assert len(files) > 40
    async with running_pool() as pool:
        await pool.make(SHOE, 8, 8, "webp")
        process = process_of(pool)
        for file in files:
            began = time.monotonic()
            with suppress(PictureRefused):
                assert await pool.make(file.read_bytes(), 300, 300, "webp")
            assert time.monotonic() - began < 2, file
        assert process_of(pool) == process  # none of them took the process with it
        assert peak_mb(process) < 200


def peak_mb(pid: int) -> float:
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1_024


async def test_pictures_that_take_much_memory_are_refused_within_its_bound() -> None:
    """Compressed to little, and within the pixels that are allowed."""
    large = encoded(Image.new("RGBA", (4_990, 4_990), (9, 99, 9, 99)), "PNG", compress_level=1)
    async with running_pool() as pool:
        assert await refusal(pool, large) is Refusal.TOO_LARGE
        assert peak_mb(process_of(pool)) < 200
        assert await pool.make(SHOE, 86, 120, "webp")


async def test_a_process_that_hangs_is_replaced() -> None:
    async with running_pool(deadline_s=0.3) as pool:
        await first_picture(pool)
        stuck = process_of(pool)
        os.kill(stuck, signal.SIGSTOP)
        assert await refusal(pool, SHOE) is Refusal.HARMFUL
        await until(lambda: not is_there(stuck))
        await first_picture(pool)
        assert process_of(pool) != stuck


async def first_picture(pool: PicturePool) -> None:
    """The start of a process may take longer than the deadline of a test."""
    for _ in range(40):
        try:
            await pool.make(SHOE, 86, 120, "webp")
        except PictureRefused:
            continue
        return
    raise AssertionError("no process could make a picture")


async def test_a_process_that_dies_at_work_costs_one_picture() -> None:
    async with running_pool(2) as pool:
        await pool.make(SHOE, 86, 120, "webp")
        process = process_of(pool)
        os.kill(process, signal.SIGSTOP)
        asked = asyncio.create_task(pool.make(SHOE, 86, 120, "webp"))
        await until(lambda: not pool.pool.idle)
        os.kill(process, signal.SIGKILL)
        with pytest.raises(PictureRefused, match="harmful"):
            await asked
        assert await pool.make(SHOE, 86, 120, "webp")


async def test_a_process_that_died_idle_costs_nothing() -> None:
    async with running_pool() as pool:
        await pool.make(SHOE, 86, 120, "webp")
        worker = pool.pool.idle[-1]
        os.kill(worker.process.pid, signal.SIGKILL)
        await worker.process.wait()
        assert await pool.make(SHOE, 86, 120, "webp")


async def test_a_caller_that_gives_up_leaves_no_answer_to_the_next() -> None:
    async with running_pool() as pool:
        await pool.make(SHOE, 86, 120, "webp")
        os.kill(process_of(pool), signal.SIGSTOP)
        asked = asyncio.create_task(pool.make(SHOE, 86, 120, "webp"))
        await until(lambda: not pool.pool.idle)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert (await pool.make(SHOE, 86, 120, "jpeg"))[:2] == b"\xff\xd8"


async def test_too_many_do_not_wait() -> None:
    async with running_pool() as pool:
        await pool.make(SHOE, 86, 120, "webp")
        os.kill(process_of(pool), signal.SIGSTOP)
        asked = [asyncio.create_task(pool.make(SHOE, 86, 120, "webp")) for _ in range(MAX_WAITING + 1)]
        await asyncio.sleep(0)
        await until(lambda: pool.pool.waiting == MAX_WAITING)
        with pytest.raises(PicturesBusy):
            await pool.make(SHOE, 86, 120, "webp")
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


async def test_processes_without_work_end_and_all_end_with_the_pool() -> None:
    async with running_pool(idle_s=0.05) as pool:
        await pool.make(SHOE, 86, 120, "webp")
        await until(lambda: not pool.pool.idle)
        await pool.make(SHOE, 86, 120, "webp")
        last = process_of(pool)
    await until(lambda: not is_there(last))


async def test_a_process_has_no_rights_and_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADSERVER_SECRET", "a secret of more than thirty-two characters")
    async with running_pool() as pool:
        await pool.make(SHOE, 86, 120, "webp")
        folder = Path(f"/proc/{process_of(pool)}")
        assert b"ADSERVER" not in (folder / "environ").read_bytes()
        limits = {line[:25].strip(): line[25:].split()[0] for line in (folder / "limits").read_text().splitlines()}
        assert limits["Max open files"] == "3"
        assert limits["Max file size"] == "0"
        assert limits["Max core file size"] == "0"
        assert 1 <= int(limits["Max cpu time"]) <= 6
        assert int(limits["Max address space"]) < 600_000_000
        assert int((folder / "stat").read_text().rpartition(")")[2].split()[16]) == 10  # its niceness


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    yield
    mine = [pid for pid in Path("/proc").iterdir() if pid.name.isdigit() and b"picture_process" in command(pid)]
    assert [pid.name for pid in mine if parent(pid) == os.getpid()] == []


def command(folder: Path) -> bytes:
    try:
        return (folder / "cmdline").read_bytes()
    except OSError:
        return b""


def parent(folder: Path) -> int:
    try:
        return int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
