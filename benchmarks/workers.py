"""What a second worker costs: processor time per request with two of them against one."""

from dataclasses import dataclass
from statistics import median

from rich.console import Console

from benchmarks.client import LoadError
from benchmarks.cores import Cores, cpu_seconds
from benchmarks.measure import Round, Supply, closed, cycled, quiet
from benchmarks.stage import SITE, Target, our_server
from benchmarks.traffic import SHED, Manner, Traffic, unexpected

_ROUNDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Processors:
    """Microseconds of processor time of all workers per request. ``shares``: what each of two workers did."""

    one_us: float
    two_us: float
    ratio: float
    shares: list[float]


def compare_workers(one: Target, cores: Cores, connections: int, seconds: float, console: Console) -> Processors | None:
    """Pixels to ``one``, a server with one worker, and to another with two, taking turns. Raises LoadError.

    ``connections`` per worker: each has as much to do at once as the one. The second worker shares the core of Valkey
    and of all else. None where processor time can not be known.
    """
    with our_server("two workers", workers=2, patient=True) as two:
        cores.pin_one_each(two.workers)
        supplies = {target.name: _pixels(target, connections) for target in (one, two)}
        before = [cpu_seconds([pid]) for pid in two.workers]
        used: dict[str, list[float]] = {one.name: [], two.name: []}
        for _ in range(_ROUNDS):
            for target in (one, two):
                quiet((one, two))
                done = _round(target, supplies[target.name], connections * len(target.workers), seconds)
                if done.cpu_us is None:
                    return None
                used[target.name].append(done.cpu_us)
                console.print(f"{target.name}, pixel: {done.cpu_us:.1f} µs of processor per request")
        after = [cpu_seconds([pid]) for pid in two.workers]
    each = [(b or 0) - (a or 0) for a, b in zip(before, after, strict=True)]
    one_us, two_us = (median(used[target.name]) for target in (one, two))
    return Processors(
        one_us=round(one_us, 1),
        two_us=round(two_us, 1),
        ratio=round(two_us / one_us, 2),
        shares=[round(spent / sum(each), 2) for spent in each],
    )


def _round(target: Target, supply: Supply, connections: int, seconds: float) -> Round:
    done = closed(target, supply, connections=connections, warm_up_s=0.3, seconds=seconds)
    if faults := unexpected(done.counts, SHED):
        raise LoadError(f"{target.name}: {faults}")
    return done


def _pixels(target: Target, connections: int) -> Supply:
    traffic = Traffic(SITE, target.address, Manner(), seed=2)
    viewers = traffic.make_visitors(500, history=False, connections=connections)
    return cycled("pixel", traffic.pixels(viewers))
