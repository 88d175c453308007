"""Claims against a model: whatever comes in whatever order, a real Valkey counts what a few lines of Python count."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adserver.model.profile import EPOCH, Claim, Count
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.visitors import ValkeyVisitors
from tests.contract.hot_link import hot_to

pytest_plugins = ["tests.contract.valkey_server"]

BEGIN = 200_000_000
LIMITS = {"a7": ((4, 300), (3, 100)), "f1": ((3, 100), (1, 7)), "p7:A": ((1, 50),), "d7:A": ((1_000_000, 200),)}


class Step(NamedTuple):
    """After ``wait_s``: ask for an ad that counts in ``counters``, to be seen within ``seen_within_s`` (0: counted for
    good); or, without counters, see the ad number ``sees`` of those that there were."""

    wait_s: int
    counters: tuple[str, ...]
    seen_within_s: int
    sees: int


STEPS = st.lists(
    st.builds(
        Step,
        wait_s=st.sampled_from([0, 0, 1, 6, 7, 30, 49, 50, 99, 100]),
        counters=st.sets(st.sampled_from(sorted(LIMITS))).map(lambda names: tuple(sorted(names))),
        seen_within_s=st.sampled_from([0, 1, 20, 60, 120]),
        sees=st.integers(0, 30),
    ),
    max_size=30,
)


@dataclass
class Taken:
    """One ad that was counted."""

    number: int
    at: int
    counters: tuple[str, ...]
    expires: int

    def is_final(self) -> bool:
        return not self.expires


@dataclass
class Model:
    """Remembers every ad, and counts those of a window one by one."""

    ads: list[Taken] = field(default_factory=list)
    begins: dict[tuple[str, int], int] = field(default_factory=dict)

    def take(self, number: int, now: int, counters: tuple[str, ...], expires: int) -> bool:
        self.give_back(now)
        windows = [(name, window_s, limit) for name in counters for limit, window_s in LIMITS[name]]
        if any(self.count(name, window_s, now) >= limit for name, window_s, limit in windows):
            return False
        for name, window_s, _ in windows:
            if not self.count(name, window_s, now):
                self.begins[name, window_s] = now
        if counters:
            self.ads.append(Taken(number, now, counters, expires))
            waiting = [ad for ad in self.ads if not ad.is_final()]
            if len(waiting) > 12:
                waiting[0].expires = 0
        return True

    def give_back(self, now: int) -> None:
        self.ads = [ad for ad in self.ads if ad.is_final() or now < ad.expires]

    def see(self, number: int) -> None:
        for ad in self.ads:
            if ad.number == number:
                ad.expires = 0

    def count(self, name: str, window_s: int, now: int) -> int:
        begin = self.begins.get((name, window_s))
        if begin is None or now >= begin + window_s:
            return 0
        return sum(name in ad.counters and ad.at >= begin and (ad.is_final() or now < ad.expires) for ad in self.ads)

    def counts(self, now: int) -> dict[tuple[str, int], int]:
        found = {(name, s): self.count(name, s, now) for name, limits in LIMITS.items() for _, s in limits}
        return {window: number for window, number in found.items() if number}


Play = Callable[[list[Step]], None]


@pytest.fixture(scope="module")
def play(valkey_url: str) -> Iterator[Play]:
    """Plays steps for a visitor of their own, on one connection for all."""
    loop = asyncio.new_event_loop()
    client = Valkey(valkey_url)
    loop.run_until_complete(client.redis.flushall())
    link = hot_to(valkey_url)
    visitors = ValkeyVisitors(loop.run_until_complete(link.__aenter__()), retention_s=86_400, new_visitor_s=60)
    numbers = count()
    yield lambda steps: loop.run_until_complete(same(visitors, f"v{next(numbers):021}", steps))
    loop.run_until_complete(link.__aexit__(None, None, None))
    loop.run_until_complete(client.close())
    loop.close()


async def same(visitors: ValkeyVisitors, visitor: str, steps: list[Step]) -> None:
    model, now = Model(), BEGIN
    for number, step in enumerate(steps):
        now += step.wait_s
        if step.counters:
            counts = tuple([Count(name, LIMITS[name]) for name in step.counters])
            expires = now + step.seen_within_s if step.seen_within_s else 0
            place = (await visitors.reserve(visitor, [Claim(counts, f"{number:05}", expires)], now + EPOCH)).place
            assert (place == 0) == model.take(number, now, step.counters, expires)
        else:
            if any(ad.number == step.sees and not ad.is_final() and now >= ad.expires for ad in model.ads):
                continue  # nobody says so: its token is too old
            await visitors.seen(visitor, f"{step.sees:05}")
            model.see(step.sees)
        for moment in (now, now + 1):
            frequency = (await visitors.read_visitor(visitor, moment + EPOCH)).frequency
            found = {
                (name, window.window_s): window.count
                for name, windows in frequency.items()
                for window in windows
                if moment < window.started_at + window.window_s
            }
            assert found == model.counts(moment)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_a_real_valkey_counts_as_the_model_does(play: Play, steps: list[Step]) -> None:
    play(steps)
