"""Whether an ad stays fast with many line items: ``python -m benchmarks.many``.

Two servers of ours in one run, the rounds taking turns: one with one line item, and one with 200 of one shop, of which
20 may run in the placement that is asked for. All of them have bids, budgets and caps at three levels.
"""

import statistics
from contextlib import ExitStack
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.client import LoadError
from benchmarks.cores import Cores
from benchmarks.measure import Supply, closed, cycled, everybody, quiet
from benchmarks.stage import CAPPED_ACCOUNTS, SITE, Target, our_server
from benchmarks.traffic import SHED, Manner, Traffic, unexpected

GOAL = 0.6
"""Ads with 200 line items for each with one."""

LINE_ITEMS, FIT = 200, 20


def many_accounts() -> str:
    """``LINE_ITEMS`` line items, of which ``FIT`` may run in the placement that is asked for."""
    return CAPPED_ACCOUNTS + "".join(
        f"""
[line_items.more-{number}]
campaign = "acme-summer"
creative = "grid"
placements = ["daily-{"rectangle" if number < FIT else "leaderboard"}"]
priority = {10 + number % 3}
bid = {{ model = "CPM", amount = "{1 + number % 7}.00" }}
budget = {{ total = "1000000.00", pacing = "asap" }}
caps = ["1000/min", "1000/day per campaign", "1000/day per advertiser"]
"""
        for number in range(1, LINE_ITEMS)
    )


def main(
    rounds: Annotated[int, typer.Option(help="Rounds of each, taking turns.")] = 5,
    seconds: Annotated[float, typer.Option(help="Of each round.")] = 2.0,
    visitors: Annotated[int, typer.Option(help="With ten product views each.")] = 1_000,
) -> None:
    """Ads per second with one line item and with 200; exit code 1 where fewer than the goal are left."""
    console, cores = Console(), Cores()
    with ExitStack() as stack:
        few = stack.enter_context(our_server("one line item", patient=True))
        many = stack.enter_context(our_server(f"{LINE_ITEMS} line items", patient=True, accounts=many_accounts()))
        targets = [few, many]
        cores.pin_server(pid for target in targets for pid in target.workers)
        supplies = {target.name: _ads(target, visitors) for target in targets}
        rates: dict[str, list[float]] = {target.name: [] for target in targets}
        for _ in range(rounds):
            for target in targets:
                quiet(targets)
                rates[target.name].append(_rate(target, targets, supplies[target.name], seconds))
    for name, found in rates.items():
        console.print(
            f"{name}: {statistics.median(found):,.0f} ads/s (" + ", ".join(f"{one:,.0f}" for one in found) + ")"
        )
    share = statistics.median(rates[many.name]) / statistics.median(rates[few.name])
    console.print(f"{share:.2f} of the rate is kept; the goal is {GOAL}")
    raise typer.Exit(0 if share >= GOAL else 1)


def _ads(target: Target, visitors: int) -> Supply:
    traffic = Traffic(SITE, target.address, Manner(), seed=1)
    return cycled("ad", traffic.ads(traffic.make_visitors(visitors, history=True, connections=32)))


def _rate(target: Target, targets: list[Target], supply: Supply, seconds: float) -> float:
    done = closed(target, supply, connections=32, warm_up_s=0.5, seconds=seconds, ours=everybody(targets))
    if faults := unexpected(done.counts, SHED):
        raise LoadError(f"{target.name}: {faults}")
    return done.per_second


if __name__ == "__main__":
    typer.run(main)
