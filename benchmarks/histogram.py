"""Latencies in buckets whose width grows with the value, after HdrHistogram: two of them add up, and little is kept."""

from collections import Counter
from collections.abc import Iterable, Iterator

_BITS = 11
"""2**11 values are told apart exactly, and from there on each power of two has half as many buckets: an error of at
most 1/1024."""
_HALF = 1 << (_BITS - 1)


class Histogram:
    """Counts of whole numbers from 0 (nanoseconds here)."""

    __slots__ = ("counts", "largest", "total")

    def __init__(self, values: Iterable[int] = ()) -> None:
        self.counts: Counter[int] = Counter()
        self.total = 0
        self.largest = 0
        self.add(values)

    def add(self, values: Iterable[int]) -> None:
        """Count ``values``. Raises ValueError for negative ones."""
        exact = Counter(values)
        if exact and min(exact) < 0:
            raise ValueError("no latency is negative")
        for value, count in exact.items():
            self.counts[bucket_of(value)] += count
        self.total += exact.total()
        self.largest = max(self.largest, max(exact, default=0))

    def merge(self, other: "Histogram") -> None:
        """Count all that ``other`` has counted."""
        self.counts.update(other.counts)
        self.total += other.total
        self.largest = max(self.largest, other.largest)

    def percentile(self, share: float) -> int:
        """The value that at least ``share`` (0 to 1) of all do not exceed: the end of its bucket, at most the largest
        value seen; 0 for none."""
        wanted = max(share * self.total - 1e-6, 1)  # 0.9 * 10 is a little more than 9
        for bucket, so_far in self._upwards():
            if so_far >= wanted:
                return min(bucket_end(bucket), self.largest)
        return 0

    def summary_ms(self) -> dict[str, float]:
        """Milliseconds at the usual places."""
        places = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
        return {name: round(self.percentile(share) / 1e6, 3) for name, share in places.items()}

    def _upwards(self) -> Iterator[tuple[int, int]]:
        so_far = 0
        for bucket in sorted(self.counts):
            so_far += self.counts[bucket]
            yield bucket, so_far


def bucket_of(value: int) -> int:
    """The bucket that ``value`` falls into; buckets are numbered from 0 without gaps."""
    shift = max(value.bit_length() - _BITS, 0)
    return shift * _HALF + (value >> shift)


def bucket_end(bucket: int) -> int:
    """The largest value of a bucket."""
    shift = max(bucket // _HALF - 1, 0)
    return ((bucket - shift * _HALF + 1) << shift) - 1
