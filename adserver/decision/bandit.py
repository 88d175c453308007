"""How probable it is that each of several designs is the best one: Thompson sampling without throwing dice.

Who draws a click rate for each design from what is known of it, and shows the design with the highest, shows each one
as often as it is probable that it is the best. That probability is worked out here, by numerical integration, so that
it can be logged with each draw, and so that the draw itself is a lookup.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from math import exp, log, log1p, prod, sqrt
from typing import NamedTuple

FLOOR = 0.01
"""No design is drawn less often: what the bad ones would do by now stays known."""

_POINTS = 20
"""For each design, to either side of its peak."""
_REACH = 5.0
"""Standard deviations they cover; what lies beyond is less than a millionth."""
_LONG_TAIL = 12.0
"""A side on which few clicks, or few misses, tell little goes on until its density is about exp(-12) of the peak."""


class Beta(NamedTuple):
    """What is known of a click rate: as if ``hits`` of ``hits + misses`` impressions had been clicked; both above 0."""

    hits: float
    misses: float


def propensities(arms: Sequence[Beta]) -> tuple[float, ...]:
    """How often each arm (1 to 8 of them) is to be drawn: as often as it is the best one, but at least FLOOR. The sum
    is 1."""
    if len(arms) == 1:
        return (1.0,)
    left = 1 - FLOOR * len(arms)
    return tuple(FLOOR + left * share for share in best_of(arms))


def best_of(arms: Sequence[Beta]) -> tuple[float, ...]:
    """The probability of each arm (2 or more) that its rate is the highest: good to about 0.002, sum 1.

    On the scale of log-odds, where such a density has one smooth peak, however few clicks there were.
    """
    points = sorted({point for arm in arms for point in _points(arm)})
    logs = [-log1p(exp(-point)) if point > 0 else point - log1p(exp(point)) for point in points]
    below = [_cumulated(arm, points, logs) for arm in arms]
    # An arm is the best one where all others are below it: its own share of each step, times theirs.
    shares = []
    for place, own in enumerate(below):
        others = [prod(at) for at in zip(*below[:place], *below[place + 1 :], strict=True)]
        steps = zip(pairwise(own), pairwise(others), strict=True)
        shares.append(sum((end - start) * (low + high) for (start, end), (low, high) in steps))
    whole = sum(shares)
    return tuple(share / whole for share in shares)


def _points(arm: Beta) -> Iterator[float]:
    """Where to look at the arm's density: closer together around its peak."""
    peak = log(arm.hits / arm.misses)
    spread = _REACH * sqrt(1 / arm.hits + 1 / arm.misses)
    down, up = spread + _LONG_TAIL / arm.hits, spread + _LONG_TAIL / arm.misses
    for step in range(1, _POINTS + 1):
        far = (step / _POINTS) ** 1.5
        yield peak - down * far
        yield peak + up * far
    yield peak


def _cumulated(arm: Beta, points: Sequence[float], logs: Sequence[float]) -> list[float]:
    """The probability that the arm's rate is below each point; ``logs`` are the logarithms of the points' rates."""
    hits, misses = arm
    peak = hits * log(hits / (hits + misses)) + misses * log(misses / (hits + misses))
    densities = [exp(hits * rate + misses * (rate - point) - peak) for point, rate in zip(points, logs, strict=True)]
    steps = ((b - a) * (low + high) for (a, b), (low, high) in zip(pairwise(points), pairwise(densities), strict=True))
    sums = list(accumulate(steps, initial=0.0))
    return [at / sums[-1] for at in sums]
