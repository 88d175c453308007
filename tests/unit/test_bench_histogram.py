"""The histogram's laws: no gaps, a bounded error, sums, and percentiles as ranking would give them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.histogram import Histogram, bucket_end, bucket_of

VALUES = st.integers(0, 10**13)
MANY = st.lists(VALUES, min_size=1, max_size=200)


@given(VALUES)
def test_a_value_lies_in_its_bucket_and_near_its_end(value: int) -> None:
    bucket = bucket_of(value)
    assert bucket_end(bucket - 1) < value <= bucket_end(bucket)
    assert bucket_end(bucket) - value <= value / 1_024


def test_buckets_follow_each_other_without_gaps() -> None:
    for bucket in range(20_000):
        assert bucket_of(bucket_end(bucket)) == bucket
        assert bucket_of(bucket_end(bucket) + 1) == bucket + 1


@given(MANY, st.sampled_from([0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0]))
def test_a_percentile_is_the_ranked_value_but_for_its_bucket(values: list[int], share: float) -> None:
    ranked = sorted(values)[max(math.ceil(share * len(values) - 1e-6), 1) - 1]
    assert Histogram(values).percentile(share) == min(bucket_end(bucket_of(ranked)), max(values))


@given(MANY, MANY)
def test_two_merged_are_as_one_of_all(first: list[int], second: list[int]) -> None:
    merged, at_once = Histogram(first), Histogram(first + second)
    merged.merge(Histogram(second))
    assert (merged.counts, merged.total, merged.largest) == (at_once.counts, at_once.total, at_once.largest)


def test_small_values_are_exact_and_nothing_is_zero() -> None:
    assert [Histogram(range(1, 101)).percentile(share) for share in (0.5, 0.9, 0.99, 1.0)] == [50, 90, 99, 100]
    assert Histogram().percentile(0.5) == 0
    assert Histogram([7]).summary_ms() == {"p50": 0.0, "p90": 0.0, "p99": 0.0, "p99.9": 0.0, "max": 0.0}
    assert Histogram([7_000_000]).summary_ms()["max"] == 7.0


def test_no_latency_is_negative() -> None:
    with pytest.raises(ValueError, match="negative"):
        Histogram([5, -1])
