"""What ads have caused: those who got them against those who would have got them.

Intervals are at 95 %. Of one rate: Wilson's score interval (Wilson 1927). Of the difference of two rates: Newcombe's
hybrid score interval (Newcombe 1998, method 10). Of their ratio: the adjusted log interval (Walter 1975), as Fagerland,
Lydersen and Laake (2015) compare them. Whether visitors were dealt as they should have been: Pearson's chi-square.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import erfc, exp, log, pi, sqrt
from typing import NamedTuple

Z = 1.959963984540054
"""95 % of a normal distribution are within so many standard deviations."""

ALARM = 0.001
"""A split that chance makes less often than this is no chance: something has gone wrong with the measurement."""

_FEWEST_EXPECTED = 5.0
"""With fewer visitors expected in an arm the chi-square distribution is no good approximation (Cochran 1954)."""


class Arm(NamedTuple):
    """``visitors`` who were met, how many of them bought since, their purchases, and the value of these in micros."""

    name: str
    visitors: int
    buyers: int
    purchases: int = 0
    value: int = 0

    @property
    def rate(self) -> float:
        """Buyers per visitor; 0 without visitors."""
        return self.buyers / self.visitors if self.visitors else 0.0


class Interval(NamedTuple):
    """Where the true number is, with a confidence of 95 %."""

    low: float
    high: float


class Lift(NamedTuple):
    """``arm`` against ``baseline``: buyers per visitor more (``difference``), the same as a share of the baseline's
    (``relative``, None where nobody of it bought), and how many buyers more there were for that."""

    arm: str
    baseline: str
    difference: float
    difference_interval: Interval
    relative: float | None
    relative_interval: Interval | None
    more_buyers: float
    more_buyers_interval: Interval
    more_value: float
    """Micros: what the arm's visitors bought for beyond what as many visitors of the baseline did. It has no interval:
    a few large orders may make all of it."""


class Verdict(StrEnum):
    """Whether visitors were dealt as they should have been."""

    AS_DEALT = "as dealt"
    TOO_FEW = "too few visitors to tell"
    SKEWED = "not as dealt"


class Balance(NamedTuple):
    """``p_value``: how often chance alone makes a split at least as uneven; None with too few visitors."""

    verdict: Verdict
    p_value: float | None


def lift_of(arm: Arm, baseline: Arm) -> Lift | None:
    """None while either of them has met nobody."""
    if not arm.visitors or not baseline.visitors:
        return None
    difference = arm.rate - baseline.rate
    around = newcombe(arm, baseline)
    return Lift(
        arm=arm.name,
        baseline=baseline.name,
        difference=difference,
        difference_interval=around,
        relative=difference / baseline.rate if baseline.buyers else None,
        relative_interval=adjusted_log(arm, baseline) if baseline.buyers else None,
        more_buyers=difference * arm.visitors,
        more_buyers_interval=Interval(around.low * arm.visitors, around.high * arm.visitors),
        more_value=arm.value - baseline.value * arm.visitors / baseline.visitors,
    )


def wilson(hits: int, tries: int) -> Interval:
    """Where a rate is of which ``hits`` of ``tries`` (at least 1) were seen."""
    rate, square = hits / tries, Z * Z
    middle = (rate + square / (2 * tries)) / (1 + square / tries)
    reach = Z * sqrt(rate * (1 - rate) / tries + square / (4 * tries * tries)) / (1 + square / tries)
    return Interval(max(0.0, middle - reach), min(1.0, middle + reach))


def newcombe(one: Arm, other: Arm) -> Interval:
    """Where the difference of the rates of ``one`` and ``other`` is."""
    (low, high), (other_low, other_high) = wilson(one.buyers, one.visitors), wilson(other.buyers, other.visitors)
    difference = one.rate - other.rate
    return Interval(
        difference - sqrt((one.rate - low) ** 2 + (other_high - other.rate) ** 2),
        difference + sqrt((high - one.rate) ** 2 + (other.rate - other_low) ** 2),
    )


def adjusted_log(one: Arm, other: Arm) -> Interval:
    """Where the ratio of the rates is, less 1: half a buyer and half a visitor are added to each arm; a whole one where
    everybody bought, else that would look like certainty."""
    hits, others = one.buyers + 0.5, other.buyers + 0.5
    added = 1.0 if one.buyers == one.visitors and other.buyers == other.visitors else 0.5
    tries, other_tries = one.visitors + added, other.visitors + added
    middle = log(hits / tries) - log(others / other_tries)
    reach = Z * sqrt(1 / hits - 1 / tries + 1 / others - 1 / other_tries)
    return Interval(exp(middle - reach) - 1, exp(middle + reach) - 1)


def balance_of(arms: Sequence[Arm], shares: Mapping[str, float]) -> Balance:
    """Whether the visitors of ``arms`` are split by ``shares`` (of any sum, over 0; an arm without one counts not)."""
    counted = [(arm.visitors, shares[arm.name]) for arm in arms if shares.get(arm.name, 0) > 0]
    visitors, whole = sum(count for count, _ in counted), sum(share for _, share in counted)
    expected = [visitors * share / whole for _, share in counted]
    if len(counted) < 2 or min(expected) < _FEWEST_EXPECTED:
        return Balance(Verdict.TOO_FEW, None)
    square = sum((count - due) ** 2 / due for (count, _), due in zip(counted, expected, strict=True))
    chance = chi_square_tail(square, len(counted) - 1)
    return Balance(Verdict.SKEWED if chance < ALARM else Verdict.AS_DEALT, chance)


def chi_square_tail(square: float, freedom: int) -> float:
    """How often a chi-square of so many degrees of freedom (1 or more) is at least ``square``."""
    half = square / 2
    if freedom % 2:
        tail, term, divisor = erfc(sqrt(half)), 2 * sqrt(half / pi) * exp(-half), 1.5
    else:
        tail, term, divisor = exp(-half), half * exp(-half), 2.0
    for step in range((freedom - 1) // 2):
        tail += term
        term *= half / (divisor + step)
    return tail
