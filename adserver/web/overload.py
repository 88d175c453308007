"""When more is asked than can be answered in time: the cheapest right answer, for ads first and for pixels last.

A worker's queue is not seen from inside: it stands in the kernel. But what is under way tells of it. When not even the
quickest answer of an interval was quick, and many were under way, a queue is standing (the idea of CoDel, RFC 8289): a
moment's burst has quick ones among it, and a slow Valkey with few requests is not our overload.

A queue that stands takes long to go, so it is met with nearly all there is at once, and then let in again bit by bit.
"""

import asyncio
import math

INTERVAL_S = 0.05
CROWD = 64
"""Requests under way at once, below which a worker is never overloaded."""

PATIENCE = 3
"""Bad intervals in a row before anything is refused."""

FIRST = 1.8
_RISE = 0.2
_FALL_IN_CROWD = 0.02
_FALL = 0.1
MOST = 1.95
"""One pixel in twenty is still recorded at worst: without answers there would be nothing to judge by."""


class Load:
    """How loaded this worker is. ``target_s``: what the quickest answer may take.

    ``pressure`` is 0 normally; up to 1 it is the share of ads refused, and what is beyond 1 the share of pixels.
    """

    def __init__(self, target_s: float) -> None:
        self._target_s = target_s
        self.pressure = 0.0
        self._under_way = 0
        self._most = 0
        self._quickest = math.inf
        self._bad = 0
        self._owed = {True: 0.0, False: 0.0}
        self._timer: asyncio.TimerHandle | None = None

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
            self._timer = asyncio.get_running_loop().call_later(INTERVAL_S, self._judge)

    def end(self, took_s: float) -> None:
        """It is answered."""
        self._under_way -= 1
        if took_s < self._quickest:  # noqa: PLR1730  as above
            self._quickest = took_s

    def _judge(self) -> None:
        """End of an interval."""
        crowded = self._most >= CROWD
        if crowded and self._target_s < self._quickest < math.inf:
            self._bad += 1
            if self.pressure:
                self.pressure = min(MOST, max(self.pressure + _RISE, 1.0))
            elif self._bad >= PATIENCE:
                self.pressure = FIRST
        else:
            self._bad = 0
            self.pressure = max(0.0, self.pressure - (_FALL_IN_CROWD if crowded else _FALL))
        idle = not self._most and not self.pressure
        self._most, self._quickest = self._under_way, math.inf
        self._timer = None if idle else asyncio.get_running_loop().call_later(INTERVAL_S, self._judge)
