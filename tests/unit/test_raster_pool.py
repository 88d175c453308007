"""The processes that draw banners: bounded, without rights, and as good as drawing here."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from adserver.creative.raster.banner_picture import BannerNotDrawn, PictureTile
from adserver.creative.raster.draw import draw
from adserver.service.process_pool import ANSWER, MAX_ANSWER_BYTES, ProcessLost, ProcessPool
from adserver.service.raster_pool import RasterPool
from tests.banner_pictures import BANNER, CREATIVES, DESIGNS, TILE

HOSTILE = Path(__file__).parents[2].parent / "shared" / "data" / "security" / "images"

pytestmark = pytest.mark.anyio


async def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not done():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@pytest.fixture
def anyio_backend() -> str:
    """As the server runs."""
    return "asyncio"


@pytest.fixture
async def pool() -> AsyncIterator[RasterPool]:
    running = RasterPool(CREATIVES, deadline_s=30)
    try:
        yield running
    finally:
        await running.close()


async def test_every_design_and_script_is_drawn_without_opening_a_file(pool: RasterPool) -> None:
    """The fonts that such a title needs were opened before; what was not would look otherwise than here."""
    title = "Wanderstiefel 登山靴 حذاء נעל รองเท้า जूते 등산화 👟 Обувь"
    for creative in (*DESIGNS, "none"):
        banner = BANNER._replace(creative=creative, tiles=(TILE._replace(title=title),) * 3)
        for density in (1, 2):
            wanted = banner._replace(density=density)
            assert await pool.draw(wanted) == draw(wanted, DESIGNS)
    process = pool.pool.idle[-1].process.pid
    limits = (Path("/proc") / str(process) / "limits").read_text()
    assert "Max open files            3 " in limits
    assert "Max file size             0 " in limits


async def test_what_can_not_be_drawn_is_told(pool: RasterPool) -> None:
    with pytest.raises(BannerNotDrawn, match="size: expected"):
        await pool.draw(BANNER._replace(size="none"))
    assert await pool.draw(BANNER)


async def test_hostile_pictures_cost_a_letter(pool: RasterPool) -> None:
    if not HOSTILE.is_dir():
        pytest.skip(f"the published hostile images are not at hand ({HOSTILE})")
    files = [file for file in sorted(HOSTILE.iterdir()) if file.is_file()]
    assert len(files) > 40
    for start in range(0, len(files), 4):
        tiles = tuple([PictureTile("A", "1", picture=file.read_bytes()) for file in files[start : start + 4]])
        began = time.monotonic()
        assert (await pool.draw(BANNER._replace(tiles=tiles)))[:4] == b"\x89PNG"
        assert time.monotonic() - began < 5
    peak = (Path("/proc") / str(pool.pool.idle[-1].process.pid) / "status").read_text().split("VmHWM:")[1].split()[0]
    assert int(peak) < 250 * 1_024


def counted(name: str) -> dict[str, float]:
    """Value by what the processes do."""
    return {work: REGISTRY.get_sample_value(name, {"work": work}) or 0 for work in ("decode", "draw")}


async def test_a_process_that_dies_at_work_costs_one_picture(pool: RasterPool) -> None:
    lost, waited = counted("adserver_picture_processes_lost_total"), counted("adserver_picture_wait_seconds_count")
    await pool.draw(BANNER)
    process = pool.pool.idle[-1].process.pid
    os.kill(process, signal.SIGSTOP)
    asked = asyncio.create_task(pool.draw(BANNER))
    await until(lambda: not pool.pool.idle)
    os.kill(process, signal.SIGKILL)
    with pytest.raises(BannerNotDrawn, match="its process died"):
        await asked
    assert await pool.draw(BANNER)
    assert counted("adserver_picture_processes_lost_total") == lost | {"draw": lost["draw"] + 1}
    assert counted("adserver_picture_wait_seconds_count") == waited | {"draw": waited["draw"] + 3}


async def test_a_process_that_says_far_too_much_is_ended() -> None:
    """Whoever has taken it over does not fill this one's memory."""
    pool = ProcessPool("none", work="draw", processes=1, deadline_s=30, idle_s=30)
    told = ANSWER.pack(1, MAX_ANSWER_BYTES + 1)
    endless = (
        f"import sys; sys.stdin.buffer.read(1); sys.stdout.buffer.write({told!r})\nwhile True: print('x' * 65_536)"
    )
    pool._command = (sys.executable, "-c", endless)
    began = time.monotonic()
    with pytest.raises(ProcessLost):
        await pool.ask(b"1")
    assert time.monotonic() - began < 10
    assert not pool.idle
    await asyncio.wait_for(pool.close(), 20)


async def test_one_that_is_ended_while_nobody_reads_what_it_says_has_ended() -> None:
    pool = ProcessPool("none", work="draw", processes=1, deadline_s=30, idle_s=30)
    pool._command = (sys.executable, "-c", "while True: print('x' * 65_536)")
    worker = await pool._worker()
    said = worker._answers
    async with asyncio.timeout(20):
        while len(said._buffer) <= 2 * said._limit:  # type: ignore[attr-defined]  # noqa: ASYNC110  read ahead
            await asyncio.sleep(0.01)
    pool._end(worker)
    await asyncio.wait_for(pool.close(), 20)
    assert worker.process.returncode is not None
