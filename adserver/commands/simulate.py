"""``adserver simulate``: worlds whose truth is known, lived through with a real server."""

import sys
from collections.abc import Sequence
from typing import Any

import orjson
import uvloop
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adserver.simulator.laws import Findings
from adserver.simulator.server import SimulationError
from adserver.simulator.simulate import simulate as live_through
from adserver.simulator.verdict import broken_laws, least_covered
from adserver.simulator.world import World


def simulate(
    *, first_seed: int, seeds: int, days: int, visitors: int, speed: float, as_json: bool, console: Console
) -> int:
    """Exit code 0 when every law held, 1 when one did not or the server failed."""
    findings: list[Findings] = []
    try:
        for seed in range(first_seed, first_seed + seeds):
            world = World(seed=seed, days=days, visitors=visitors)
            with console.status(f"Seed {seed}: {_counted(days, 'day')}, {visitors:,} shoppers"):
                findings.append(uvloop.run(live_through(world, speed=speed)))
    except SimulationError as error:
        console.print(Text(f"The simulation could not go on: {error}", style="red"))
        return 1
    wrong = broken_laws(findings)
    if as_json:
        body = {"worlds": [as_document(found) for found in findings], "wrong": wrong}
        sys.stdout.buffer.write(orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        sys.stdout.buffer.flush()
    else:
        _print(findings, wrong, console)
    return 1 if wrong else 0


def as_document(found: Findings) -> dict[str, Any]:
    """One world as JSON has it."""
    return {
        "seed": found.seed,
        "requests": found.requests,
        "ads": found.ads,
        "caps_broken": len(found.broken),
        "days": [{**day._asdict(), "delivered": round(day.delivered, 4)} for day in found.days],
        "lift": {**found.lift._asdict(), "is_covered": found.lift.is_covered, "is_telling": found.lift.is_telling},
        "designs": {"pulls": found.learned.pulls, "best": found.learned.best, "regret": found.learned.regret},
        "refused": found.refused,
        "complaints": found.complaints(),
    }


def _counted(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"


def _print(findings: Sequence[Findings], wrong: Sequence[str], console: Console) -> None:
    table = Table(title="Simulated worlds", title_justify="left", box=SIMPLE, show_edge=False, pad_edge=False)
    for heading in ("Seed", "Ads", "Over cap", "Budget", "True", "Measured lift", "Better", "Regret"):
        table.add_column(heading, justify="right")
    for found in findings:
        lift, learned = found.lift, found.learned
        table.add_row(
            str(found.seed),
            f"{found.ads:,}",
            str(len(found.broken)),
            " ".join(f"{day.delivered:.1%}" for day in found.days),
            f"{lift.true:+.0%}",
            Text(f"{lift.low:+.0%} to {lift.high:+.0%}", style="" if lift.is_covered else "yellow"),
            f"{learned.best:.0%}",
            f"{learned.regret:.0%}",
        )
    console.print(table)
    covered, least = sum(found.lift.is_covered for found in findings), least_covered(len(findings))
    console.print()
    console.print("Budget: the share of each day's that was delivered. True: the known lift.")
    console.print("Better: ads in the design that is truly better. Regret: clicks lost by the")
    console.print("other, as a share of what an even split would have lost.")
    console.print(
        f"The true lift is in {covered} of {len(findings)} measured intervals"
        + (f"; at least {least} are expected." if least else ".")
    )
    for complaint in wrong:
        console.print(Text(complaint, style="red"))
    console.print("Every law held." if not wrong else f"{len(wrong)} found wrong.")
