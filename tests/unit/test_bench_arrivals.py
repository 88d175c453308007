"""The open loop's timetable."""

from itertools import pairwise
from random import Random
from statistics import fmean

import pytest

from benchmarks.arrivals import S, constant, poisson


@pytest.mark.parametrize("rate", [1, 3, 999, 30_000])
def test_constant_arrivals_are_even_and_do_not_drift(rate: int) -> None:
    times = list(constant(rate, 2))
    assert len(times) == 2 * rate
    assert times[0] == 0
    assert times[rate] == S
    gaps = {after - before for before, after in pairwise(times)}
    assert max(gaps) - min(gaps) <= 1


def test_arrivals_may_begin_later() -> None:
    assert list(constant(2, 1, begin=5 * S)) == [5 * S, 5 * S + S // 2]
    assert next(poisson(10, 1_000, Random(1), begin=5 * S)) > 5 * S


def test_poisson_arrivals_rise_end_in_time_and_have_the_gaps_of_their_law() -> None:
    rate = 1_000
    times = list(poisson(rate, 30, Random(1)))
    gaps = [(after - before) / S * rate for before, after in pairwise(times)]
    assert min(gaps) >= 0
    assert times[-1] < 30 * S
    assert fmean(gaps) == pytest.approx(1, rel=0.02)
    # An exponential law: its variance is the square of its mean, and 1/e of all gaps are longer than the mean.
    assert fmean(gap * gap for gap in gaps) == pytest.approx(2, rel=0.05)
    assert fmean(gap > 1 for gap in gaps) == pytest.approx(0.368, abs=0.01)


def test_the_same_dice_give_the_same_arrivals() -> None:
    assert list(poisson(100, 1, Random(7))) == list(poisson(100, 1, Random(7)))
