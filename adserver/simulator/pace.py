"""How the time of a simulated world goes on: fast, but never so fast that the server can not follow."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from adserver.clock import FileClock

TICK_S = 0.002
"""How often the clock is set, in real seconds."""

LONGEST_TICK_S = 0.02
"""What this process slept through is not made up for."""

MOST_LATE_S = 300.0
"""The clock waits when a visit has begun so long ago, in its own seconds, and has not ended."""


class Pace:
    """Sets ``clock``; nobody else does."""

    def __init__(self, clock: FileClock) -> None:
        self._clock = clock
        self._under_way: dict[int, float] = {}
        self._numbers = count()
        self._allowed = clock()
        self._looked_at = time.monotonic()

    def __call__(self) -> float:
        """What the clock shows."""
        return self._clock()

    async def until(self, moment: float) -> None:
        """Let the clock go on until it shows ``moment``."""
        while self._clock() < moment:
            self._allow_more()
            self._clock.show(max(self._clock(), min(moment, self._allowed)))
            if self._allowed < moment:
                await asyncio.sleep(TICK_S)

    def _allow_more(self) -> None:
        """What the true time has brought since it was looked at, up to where the clock has to wait."""
        real = time.monotonic()
        ahead = min(real - self._looked_at, LONGEST_TICK_S) * self._clock.speed
        self._looked_at = real
        self._allowed = min(self._allowed + ahead, self._limit())

    @contextmanager
    def visit(self) -> Iterator[None]:
        """Something takes its course that began now."""
        number = next(self._numbers)
        self._under_way[number] = self._clock()
        try:
            yield
        finally:
            del self._under_way[number]

    def _limit(self) -> float:
        """The first that began is the first of them here."""
        return next(iter(self._under_way.values()), float("inf")) + MOST_LATE_S
