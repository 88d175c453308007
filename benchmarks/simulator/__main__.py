"""``python -m benchmarks.simulator``: twenty worlds of a day, and one of a week, into ``benchmarks/results``."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from adserver.simulator.laws import Findings
from adserver.simulator.simulate import SPEED, simulate
from adserver.simulator.verdict import broken_laws, least_covered
from adserver.simulator.world import World
from benchmarks.machine import machine

RESULTS = Path(__file__).parents[1] / "results" / "simulator.md"

LONG = World(seed=1_000, days=7, visitors=2_000)
LONG_SPEED = 2_880.0
"""A day in half a minute."""

Told = tuple[World, Findings]


_HEADINGS = (
    "seed",
    "requests",
    "ads",
    "over a cap",
    "budget delivered",
    "true lift",
    "measured",
    "interval",
    "better design",
    "regret",
)


def lines(short: Sequence[Told], long: Told) -> Iterator[str]:
    """The results as Markdown."""
    facts = machine("embedded")
    yield "# Simulated worlds"
    yield ""
    yield "Written by `make bench-simulator`; what is simulated: [the simulator](../../docs/simulator.md)."
    yield ""
    yield from (f"- {name}: {facts[name]}" for name in ("date", "cpu", "processors", "memory", "system", "python"))
    worlds = [found for _, found in short]
    yield from (
        "",
        f"## {len(short)} worlds of a day, {short[0][0].visitors:,} shoppers each, {SPEED:,.0f} times as fast",
        "",
    )
    yield from _table(worlds)
    covered, days = sum(found.lift.is_covered for found in worlds), [day for found in worlds for day in found.days]
    yield ""
    least = least_covered(len(worlds))
    yield f"- the true lift is in {covered} of {len(worlds)} intervals; {least} or more are expected"
    yield f"- ads over a cap: {sum(len(found.broken) for found in worlds)} of {sum(found.ads for found in worlds):,}"
    yield f"- budgets delivered: {min(d.delivered for d in days):.1%} to {max(d.delivered for d in days):.1%}"
    yield f"- the worst regret: {max(found.learned.regret for found in worlds):.0%} of what an even split loses"
    world, found = long
    yield from (
        "",
        f"## A world of {world.days} days, {world.visitors:,} shoppers, {LONG_SPEED:,.0f} times as fast",
        "",
    )
    yield from _table([found])
    yield ""
    yield from (f"- **wrong**: {told}" for told in broken_laws(worlds) + broken_laws([found]))


def _table(findings: Sequence[Findings]) -> Iterator[str]:
    yield f"| {' | '.join(_HEADINGS)} |"
    yield f"|{' ---: |' * len(_HEADINGS)}"
    for found in findings:
        lift, learned = found.lift, found.learned
        cells = (
            str(found.seed),
            f"{found.requests:,}",
            f"{found.ads:,}",
            str(len(found.broken)),
            " ".join(f"{day.delivered:.1%}" for day in found.days),
            f"{lift.true:+.0%}",
            f"{lift.measured:+.0%}",
            f"{lift.low:+.0%} to {lift.high:+.0%}{'' if lift.is_covered else ' (missed)'}",
            f"{learned.best:.0%}",
            f"{learned.regret:.0%}",
        )
        yield f"| {' | '.join(cells)} |"


def main(
    seeds: Annotated[int, typer.Option(help="Worlds of one day.")] = 20,
    out: Annotated[Path, typer.Option(help="A file for the results, as Markdown.")] = RESULTS,
) -> None:
    """Live through all worlds, write down what was found; exit code 1 when a law was broken."""
    console = Console(stderr=True)
    short: list[Told] = []
    for seed in range(1, seeds + 1):
        world = World(seed=seed)
        short.append((world, uvloop.run(simulate(world, speed=SPEED))))
        console.print(f"seed {seed}: {short[-1][1].complaints() or 'as it should be'}")
    long = LONG, uvloop.run(simulate(LONG, speed=LONG_SPEED))
    console.print(f"the long one: {long[1].complaints() or 'as it should be'}")
    out.write_text("\n".join(lines(short, long)) + "\n", "utf-8")
    sys.exit(1 if broken_laws([found for _, found in short]) or broken_laws([long[1]]) else 0)


if __name__ == "__main__":
    typer.run(main)
