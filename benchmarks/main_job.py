"""``make bench``: requests per second and latencies of the pixel and the ad, ours and a naive peer's in one run.

``python -m benchmarks.main_job --help`` has the options; ``benchmarks/README.md`` says what the numbers mean.
"""

import asyncio
import ipaddress
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from benchmarks import report
from benchmarks.cores import Cores, cpu_seconds, others_clock, settle, used_between
from benchmarks.load import Address, LoadError, measure
from benchmarks.stage import SITE, Target, address_of, running_stage
from benchmarks.traffic import Site, Traffic

ENDPOINTS = ("pixel", "ad")
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """``seconds`` are per endpoint and server, spread over ``rounds``."""

    seconds: float
    rounds: int
    warm_up_s: float
    connections: int
    visitors: int
    seed: int

    def words(self) -> dict[str, str]:
        """For the published results."""
        return {
            "load": f"closed loop, {self.connections} keep-alive connections, seed {self.seed}",
            "time": f"median of {self.rounds} interleaved rounds of {self.seconds / self.rounds:.1f} s, "
            f"each after {self.warm_up_s:.1f} s of warm-up",
            "visitors": f"{self.visitors:,} for the pixel, {self.visitors:,} others for the ad, 10 product views each",
        }


Rounds = dict[tuple[str, str], list[report.Round]]


async def prepare(targets: Sequence[Target], site: Site, plan: Plan) -> dict[tuple[str, str], list[bytes]]:
    """Make the visitors of every server and encode what they will ask. Pixel and ad have visitors of their own:
    what the pixel writes does not change what the ad reads."""
    requests = {}
    for target in targets:
        traffic = Traffic(site, target.address, seed=plan.seed)
        viewers = await traffic.make_visitors(plan.visitors, connections=plan.connections)
        requests["pixel", target.name] = traffic.pixels(viewers)
        readers = await traffic.make_visitors(plan.visitors, connections=plan.connections)
        requests["ad", target.name] = traffic.ads(readers)
    return requests


async def run(targets: Sequence[Target], site: Site, plan: Plan, console: Console) -> Rounds:
    """All rounds, the servers taking turns: machines change their speed from minute to minute. Raises LoadError."""
    requests = await prepare(targets, site, plan)
    rounds: Rounds = {(endpoint, target.name): [] for endpoint in ENDPOINTS for target in targets}
    everybody = [pid for target in targets for pid in (*target.workers, *target.helpers)]
    for number in range(plan.rounds):
        for endpoint in ENDPOINTS:
            for target in targets:
                await asyncio.to_thread(settle, everybody)
                done = await _round(target, requests[endpoint, target.name], plan, [*everybody, os.getpid()])
                if done.measured.failures:
                    raise LoadError(f"{target.name}, {endpoint}: {dict(done.measured.failures)}")
                rounds[endpoint, target.name].append(done)
                console.print(
                    f"round {number + 1} of {plan.rounds}, {target.name}, {endpoint}: "
                    f"{done.measured.per_second:,.0f}/s, p99 {done.measured.p99_ms:.2f} ms"
                )
    return rounds


async def _round(target: Target, requests: Sequence[bytes], plan: Plan, everybody: Sequence[int]) -> report.Round:
    others, workers, began = others_clock(everybody), cpu_seconds(target.workers), perf_counter()
    measured = await measure(
        target.address,
        requests,
        connections=plan.connections,
        warm_up_s=plan.warm_up_s,
        seconds=plan.seconds / plan.rounds,
    )
    took, workers_after = perf_counter() - began, cpu_seconds(target.workers)
    by_others = used_between(others, others_clock(everybody))
    return report.Round(
        measured=measured,
        cpu=None if workers is None or workers_after is None else (workers_after - workers) / took,
        others=None if by_others is None else by_others / took,
    )


def compare(plan: Plan, out: Path, console: Console) -> None:
    """Ours and the naive peer, on this machine, with the results written to ``out``."""
    cores = Cores()
    console.print(f"starting the servers ({cores})")
    with running_stage() as stage:
        cores.pin_server(pid for target in stage.targets for pid in target.workers)
        rounds = uvloop.run(run(stage.targets, SITE, plan, console))
    rows = report.rows_of(rounds, peer="naive")
    console.print(report.table(rows))
    how = {
        **plan.words(),
        "cores": str(cores),
        "products": f"{len(SITE.products):,}, as popular as Zipf's law says",
        "other programs": report.disturbance(rounds),
    }
    report.write(out, rows, report.machine(stage.valkey_version), how)
    console.print(f"other programs: {how['other programs']}\nwritten to {out}")


def measure_one(name: str, address: Address, site: Site, plan: Plan, console: Console) -> None:
    """A server that is running already; nothing is pinned and nothing is written."""
    target = Target(name=name, address=address, workers=[], helpers=[])
    rounds = uvloop.run(run([target], site, plan, console))
    console.print(report.table(report.rows_of(rounds, peer="")))


def checked_address(url: str, *, any_machine: bool) -> Address:
    """Raises BadParameter for what is not plain HTTP, and for other machines unless ``any_machine``."""
    try:
        address = address_of(url)
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (ValueError, OSError) as error:
        raise typer.BadParameter(f"{url}: {error}") from error
    if any_machine or all(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]).is_loopback for entry in found):
        return address
    raise typer.BadParameter(f"{address.host} is not this machine; --i-own-this-server if you may load it")


def _site(advertiser: str, placement: str, products: Sequence[str]) -> Site:
    if advertiser and placement and products:
        return Site(advertiser=advertiser, placement=placement, products=products)
    raise typer.BadParameter("--url needs --advertiser, --placement and --product")


def main(
    url: Annotated[str, typer.Option(help="Measure only this running server, http://host:port")] = "",
    advertiser: Annotated[str, typer.Option(help="With --url: an advertiser id it knows")] = "",
    placement: Annotated[str, typer.Option(help="With --url: a placement id it knows")] = "",
    product: Annotated[list[str] | None, typer.Option(help="With --url: a product id; give several")] = None,
    i_own_this_server: Annotated[
        bool, typer.Option("--i-own-this-server", help="Load a machine that is not this one")
    ] = False,
    seconds: Annotated[float, typer.Option(min=0.3, max=600, help="Per endpoint and server, all rounds together")] = 10,
    rounds: Annotated[int, typer.Option(min=1, max=99)] = 3,
    warm_up: Annotated[float, typer.Option(min=0, max=60, help="Seconds before each round, not measured")] = 1,
    connections: Annotated[int, typer.Option(min=1, max=10_000)] = 32,
    visitors: Annotated[int, typer.Option(min=1, max=1_000_000, help="For each endpoint")] = 1_000,
    seed: Annotated[int, typer.Option()] = 1,
    out: Annotated[Path, typer.Option(help="Folder for the results; not with --url")] = RESULTS,
) -> None:
    """Measure the pixel and the ad."""
    console = Console(width=None if os.isatty(1) else 120)
    plan = Plan(
        seconds=seconds, rounds=rounds, warm_up_s=warm_up, connections=connections, visitors=visitors, seed=seed
    )
    try:
        if url:
            address = checked_address(url, any_machine=i_own_this_server)
            measure_one(url, address, _site(advertiser, placement, product or []), plan, console)
        else:
            compare(plan, out, console)
    except LoadError as error:
        console.print(f"benchmark failed: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)
