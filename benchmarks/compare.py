"""``make bench``: our two doors and their peers in one run, latency by offered load, processors, overload.

``python -m benchmarks.compare --help`` has the options; ``benchmarks/README.md`` says what the numbers mean.
"""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import overload, page, report, workers
from benchmarks.arrivals import constant
from benchmarks.client import LoadError
from benchmarks.cores import Cores
from benchmarks.machine import machine
from benchmarks.measure import Round, Supply, closed, cycled, everybody, opened, quiet
from benchmarks.pauses import found_on, words
from benchmarks.peers import CONSTANT, running_peers
from benchmarks.picture import picture
from benchmarks.stage import SITE, Target, our_server
from benchmarks.traffic import SHED, Manner, Traffic, unexpected

ENDPOINTS = ("pixel", "ad")
FAST, PLAIN = "fast lane", "plain door"
RESULTS = Path(__file__).parent / "results"

_WAITING = 256
"""Connections of the open loop: a request that finds them all busy waits for one, and its latency counts on."""

_OPEN_WARM_UP_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Seconds are per endpoint and server: ``seconds`` of each of the ``rounds``, ``point_s`` and ``peer_point_s`` of
    each offered load (for the fast lane, for the others), ``overload_s`` of the overload."""

    rounds: int = 3
    seconds: float = 2.0
    warm_up_s: float = 0.5
    point_s: float = 4.0
    peer_point_s: float = 1.0
    loads: tuple[float, ...] = (0.25, 0.5, 0.75, 0.9, 1.0, 1.1)
    two_workers: bool = True
    overload_s: float = 60.0
    recovery_s: int = overload.RECOVERY_S
    connections: int = 32
    visitors: int = 1_000
    seed: int = 1
    consent: float = 1.0

    def words(self) -> dict[str, str]:
        """For the published results."""
        return {
            "throughput": f"closed loop, {self.connections} connections; median of {self.rounds} interleaved rounds of "
            f"{self.seconds:g} s, each after {self.warm_up_s:g} s of warm-up",
            "latency": f"open loop at a constant rate, up to {_WAITING} connections, {self.point_s:g} s for each load "
            f"({self.peer_point_s:g} s for all but the fast lane), after {_OPEN_WARM_UP_S:g} s of warm-up each, "
            "counted from when a request was due",
            "visitors": f"{self.visitors:,} for the pixel, {self.visitors:,} others for the ad, 10 product views each; "
            f"{self.consent:.0%} send a consent string; seed {self.seed}",
            "products": f"{len(SITE.products):,}, as popular as Zipf's law says",
        }


DEFAULT = Plan()
QUICK = Plan(
    rounds=1,
    seconds=0.6,
    warm_up_s=0.2,
    point_s=0.8,
    peer_point_s=0.0,
    loads=(0.5, 1.0),
    two_workers=False,
    overload_s=3.0,
    recovery_s=3,
    visitors=200,
)

Key = tuple[str, str]
"""Endpoint and server."""


def prepare(targets: Sequence[Target], plan: Plan) -> dict[Key, Supply]:
    """Make the visitors of every server and encode what they will ask. Pixel and ad have visitors of their own:
    what the pixel writes does not change what the ad reads."""
    supplies: dict[Key, Supply] = {}
    for target in targets:
        traffic = Traffic(SITE, target.address, Manner(consent=plan.consent), seed=plan.seed)
        viewers = traffic.make_visitors(plan.visitors, history=False, connections=plan.connections)
        supplies["pixel", target.name] = cycled("pixel", traffic.pixels(viewers))
        readers = traffic.make_visitors(plan.visitors, history=True, connections=plan.connections)
        supplies["ad", target.name] = cycled("ad", traffic.ads(readers))
    return supplies


def peaks(
    targets: Sequence[Target], supplies: dict[Key, Supply], plan: Plan, console: Console
) -> dict[Key, list[Round]]:
    """All rounds, the servers taking turns: machines change their speed from minute to minute. Raises LoadError."""
    rounds: dict[Key, list[Round]] = {(endpoint, target.name): [] for endpoint in ENDPOINTS for target in targets}
    for number in range(plan.rounds):
        for endpoint in ENDPOINTS:
            for target in targets:
                quiet(targets)
                done = closed(
                    target,
                    supplies[endpoint, target.name],
                    connections=plan.connections,
                    warm_up_s=plan.warm_up_s,
                    seconds=plan.seconds,
                    ours=everybody(targets),
                )
                if faults := unexpected(done.counts, SHED):
                    raise LoadError(f"{target.name}, {endpoint}: {faults}")
                rounds[endpoint, target.name].append(done)
                console.print(f"round {number + 1}, {target.name}, {endpoint}: {done.per_second:,.0f}/s")
    return rounds


def curves(
    targets: Sequence[Target], supplies: dict[Key, Supply], rows: Sequence[report.Row], plan: Plan, console: Console
) -> list[report.Point]:
    """Latency at shares of the load that each server was measured to carry."""
    points = []
    for row in rows:
        if row.server == CONSTANT:
            continue
        (target,) = (target for target in targets if target.name == row.server)
        seconds = plan.point_s if target.name == FAST else plan.peer_point_s
        for load in plan.loads if seconds else ():
            rate = row.requests_per_s * load
            quiet([target])
            supply = supplies[row.endpoint, target.name]
            done = opened(
                target,
                supply,
                constant(rate, seconds),
                connections=_WAITING,
                warm_up=constant(rate, _OPEN_WARM_UP_S),
                ours=everybody(targets),
            )
            points.append(report.point_of(row, load, rate, done))
            console.print(
                f"{target.name}, {row.endpoint} at {load:.0%}, {rate:,.0f}/s: p99 {points[-1].latency_ms['p99']:.2f} ms"
            )
    return points


def compare(plan: Plan, out: Path, console: Console) -> None:
    """The whole run, with the results written to ``out``."""
    cores = Cores()
    paused = found_on(cores.both)
    cores.give_the_steadier(paused)
    console.print(f"starting the servers ({cores})")
    with ExitStack() as stack:
        fast = stack.enter_context(our_server(FAST, patient=True))
        plain = stack.enter_context(our_server(PLAIN, fast_lane=False, patient=True))
        found, absent = stack.enter_context(running_peers(fast.valkey_url))
        for name, why in absent.items():
            console.print(f"without {name}: {why}", style="yellow", markup=False)
        targets = [fast, plain, *found]
        cores.pin_server(pid for target in targets for pid in target.workers)
        supplies = prepare(targets, plan)
        rounds = peaks(targets, supplies, plan, console)
        rows = report.rows_of(rounds, of=FAST)
        points = curves(targets, supplies, rows, plan, console)
        processors = (
            workers.compare_workers(fast, cores, plan.connections, plan.seconds, console) if plan.two_workers else None
        )
    shed = overload.run(cores, seconds=plan.overload_s, watched_s=plan.recovery_s, console=console)
    others = [done.others for each in rounds.values() for done in each] + [point.others for point in points]
    result = report.Result(
        machine=machine(fast.valkey_version),
        how={
            **plan.words(),
            "cores": str(cores),
            "the machine's own pauses": words(paused),
            "other programs": report.disturbance(others),
        },
        absent=absent,
        rows=rows,
        points=points,
        processors=processors,
        overload=shed,
    )
    page.write(out, result)
    (out / "latency.svg").write_text(picture(points, rows), "utf-8")
    console.print(page.markdown(result), markup=False, highlight=False, soft_wrap=True)
    console.print(f"written to {out}")


def main(
    quick: Annotated[bool, typer.Option("--quick", help="Under a minute: does it work? Not for publishing")] = False,
    rounds: Annotated[int, typer.Option(min=1, max=99)] = DEFAULT.rounds,
    seconds: Annotated[float, typer.Option(min=0.3, max=600, help="Of each round")] = DEFAULT.seconds,
    connections: Annotated[int, typer.Option(min=1, max=10_000)] = DEFAULT.connections,
    visitors: Annotated[int, typer.Option(min=1, max=1_000_000, help="For each endpoint")] = DEFAULT.visitors,
    consent: Annotated[
        float, typer.Option(min=0, max=1, help="Share of visitors with a consent string")
    ] = DEFAULT.consent,
    seed: Annotated[int, typer.Option()] = DEFAULT.seed,
    out: Annotated[Path, typer.Option(help="Folder for the results")] = RESULTS,
) -> None:
    """Compare the fast lane, the plain door and their peers."""
    console = Console(width=None if os.isatty(1) else 120)
    plan = Plan(rounds=rounds, seconds=seconds, connections=connections, visitors=visitors, seed=seed, consent=consent)
    try:
        compare(QUICK if quick else plan, out, console)
    except LoadError as error:
        console.print(f"benchmark failed: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)
