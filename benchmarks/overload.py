"""More than a server can answer: ``python -m benchmarks.overload`` offers 1.5 times its peak, for a minute.

The mix of ``mix.py`` from many browsers at once, in an open loop; before and after it half of the peak, to see when all
is as before.
"""

import itertools
import json
import os
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.answer import Kind
from benchmarks.arrivals import S, constant
from benchmarks.client import LoadError, Log
from benchmarks.cores import Cores
from benchmarks.histogram import Histogram
from benchmarks.measure import Supply, closed, opened, quiet
from benchmarks.mix import Mix, Ratio
from benchmarks.stage import SITE, Target, our_server
from benchmarks.traffic import SHED, Manner, Traffic, shed, unexpected

_FACTOR = 1.5
_UNLOADED = 0.25
_WARM_UP_S = 1.0
_AROUND = 0.5
"""The load before and after it: with less of it, nobody would see what is left of an overload."""
RECOVERY_S = 10
_PEAK = 32
"""Connections that find the peak: enough to keep the server busy, too few to look like an overload."""
_BROWSERS = 900
"""Few enough for a server that may open 1,024 files, as many systems have it."""
_CALM = 2.0
"""All is as before when a second's p99 is at most so many times that of the same load before, and nothing is shed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overload:
    """``counts`` are the answers during the overload by kind, ``shed`` the share that was. ``faults`` are answers that
    are right under no load at all. ``before_ms``: under the load that comes back afterwards. ``recovery_s``: see
    ``recovery``. Times in milliseconds."""

    peak_per_s: float
    offered_per_s: float
    seconds: float
    unloaded_ms: dict[str, float]
    before_ms: dict[str, float]
    overloaded_ms: dict[str, float]
    p99_ratio: float
    answered_per_s: float
    shed: float
    counts: dict[str, int]
    faults: dict[str, int]
    recovery_s: int
    watched_s: int
    generator_lag_ms: dict[str, float]


def run(
    cores: Cores,
    *,
    seconds: float,
    console: Console,
    watched_s: int = RECOVERY_S,
    visitors: int = 1_000,
) -> Overload:
    """A server with default settings under the mix. Raises LoadError."""
    with our_server("overloaded") as target:
        cores.pin_server(target.workers)
        supply = _mix(target, visitors)
        peak = closed(target, supply, connections=_PEAK, warm_up_s=1, seconds=3).per_second
        quiet([target])
        unloaded = opened(
            target,
            supply,
            constant(peak * _UNLOADED, 3),
            connections=_BROWSERS,
            warm_up=constant(peak * _UNLOADED, _WARM_UP_S),
        )
        if faults := unexpected(unloaded.counts, SHED):
            raise LoadError(f"a quarter of the peak: {faults}")
        quiet([target])
        console.print(f"mix: {peak:,.0f}/s at most; now {_FACTOR} times that for {seconds:g} s")
        arrivals = itertools.chain(
            constant(peak * _AROUND, watched_s),
            constant(peak * _FACTOR, seconds, begin=watched_s * S),
            constant(peak * _AROUND, watched_s, begin=int((watched_s + seconds) * S)),
        )
        done = opened(
            target,
            supply,
            arrivals,
            connections=_BROWSERS,
            warm_up=constant(peak * _UNLOADED, _WARM_UP_S),
        )
    return _judge(peak, seconds, watched_s, unloaded.latency, done.log)


def _mix(target: Target, visitors: int) -> Supply:
    traffic = Traffic(SITE, target.address, Manner(), seed=3)
    viewers = traffic.make_visitors(visitors, history=False, connections=32)
    readers = traffic.make_visitors(visitors, history=True, connections=32)
    return Mix(traffic, viewers, readers, Ratio(), seed=3).requests


def _judge(peak: float, seconds: float, watched_s: int, unloaded: Histogram, log: Log) -> Overload:
    begin, end = watched_s * S, int((watched_s + seconds) * S)
    during = log.since(begin, end)
    latency, counts = Histogram(during.took), during.count()
    before = Histogram(log.since(0, begin).took)
    return Overload(
        peak_per_s=round(peak),
        offered_per_s=round(peak * _FACTOR),
        seconds=seconds,
        unloaded_ms=unloaded.summary_ms(),
        before_ms=before.summary_ms(),
        overloaded_ms=latency.summary_ms(),
        p99_ratio=round(latency.percentile(0.99) / unloaded.percentile(0.99), 1),
        answered_per_s=round((latency.total - shed(counts)) / seconds),
        shed=round(shed(counts) / max(latency.total, 1), 3),
        counts=dict(sorted(_by_name(counts).items())),
        faults=unexpected(log.count(), SHED),
        watched_s=watched_s,
        recovery_s=recovery(log, end, before.percentile(0.99), watched_s),
        generator_lag_ms=Histogram(log.lag).summary_ms(),
    )


def recovery(log: Log, end: int, p99: int, watched_s: int = RECOVERY_S) -> int:
    """Seconds from the end of the overload (``end``, nanoseconds in the log) until all was as before and stayed so;
    ``watched_s`` + 1 when it was not within the seconds that were watched. ``p99``: of that load before, in ns."""
    for second in reversed(range(watched_s)):
        part = log.since(end + second * S, end + (second + 1) * S)
        if shed(part.count()) or Histogram(part.took).percentile(0.99) > _CALM * p99:
            return second + 1 if second + 1 < watched_s else watched_s + 1
    return 0


def _by_name(counts: Counter[Kind]) -> Counter[str]:
    named: Counter[str] = Counter()
    for kind, count in counts.items():
        named[str(kind)] += count
    return named


def main(
    seconds: Annotated[float, typer.Option(min=1, max=3_600)] = 60,
    visitors: Annotated[int, typer.Option(min=1, max=1_000_000)] = 1_000,
) -> None:
    """Offer a server of ours 1.5 times its peak."""
    console = Console(width=None if os.isatty(1) else 120)
    try:
        found = run(Cores(), seconds=seconds, console=console, visitors=visitors)
    except LoadError as error:
        console.print(f"benchmark failed: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from error
    console.print_json(data=asdict(found))
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    (results / "overload.json").write_text(json.dumps(asdict(found), indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    typer.run(main)
