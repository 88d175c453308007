"""Lift and its intervals: against published examples, and against truths that are known because they are made up."""

import random
from bisect import bisect_left
from collections.abc import Callable
from itertools import accumulate
from math import exp, isclose, lgamma, log, log1p

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adserver.reporting.lift import (
    Arm,
    Interval,
    Verdict,
    adjusted_log,
    balance_of,
    chi_square_tail,
    lift_of,
    newcombe,
    wilson,
)


def binomial(tries: int, rate: float, rng: random.Random) -> Callable[[], int]:
    """Draws from a binomial distribution."""
    chances = [
        exp(lgamma(tries + 1) - lgamma(k + 1) - lgamma(tries - k + 1) + k * log(rate) + (tries - k) * log1p(-rate))
        for k in range(tries + 1)
    ]
    sums = list(accumulate(chances))
    return lambda: min(bisect_left(sums, rng.random()), tries)


@pytest.mark.parametrize(
    ("hits", "tries", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_as_published(hits: int, tries: int, low: float, high: float) -> None:
    """Table I of Newcombe's paper on single proportions (1998), without continuity correction."""
    assert wilson(hits, tries) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 20), 0.6791, 1.0000),
    ],
)
def test_newcombe_as_published(one: tuple[int, int], other: tuple[int, int], low: float, high: float) -> None:
    """Table II of Newcombe's paper on differences (1998), method 10."""
    found = newcombe(Arm("a", one[1], one[0]), Arm("b", other[1], other[0]))
    assert found == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("treated", "ghosts", "rate", "effect"),
    [(1_900, 100, 0.03, 1.5), (9_500, 500, 0.03, 1.0), (4_000, 1_000, 0.02, 1.5), (500, 500, 0.2, 0.8)],
)
def test_the_truth_is_inside_as_often_as_promised(treated: int, ghosts: int, rate: float, effect: float) -> None:
    """1,000 made-up campaigns each, down to three expected buyers in the control group."""
    rng = random.Random(f"{treated}{ghosts}{rate}{effect}")
    bought, would_have = binomial(treated, rate * effect, rng), binomial(ghosts, rate, rng)
    difference = ratio = 0
    for _ in range(1_000):
        one, other = Arm("treated", treated, bought()), Arm("ghost", ghosts, would_have())
        low, high = newcombe(one, other)
        difference += low <= rate * (effect - 1) <= high
        low, high = adjusted_log(one, other)
        ratio += low <= effect - 1 <= high
    assert difference >= 930
    assert ratio >= 930


def test_lift_of_one_arm_over_another() -> None:
    found = lift_of(Arm("treated", 1_000, 60, 70, 9_000_000), Arm("ghost", 100, 5, 5, 500_000))
    assert found is not None
    assert found.difference == pytest.approx(0.01)
    assert found.relative == pytest.approx(0.2)
    assert found.more_buyers == pytest.approx(10)
    assert found.more_value == pytest.approx(4_000_000)
    low, high = found.difference_interval
    assert found.more_buyers_interval == pytest.approx(Interval(low * 1_000, high * 1_000))


def test_what_can_not_be_told_is_not_told() -> None:
    assert lift_of(Arm("treated", 0, 0), Arm("ghost", 10, 1)) is None
    assert lift_of(Arm("treated", 10, 1), Arm("ghost", 0, 0)) is None
    found = lift_of(Arm("treated", 100, 5), Arm("ghost", 100, 0))
    assert found is not None
    assert (found.relative, found.relative_interval) == (None, None)
    assert found.difference == 0.05


arms = st.integers(1, 10**7).flatmap(
    lambda visitors: st.builds(Arm, st.just("x"), st.just(visitors), st.integers(0, visitors))
)


@given(arms, arms)
def test_intervals_hold_what_was_seen_and_make_sense(one: Arm, other: Arm) -> None:
    low, high = newcombe(one, other)
    assert -1 - 1e-9 <= low <= one.rate - other.rate + 1e-9
    assert one.rate - other.rate - 1e-9 <= high <= 1 + 1e-9
    turned = newcombe(other, one)
    assert isclose(turned.low, -high, abs_tol=1e-9)
    assert isclose(turned.high, -low, abs_tol=1e-9)
    low, high = adjusted_log(one, other)
    assert -1 <= low < high


@pytest.mark.parametrize(
    ("freedom", "square"),
    [(1, 3.841458821), (2, 5.991464547), (3, 7.814727903), (4, 9.487729037), (5, 11.07049769), (7, 14.06714045)],
)
def test_chi_square_at_the_points_of_the_tables(freedom: int, square: float) -> None:
    assert chi_square_tail(square, freedom) == pytest.approx(0.05, abs=1e-8)
    assert chi_square_tail(0, freedom) == 1


def split(**visitors: int) -> list[Arm]:
    return [Arm(name, count, 0) for name, count in visitors.items()]


def test_a_split_as_dealt_and_one_that_is_not() -> None:
    shares = {"treated": 0.95, "ghost": 0.05}
    assert balance_of(split(treated=9_500, ghost=500), shares).verdict is Verdict.AS_DEALT
    assert balance_of(split(treated=9_560, ghost=440), shares).verdict is Verdict.AS_DEALT
    skewed = balance_of(split(treated=9_600, ghost=400), shares)
    assert skewed.verdict is Verdict.SKEWED
    assert skewed.p_value is not None
    assert skewed.p_value < 1e-5
    assert balance_of(split(treated=60, ghost=0), shares).verdict is Verdict.TOO_FEW
    assert balance_of(split(treated=600, ghost=0), shares).verdict is Verdict.SKEWED
    assert balance_of([], shares).verdict is Verdict.TOO_FEW


def test_arms_that_nobody_is_dealt_to_do_not_count() -> None:
    assert balance_of(split(a=500, b=500, gone=300), {"a": 1, "b": 1}).verdict is Verdict.AS_DEALT
    assert balance_of(split(a=500, b=500), {"a": 1, "b": 1, "c": 0}).verdict is Verdict.AS_DEALT
    assert balance_of(split(a=500, b=500, c=0), {"a": 1, "b": 1, "c": 1}).verdict is Verdict.SKEWED


def test_false_alarms_are_as_rare_as_promised() -> None:
    rng = random.Random(7)
    ghosts = binomial(2_000, 0.05, rng)
    alarms = 0
    for _ in range(3_000):
        count = ghosts()
        found = balance_of(split(treated=2_000 - count, ghost=count), {"treated": 0.95, "ghost": 0.05})
        alarms += found.verdict is Verdict.SKEWED
    assert alarms <= 12
