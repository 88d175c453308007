"""The time of a simulated world waits for those who can not follow."""

import asyncio
from pathlib import Path

from adserver.clock import make_clock
from adserver.simulator.pace import MOST_LATE_S, Pace


def test_time_goes_on_to_the_very_second(tmp_path: Path) -> None:
    async def go_on() -> None:
        pace = Pace(make_clock(tmp_path / "clock", 1_000.0, 100_000.0))
        await pace.until(2_345.5)
        assert pace() == 2_345.5
        await pace.until(2_000.0)
        assert pace() == 2_345.5

    asyncio.run(go_on())


def test_a_visit_that_does_not_end_holds_it_back(tmp_path: Path) -> None:
    async def hold() -> None:
        pace = Pace(make_clock(tmp_path / "clock", 0.0, 100_000.0))
        with pace.visit():
            far = asyncio.create_task(pace.until(10 * MOST_LATE_S))
            while pace() < MOST_LATE_S:  # noqa: ASYNC110  the clock has no event
                await asyncio.sleep(0)
            for _ in range(100):
                await asyncio.sleep(0.001)
            assert pace() == MOST_LATE_S
            assert not far.done()
        await far
        assert pace() == 10 * MOST_LATE_S

    asyncio.run(hold())
