"""What each step of a request costs: ``python -m benchmarks.micro``.

Every step runs again and again for a while, without garbage collection; the fastest of several repeats counts, because
whatever disturbs a repeat makes it slower. The last column says how far the median repeat lies above it.
"""

import asyncio
import gc
import itertools
import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter_ns, process_time_ns
from typing import Annotated, cast

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.embedded import EmbeddedValkey
from adserver.storage.valkey.hot import HotValkey
from adserver.storage.valkey.library import Library
from adserver.storage.valkey.route import route_to
from benchmarks.steps import VISITOR, Step, steps

_CALLERS = 64
"""Calls to Valkey that are under way at the same time, as in a busy worker."""


Call = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Microseconds per operation: the fastest repeat, and how much slower the median one is (0.1: 10 %)."""

    name: str
    us: float
    spread: float


def time_step(name: str, step: Step, *, seconds: float, repeats: int) -> Timing:
    """Time ``step``; each repeat takes about ``seconds``."""
    step()
    times = 1
    while (took := _run(step, times)) < seconds * 1e8:
        times *= 2
    times = max(1, round(times * seconds * 1e9 / took))
    with _without_gc():
        found = [_run(step, times) / times for _ in range(repeats)]
    return timing(name, found)


def timing(name: str, ns: list[float]) -> Timing:
    """What several repeats (nanoseconds per operation) say together."""
    best = min(ns)
    return Timing(name=name, us=best / 1e3, spread=median(ns) / best - 1 if best else 0.0)


def _run(step: Step, times: int) -> int:
    rounds = itertools.repeat(None, times)
    began = perf_counter_ns()
    for _ in rounds:
        step()
    return perf_counter_ns() - began


async def call_timings(url: str, *, seconds: float, repeats: int) -> list[Timing]:
    """Processor time of this process per call, with many callers at once; Valkey's own is not in it."""
    pooled, library = Valkey(url), Library()
    await pooled.load_functions()
    hot = HotValkey(route_to(url, library), library)
    await hot.up()
    key = f"u:{{{VISITOR}}}"
    calls: dict[str, Call] = {
        "link": lambda: hot.command("HGETALL", key),
        "redis.asyncio": lambda: cast("Awaitable[object]", pooled.redis.hgetall(key)),
    }
    found = []
    for name, call in calls.items():
        with _without_gc():
            spent = [await _spent_ns(call, seconds) for _ in range(repeats)]
        found.append(timing(f"Valkey: one call by {name}, {_CALLERS} callers, processor time", spent))
    await hot.close()
    await pooled.close()
    return found


async def _spent_ns(call: Call, seconds: float) -> float:
    """Processor time per call while the callers call one after another for ``seconds``."""
    calls = 0
    until = perf_counter_ns() + int(seconds * 1e9)

    async def caller() -> None:
        nonlocal calls
        while perf_counter_ns() < until:
            await call()
            calls += 1

    began = process_time_ns()
    await asyncio.gather(*(caller() for _ in range(_CALLERS)))
    return (process_time_ns() - began) / calls


@contextmanager
def _without_gc() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def table(timings: list[Timing]) -> Table:
    """For the terminal."""
    drawn = Table()
    drawn.add_column("step")
    drawn.add_column("µs", justify="right")
    drawn.add_column("median above", justify="right")
    for row in timings:
        drawn.add_row(row.name, f"{row.us:,.2f}", f"{row.spread:+.0%}")
    return drawn


def main(
    seconds: Annotated[float, typer.Option(min=0.001, max=60, help="Of each repeat")] = 0.1,
    repeats: Annotated[int, typer.Option(min=1, max=1_000)] = 7,
    only: Annotated[str, typer.Option(help="Steps whose name contains this")] = "",
) -> None:
    """Time the steps of a pixel and of an ad."""
    found = [time_step(name, step, seconds=seconds, repeats=repeats) for name, step in steps().items() if only in name]
    if only in "Valkey: one call":
        with tempfile.TemporaryDirectory(prefix="ads-") as folder:
            embedded = EmbeddedValkey(Path(folder))
            embedded.start()
            try:
                found += uvloop.run(call_timings(embedded.url, seconds=seconds, repeats=repeats))
            finally:
                embedded.stop()
    Console(width=None if os.isatty(1) else 120).print(table(found))


if __name__ == "__main__":
    typer.run(main)
