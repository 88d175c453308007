"""When more is asked than can be answered in time: the cheapest right answer, for ads first and for pixels last.

A worker's queue is not seen from inside: it stands in the kernel. But each turn of the loop empties it, so it is as
long as what has arrived during the turn before, and how long a turn takes tells all of it. A moment's burst makes a
long turn or two; where each of many in a row is long, a queue is standing (the idea of CoDel, RFC 8289).

From then on the next turn is what the last one says: the longer it was, the more is refused, and a refusal is cheap. So
the turns find the length at which just as much is let in as can be answered, within a few turns of any change, and no
state is left behind that would have to be built up or forgotten.
"""

import asyncio
from time import perf_counter

PROBE_S = 0.01
"""So often it is measured how long a turn takes; where they are long, all of them are."""

CROWD = 64
"""Requests under way at once, below which a worker is never overloaded."""

PATIENCE = 3
"""Long turns before anything is refused, without a shorter one between."""

DRAINING = 0.8
"""A turn that is not even so many times as long as the one before: what has come while the worker paused is on its way
out by itself, and is no standing queue."""

CALM = 100
"""Measured turns in a row that were not long, before the next long ones may be a moment's burst again: a second."""

LONGEST = 4
"""A turn that is so many times as long as it may be: now all is refused that ever is."""

MOST = 1.95
"""One pixel in twenty is still recorded at worst."""


class Load:
    """How loaded this worker is. ``target_s``: how long a turn of the loop may take, more than 0.

    ``pressure`` is 0 normally; up to 1 it is the share of ads refused, and what is beyond 1 the share of pixels.
    """

    def __init__(self, target_s: float) -> None:
        self._target_s = target_s
        self.pressure = 0.0
        self._under_way = 0
        self._most = 0
        self._long = 0
        self._before = 0.0
        self._calm = 0
        self._is_standing = False
        self._owed = {True: 0.0, False: 0.0}
        self._timer: asyncio.TimerHandle | None = None
        self._turn_began = 0.0

    def refuses(self, *, ad: bool) -> bool:
        """Whether this one is to be refused: exactly the share that the pressure says, spread evenly."""
        share = min(1.0, self.pressure) if ad else max(0.0, self.pressure - 1)
        self._owed[ad] += share
        if self._owed[ad] < 1:
            return False
        self._owed[ad] -= 1
        return True

    def begin(self) -> None:
        """A request is under way."""
        self._under_way += 1
        if self._under_way > self._most:  # noqa: PLR1730  a call would double the cost
            self._most = self._under_way
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PROBE_S, self._probe)

    def end(self) -> None:
        """It is answered."""
        self._under_way -= 1

    def _probe(self) -> None:
        """A turn of the loop is what lies between two callbacks of which one calls for the other."""
        asyncio.get_running_loop().call_soon(self._turn_begins)

    def _turn_begins(self) -> None:
        self._turn_began = perf_counter()  # a loop's own time may stand still within a turn
        asyncio.get_running_loop().call_soon(self._turn_ends)

    def _turn_ends(self) -> None:
        self._judge(perf_counter() - self._turn_began)
        if self._long or self.pressure:  # the next one tells whether that was a moment's burst
            self._turn_begins()
            return
        idle = not (self._under_way or self._is_standing)
        self._timer = None if idle else asyncio.get_running_loop().call_later(PROBE_S, self._probe)

    def _judge(self, turn_s: float) -> None:
        """After each turn that was measured."""
        crowded = self._most >= CROWD
        before, self._before = self._before, turn_s
        self._most = self._under_way
        if turn_s > self._target_s and (crowded or self.pressure):
            self._calm = 0
            self._long += turn_s > before * DRAINING
            self._is_standing = self._is_standing or self._long >= PATIENCE
        else:
            self._long = 0
            self._calm += 1
            self._is_standing = self._is_standing and self._calm < CALM
        beyond = turn_s / self._target_s - 1 if self._is_standing and (crowded or self.pressure) else 0
        self.pressure = min(MOST, max(0.0, beyond * 2 / (LONGEST - 1)))
