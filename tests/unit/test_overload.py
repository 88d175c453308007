"""When a worker refuses, whom first, and how it comes back."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import pytest

from adserver.model.reason import NoAdReason
from adserver.web.context import Context
from adserver.web.door import Door, Shedding
from adserver.web.head import Head
from adserver.web.overload import CALM, CROWD, LONGEST, MOST, PATIENCE, PROBE_S, Load
from adserver.web.responses import Answer, no_content
from adserver.web.routes import Handlers, create_doors

TARGET_S = 0.004
SHORT_S, LONG_S = TARGET_S / 2, TARGET_S * 2


def turn(load: Load, *, crowd: int, turn_s: float) -> float:
    """A turn in which ``crowd`` requests were under way at once; the pressure after it."""
    load._most = crowd
    load._judge(turn_s)
    return load.pressure


def test_a_standing_queue_is_refused_after_some_turns_and_not_before() -> None:
    load = Load(TARGET_S)
    assert [turn(load, crowd=CROWD, turn_s=LONG_S) for _ in range(PATIENCE - 1)] == [0] * (PATIENCE - 1)
    assert turn(load, crowd=CROWD, turn_s=LONG_S) > 0


@pytest.mark.parametrize(
    ("crowd", "turn_s"),
    [(CROWD - 1, LONG_S), (1, 10.0), (10_000, SHORT_S), (10_000, TARGET_S)],
    ids=["few and slow", "a long pause and one who waits", "very many, and quick", "as long as it may be"],
)
def test_this_is_no_overload(crowd: int, turn_s: float) -> None:
    load = Load(TARGET_S)
    assert not any(turn(load, crowd=crowd, turn_s=turn_s) for _ in range(100))


def test_long_turns_with_short_ones_between_are_no_overload() -> None:
    load = Load(TARGET_S)
    for _ in range(50):
        assert not any(turn(load, crowd=CROWD, turn_s=LONG_S) for _ in range(PATIENCE - 1))
        assert not turn(load, crowd=CROWD, turn_s=SHORT_S)


def test_the_longer_a_turn_the_more_is_refused() -> None:
    load = Load(TARGET_S)
    for _ in range(PATIENCE):
        turn(load, crowd=CROWD, turn_s=LONG_S)
    pressures = [turn(load, crowd=CROWD, turn_s=TARGET_S * tenths / 10) for tenths in range(1, 10 * LONGEST + 1)]
    assert pressures == sorted(pressures)
    assert pressures[9] == 0
    assert pressures[10] > 0
    assert pressures[-1] == MOST
    assert turn(load, crowd=CROWD, turn_s=TARGET_S * (1 + LONGEST) / 2) == pytest.approx(1)  # all ads and no pixel


def test_a_queue_that_was_standing_is_met_at_once_until_all_was_calm_for_a_second() -> None:
    load = Load(TARGET_S)
    for _ in range(PATIENCE):
        turn(load, crowd=CROWD, turn_s=LONG_S)
    for _ in range(CALM - 1):
        assert turn(load, crowd=1, turn_s=SHORT_S) == 0
    assert turn(load, crowd=CROWD, turn_s=LONG_S) > 0
    for _ in range(CALM):
        turn(load, crowd=1, turn_s=SHORT_S)
    assert turn(load, crowd=CROWD, turn_s=LONG_S) == 0


def test_a_pause_soon_after_a_queue_is_none_where_hardly_anybody_waits() -> None:
    load = Load(TARGET_S)
    for _ in range(PATIENCE):
        turn(load, crowd=CROWD, turn_s=LONG_S)
    assert turn(load, crowd=CROWD, turn_s=SHORT_S) == 0
    assert turn(load, crowd=1, turn_s=10 * LONG_S) == 0


def test_all_ads_are_refused_before_the_first_pixel() -> None:
    load = Load(TARGET_S)
    for hundredths in range(int(MOST * 100) + 1):
        load.pressure = hundredths / 100
        ads = sum(load.refuses(ad=True) for _ in range(1_000))
        pixels = sum(load.refuses(ad=False) for _ in range(1_000))
        assert pixels <= 1 or ads == 1_000
        assert ads == pytest.approx(min(1, load.pressure) * 1_000, abs=2)
        assert pixels == pytest.approx(max(0, load.pressure - 1) * 1_000, abs=2)


AD_S, PIXEL_S, REFUSAL_S = 300e-6, 65e-6, 28e-6
ADS = 0.15
PEAK = 1 / (ADS * AD_S + (1 - ADS) * PIXEL_S)
"""Requests per second that can be answered in full."""


@dataclass
class Worker:
    """A worker by what its requests cost: each turn finishes what the last one began, and begins what has arrived
    during it."""

    load: Load = field(default_factory=lambda: Load(TARGET_S))
    now: float = 0.0
    due: float = 0.0
    took: list[float] = field(default_factory=list)
    answered: int = 0
    refused: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    _under_way: list[tuple[float, bool]] = field(default_factory=list)
    _dice: random.Random = field(default_factory=lambda: random.Random(1))
    _probed: float = 0.0

    def run(self, rate: float, seconds: float) -> "Worker":
        """Requests at a constant rate; what came of them is what stands in the fields afterwards."""
        self.took, self.answered, self.refused = [], 0, {True: 0, False: 0}
        end = self.now + seconds
        while self.now < end:
            self._turn(rate)
        return self

    def percentile(self, share: float) -> float:
        return sorted(self.took)[int(share * (len(self.took) - 1))]

    def _turn(self, rate: float) -> None:
        began = self.now = max(self.now, self.due) if not self._under_way else self.now
        done, self._under_way, ended = self._under_way, [], []
        cost = 20e-6 + sum((AD_S if ad else PIXEL_S) / 2 for _, ad in done)
        while self.due <= began:
            ad = self._dice.random() < ADS
            if self.load.pressure and self.load.refuses(ad=ad):
                self.refused[ad] += 1
                ended.append(self.due)
                cost += REFUSAL_S
            else:
                self._under_way.append((self.due, ad))
                cost += (AD_S if ad else PIXEL_S) / 2
            self.due += 1 / rate
        self.now += cost
        self.answered += len(done)
        self.took += [self.now - due for due in (*(due for due, _ in done), *ended)]
        self.load._under_way = len(self._under_way)
        self.load._most = max(self.load._most, len(done), len(self._under_way))
        if self.load._long or self.now - self._probed >= PROBE_S:
            self._probed = self.now
            self.load._judge(cost)


@pytest.mark.parametrize("factor", [0.3, 0.6, 0.9])
def test_below_the_peak_nothing_is_refused(factor: float) -> None:
    worker = Worker().run(PEAK * factor, 3)
    assert worker.refused == {True: 0, False: 0}


@pytest.mark.parametrize(("factor", "most_s"), [(1.1, 0.03), (1.5, 0.05), (2.0, 0.07), (2.5, 0.1)])
def test_beyond_the_peak_all_are_answered_soon_and_ads_are_refused_first(factor: float, most_s: float) -> None:
    worker = Worker().run(PEAK * factor, 5)
    assert worker.percentile(0.99) < most_s
    assert worker.refused[True] > 0
    if worker.refused[False] > 0.01 * worker.answered:  # then hardly any ad is answered
        assert worker.refused[True] > 0.95 * ADS * len(worker.took)
    busy = worker.answered * PIXEL_S * (1 - ADS) + sum(worker.refused.values()) * REFUSAL_S
    assert busy > 0.5 * 5  # refusing is no end in itself


@pytest.mark.parametrize("come", [300, 1_000])
def test_what_has_come_in_a_burst_or_while_the_worker_paused_is_answered(come: int) -> None:
    worker = Worker().run(PEAK / 2, 1)
    worker.due -= come / (PEAK / 2)
    worker.run(PEAK / 2, 1)
    assert sum(worker.refused.values()) <= 0.01 * come
    assert worker.percentile(1) > 10 * TARGET_S


def test_after_the_load_all_is_as_before_at_once() -> None:
    worker = Worker()
    before = worker.run(PEAK * 0.5, 2).percentile(0.99)
    assert worker.run(PEAK * 2, 5).load.pressure > 1
    worker.run(PEAK * 0.5, 0.2)
    after = worker.run(PEAK * 0.5, 2)
    assert after.refused == {True: 0, False: 0}
    assert after.percentile(0.99) <= 1.2 * before


def in_loop(work_s: float, requests: int, turns: int) -> Load:
    """A worker whose loop is kept busy for ``work_s`` in each of ``turns``, with so many requests under way."""

    async def run() -> Load:
        load = Load(TARGET_S)
        for _ in range(requests):
            load.begin()
        pressures = []
        for _ in range(turns):
            time.sleep(work_s)  # noqa: ASYNC251  the work of a turn
            pressures.append(load.pressure)
            await asyncio.sleep(0)
        for _ in range(requests):
            load.end()
        worst = max(pressures)
        async with asyncio.timeout(30):
            while load._timer is not None:  # noqa: ASYNC110  it has no event, and needs none
                await asyncio.sleep(0.01)
        assert load.pressure == 0
        load.pressure = worst
        return load

    return asyncio.run(run())


def test_it_measures_turns_by_itself_and_rests_when_nothing_comes() -> None:
    assert in_loop(3 * TARGET_S, CROWD, 20).pressure > 0
    assert in_loop(3 * TARGET_S, CROWD - 1, 20).pressure == 0


PICTURES = ("/ad.png", "/ad.webp", "/ad.jpg")


class Waiting:
    """In place of all handlers: each answer has waited for something else than this process."""

    def __init__(self) -> None:
        self.asked = 0

    def __getattr__(self, _: str) -> "Waiting":
        return self

    async def __call__(self, _: Context) -> Answer:
        self.asked += 1
        await asyncio.sleep(10 * TARGET_S)
        return Answer(200, [])


def doors_of(load: Load, handler: Any) -> dict[str, Door]:
    ads = Shedding(load, lambda _: no_content(NoAdReason.OVERLOAD), ad=True)
    return create_doors(Handlers(**{each.name: handler for each in fields(Handlers)}), ads=ads)


def asked(door: Door, times: int) -> Callable[[], Any]:
    async def ask() -> list[Answer]:
        context = Context("GET", "/", b"", Head({}), False, "")
        return list(await asyncio.gather(*[door.answer(context) for _ in range(times)]))

    return ask


@pytest.mark.parametrize("path", ["/ad", *PICTURES])
def test_who_waits_for_valkey_or_another_process_is_no_overload_of_this_one(path: str) -> None:
    load, waiting = Load(1.0), Waiting()  # a turn of a second: more than any pause of the machine
    answers = asyncio.run(asked(doors_of(load, waiting)[path], 3 * CROWD)())
    assert {answer.status for answer in answers} == {200}
    assert load.pressure == 0


@pytest.mark.parametrize("path", ["/ad", *PICTURES])
def test_pictures_are_refused_as_ads_are(path: str) -> None:
    load, waiting = Load(TARGET_S), Waiting()
    load.pressure = 1.0
    answers = asyncio.run(asked(doors_of(load, waiting)[path], 10)())
    assert {answer.status for answer in answers} == {204}
    assert waiting.asked == 0
