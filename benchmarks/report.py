"""Rounds become rows and points."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.histogram import Histogram
from benchmarks.measure import Round
from benchmarks.overload import Overload
from benchmarks.traffic import SHED, unexpected
from benchmarks.workers import Processors

BUSY = 0.1
"""Share of a core used by other programs from which on the numbers are not worth publishing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Medians over the rounds. ``ratio`` is how many times as fast the fast lane answers; ``cpu`` the share of a core
    that the workers used; ``shed`` the share of requests that were not answered in full. Latencies are those of a
    closed loop, in milliseconds."""

    server: str
    endpoint: str
    requests_per_s: float
    ratio: float
    p50_ms: float
    p99_ms: float
    shed: float
    cpu: float | None
    cpu_us: float | None
    body_bytes: float
    rounds: list[dict[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Latency (milliseconds) when ``load`` times the peak is offered, as ``offered_per_s``. ``lag_ms`` is how late the
    generator itself was; ``shed`` the share of requests that were answered with a reason; ``faults`` other answers
    that were not expected."""

    server: str
    endpoint: str
    load: float
    offered_per_s: float
    latency_ms: dict[str, float]
    lag_ms: dict[str, float]
    shed: float
    faults: dict[str, int]
    others: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All of one run."""

    machine: Mapping[str, str]
    how: Mapping[str, str]
    absent: Mapping[str, str]
    rows: Sequence[Row]
    points: Sequence[Point]
    processors: Processors | None
    overload: Overload


def rows_of(rounds: Mapping[tuple[str, str], Sequence[Round]], of: str) -> list[Row]:
    """One row per endpoint and server; keys are (endpoint, server), ``of`` is the server that is compared."""
    return [_row(endpoint, server, done, rounds[endpoint, of]) for (endpoint, server), done in rounds.items()]


def _row(endpoint: str, server: str, rounds: Sequence[Round], compared: Sequence[Round]) -> Row:
    merged = Histogram()
    for done in rounds:
        merged.merge(done.latency)
    speed = _speed(rounds)
    return Row(
        server=server,
        endpoint=endpoint,
        requests_per_s=round(speed, 1),
        ratio=round(_speed(compared) / speed, 2),
        p50_ms=round(merged.percentile(0.5) / 1e6, 3),
        p99_ms=round(merged.percentile(0.99) / 1e6, 3),
        shed=round(median(done.shed for done in rounds), 3),
        cpu=_median((done.cpu for done in rounds), 2),
        cpu_us=_median((done.cpu_us for done in rounds), 1),
        body_bytes=round(median(done.body_bytes for done in rounds)),
        rounds=[
            {"requests_per_s": round(r.per_second, 1), **({} if r.others is None else {"others": round(r.others, 2)})}
            for r in rounds
        ],
    )


def _speed(rounds: Sequence[Round]) -> float:
    return median(done.per_second for done in rounds)


def _median(values: Iterable[float | None], digits: int) -> float | None:
    known = [value for value in values if value is not None]
    return round(median(known), digits) if known else None


def point_of(row: Row, load: float, offered_per_s: float, done: Round) -> Point:
    """What a round of the open loop says; requests that never found a connection count as faults."""
    faults = unexpected(done.counts, SHED)
    return Point(
        server=row.server,
        endpoint=row.endpoint,
        load=load,
        offered_per_s=round(offered_per_s),
        latency_ms=done.latency.summary_ms(),
        lag_ms=done.lag.summary_ms(),
        shed=round(done.shed, 3),
        faults={**faults, "not sent": done.unsent} if done.unsent else faults,
        others=None if done.others is None else round(done.others, 2),
    )


def disturbance(shares: Sequence[float | None]) -> str:
    """How much other programs took part, by the share of a core in each round, and what follows from that."""
    known = [share for share in shares if share is not None]
    if len(known) < len(shares) or not known:
        return "not known"
    worst = max(known)
    return f"at most {worst:.0%} of a core in any round" + (
        "; the machine was busy: DO NOT PUBLISH, measure again" if worst > BUSY else ""
    )
