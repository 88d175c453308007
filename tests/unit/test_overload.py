"""When a worker refuses, whom first, and how it comes back."""

import asyncio
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from adserver.model.reason import NoAdReason
from adserver.web import overload
from adserver.web.context import Context
from adserver.web.door import Door, Shedding
from adserver.web.overload import CROWD, FIRST, MOST, PATIENCE, Load
from adserver.web.responses import Answer, no_content
from adserver.web.routes import Handlers, create_doors

TARGET_S = 0.008
QUICK_S, SLOW_S = TARGET_S / 2, TARGET_S * 2


def interval(load: Load, *, crowd: int, quickest_s: float) -> None:
    """An interval in which ``crowd`` requests were under way at once."""
    for _ in range(crowd):
        load.begin()
    for number in range(crowd):
        load.end(quickest_s * (1 + number))
    load._judge()


def in_loop(test: Callable[[Load], None]) -> None:
    async def run() -> None:
        load = Load(TARGET_S)
        test(load)
        if load._timer is not None:
            load._timer.cancel()

    asyncio.run(run())


def test_a_standing_queue_is_refused_after_some_intervals_and_not_before() -> None:
    def run(load: Load) -> None:
        for _ in range(PATIENCE - 1):
            interval(load, crowd=CROWD, quickest_s=SLOW_S)
        assert load.pressure == 0
        interval(load, crowd=CROWD, quickest_s=SLOW_S)
        assert load.pressure > 0

    in_loop(run)


@pytest.mark.parametrize(
    ("crowd", "quickest_s"),
    [(CROWD - 1, SLOW_S), (1, 10.0), (10_000, QUICK_S)],
    ids=["few and slow", "one that waits for a slow Valkey", "very many, and some are quick"],
)
def test_this_is_no_overload(crowd: int, quickest_s: float) -> None:
    def run(load: Load) -> None:
        for _ in range(100):
            interval(load, crowd=crowd, quickest_s=quickest_s)
        assert load.pressure == 0

    in_loop(run)


def test_bad_moments_with_good_ones_between_are_no_overload() -> None:
    def run(load: Load) -> None:
        for _ in range(50):
            for _ in range(PATIENCE - 1):
                interval(load, crowd=CROWD, quickest_s=SLOW_S)
            interval(load, crowd=CROWD, quickest_s=QUICK_S)
        assert load.pressure == 0

    in_loop(run)


def test_all_ads_are_refused_before_the_first_pixel() -> None:
    def run(load: Load) -> None:
        for hundredths in range(int(MOST * 100) + 1):
            load.pressure = hundredths / 100
            ads = sum(load.refuses(ad=True) for _ in range(1_000))
            pixels = sum(load.refuses(ad=False) for _ in range(1_000))
            assert pixels <= 1 or ads == 1_000
            assert ads == pytest.approx(min(1, load.pressure) * 1_000, abs=2)
            assert pixels == pytest.approx(max(0, load.pressure - 1) * 1_000, abs=2)

    in_loop(run)


def test_it_brakes_hard_and_lets_in_bit_by_bit() -> None:
    def run(load: Load) -> None:
        for _ in range(PATIENCE):
            interval(load, crowd=CROWD, quickest_s=SLOW_S)
        assert load.pressure == FIRST
        pressures = [load.pressure]
        for _ in range(20):
            interval(load, crowd=CROWD, quickest_s=QUICK_S)
            pressures.append(load.pressure)
        assert pressures == sorted(pressures, reverse=True)
        assert 1 < load.pressure < FIRST  # the crowd is still there
        interval(load, crowd=CROWD, quickest_s=SLOW_S)
        assert load.pressure > pressures[-1]
        for _ in range(20):
            interval(load, crowd=CROWD, quickest_s=SLOW_S)
        assert load.pressure == MOST

    in_loop(run)


def test_after_the_load_everything_is_as_before_within_ten_seconds() -> None:
    def run(load: Load) -> None:
        for _ in range(100):
            interval(load, crowd=CROWD, quickest_s=SLOW_S)
        needed = 0
        while load.pressure:
            interval(load, crowd=1, quickest_s=QUICK_S)
            needed += 1
        assert needed * overload.INTERVAL_S < 10
        assert not any(load.refuses(ad=True) for _ in range(10))

    in_loop(run)


def test_where_everything_is_refused_the_pressure_falls() -> None:
    def run(load: Load) -> None:
        load.pressure = 1.9
        load._judge()
        assert load.pressure < 1.9

    in_loop(run)


def test_it_judges_by_itself_and_rests_when_nothing_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overload, "INTERVAL_S", 0.01)

    async def slow(load: Load) -> None:
        load.begin()
        await asyncio.sleep(SLOW_S)
        load.end(SLOW_S)

    async def run() -> None:
        load = Load(TARGET_S)
        async with asyncio.timeout(20), asyncio.TaskGroup() as waves:
            while not load.pressure:
                for _ in range(CROWD):
                    waves.create_task(slow(load))
                await asyncio.sleep(0.005)
        async with asyncio.timeout(20):
            while load._timer is not None:  # noqa: ASYNC110  it has no event, and needs none
                await asyncio.sleep(0.005)
        assert load.pressure == 0

    asyncio.run(run())


PICTURES = ("/ad.png", "/ad.webp", "/ad.jpg")


class Waiting:
    """In place of all handlers: each answer has waited for another process, one for a little longer than the other."""

    def __init__(self) -> None:
        self.asked = 0

    def __getattr__(self, _: str) -> "Waiting":
        return self

    async def __call__(self, _: Context) -> Answer:
        self.asked += 1
        await asyncio.sleep(2 * TARGET_S + self.asked * 0.001)
        return Answer(200, [])


def doors_of(load: Load, handler: Any) -> dict[str, Door]:
    ads = Shedding(load, lambda: no_content(NoAdReason.OVERLOAD), ad=True)
    return create_doors(Handlers(**{field.name: handler for field in fields(Handlers)}), ads=ads)


async def most_pressure(load: Load, door: Door, crowd: int) -> float:
    """While so many wait."""
    context = Context("GET", "/", b"", {}, False, "")
    tasks = {asyncio.create_task(door.answer(context)) for _ in range(crowd)}
    most = 0.0
    while tasks:
        _, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        most = max(most, load.pressure)
    if load._timer is not None:
        load._timer.cancel()
    return most


@pytest.mark.parametrize("path", ["/ad", *PICTURES])
def test_pictures_that_are_being_drawn_are_no_overload_of_this_process(
    monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(overload, "INTERVAL_S", 0.01)

    async def run() -> float:
        load = Load(TARGET_S)
        return await most_pressure(load, doors_of(load, Waiting())[path], 3 * CROWD)

    pressure = asyncio.run(run())
    assert (pressure == 0) == (path in PICTURES)


@pytest.mark.parametrize("path", PICTURES)
def test_pictures_are_refused_as_ads_are(path: str) -> None:
    async def run() -> int:
        load, waiting = Load(TARGET_S), Waiting()
        door = doors_of(load, waiting)[path]
        load.pressure = 1.0
        answers = [await door.answer(Context("GET", "/", b"", {}, False, "")) for _ in range(10)]
        assert waiting.asked == 0
        return sum(answer.status == 204 for answer in answers)

    assert asyncio.run(run()) == 10
