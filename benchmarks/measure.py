"""One measurement: a server, some requests, closed or open loop, and what it cost."""

import gc
import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from benchmarks.answer import Answers, Kind, Kinds
from benchmarks.client import Client, Log, Request
from benchmarks.cores import cpu_seconds, others_clock, settle, used_between
from benchmarks.histogram import Histogram
from benchmarks.stage import Target
from benchmarks.traffic import shed


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """``cpu`` and ``others`` are shares of one core that the server's workers, and programs that have nothing to do
    with this, used meanwhile; ``cpu_us`` is processor time of all workers per answer (None: not known).

    ``lag``: how late the generator itself was with the requests of an open loop. ``unsent`` found no free connection.
    """

    seconds: float
    latency: Histogram
    lag: Histogram
    counts: Counter[Kind]
    unsent: int = 0
    cpu: float | None = None
    cpu_us: float | None = None
    others: float | None = None
    log: Log = field(repr=False)

    @property
    def answers(self) -> int:
        """All that were answered in whatever way."""
        return self.latency.total

    @property
    def shed(self) -> float:
        """The share of answers that were given to get rid of load."""
        return shed(self.counts) / max(self.answers, 1)

    @property
    def per_second(self) -> float:
        """Answers per second, but for those that were shed."""
        return (self.answers - shed(self.counts)) / self.seconds if self.seconds else 0.0

    @property
    def body_bytes(self) -> float:
        """The mean of an answer."""
        return sum(kind.body_bytes * count for kind, count in self.counts.items()) / max(self.answers, 1)


Supply = Callable[[Kinds], Iterator[Request]]
"""Makes the requests of one measurement, and remembers what is said to them."""


def cycled(label: str, payloads: Sequence[bytes]) -> Supply:
    """The same requests round and round."""

    def supply(kinds: Kinds) -> Iterator[Request]:
        answers = Answers(label, kinds)
        return itertools.cycle([(payload, answers) for payload in payloads])

    return supply


def closed(
    target: Target, supply: Supply, *, connections: int, warm_up_s: float, seconds: float, ours: Sequence[int] = ()
) -> Round:
    """As many requests as the server can answer; ``ours`` are processes that are no disturbance."""
    kinds = Kinds()
    requests = supply(kinds)
    with Client(target.address, connections) as client:
        if warm_up_s:
            client.closed_loop(requests, warm_up_s, kinds)
        return _watched(target, ours, lambda: client.closed_loop(requests, seconds, kinds))


def opened(
    target: Target,
    supply: Supply,
    arrivals: Iterable[int],
    *,
    connections: int,
    warm_up: Iterable[int] = (),
    ours: Sequence[int] = (),
) -> Round:
    """Requests at given times, after others that do not count: connections are open then, and code is warm."""
    kinds = Kinds()
    requests = supply(kinds)
    with Client(target.address, connections) as client:
        client.open_loop(requests, warm_up, kinds)
        return _watched(target, ours, lambda: client.open_loop(requests, arrivals, kinds))


def everybody(targets: Iterable[Target]) -> list[int]:
    """All processes that belong to the benchmark."""
    return [os.getpid(), *(pid for target in targets for pid in (*target.workers, *target.helpers))]


def quiet(targets: Iterable[Target]) -> None:
    """Wait until the servers have finished what an earlier round left them to do."""
    settle(pid for target in targets for pid in (*target.workers, *target.helpers))


def _watched(target: Target, ours: Sequence[int], run: Callable[[], Log]) -> Round:
    gc.collect()  # now, and not in the middle
    others, workers, began = others_clock(ours), cpu_seconds(target.workers), perf_counter()
    log = run()
    took, workers_after = perf_counter() - began, cpu_seconds(target.workers)
    by_others = used_between(others, others_clock(ours)) if ours else None
    used = None if workers is None or workers_after is None else workers_after - workers
    return Round(
        seconds=log.seconds,
        latency=Histogram(log.took),
        lag=Histogram(log.lag),
        counts=log.count(),
        unsent=log.unsent,
        cpu=None if used is None else used / took,
        cpu_us=None if used is None or not log.took else used / len(log.took) * 1e6,
        others=None if by_others is None else by_others / took,
        log=log,
    )
