"""What the server says of a simulated world: its reports, read by the day."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from adserver.simulator.laws import Books
from adserver.simulator.server import Home, SimulationError
from adserver.simulator.world import DAY_S, MEASURED, PACED, World


async def read_books(world: World, home: Home) -> Books:
    """By the commands that an operator has. Raises SimulationError."""
    lift, *days = await asyncio.gather(home.ask("lift"), *(_day(world, home, day) for day in range(world.days)))
    return books_of(dict(enumerate(days)), lift)


async def _day(world: World, home: Home, day: int) -> Any:
    """The last day ends when nothing that was decided on it can be billed any more: it is billed when it is seen."""
    begin = datetime.fromtimestamp(world.start + day * DAY_S, UTC)
    end = datetime.fromtimestamp(world.start + (day + (2 if day == world.days - 1 else 1)) * DAY_S, UTC)
    return await home.ask("report", "--since", f"{begin:%Y-%m-%dT%H:%M:%S}", "--until", f"{end:%Y-%m-%dT%H:%M:%S}")


def books_of(reports: dict[int, Any], lift: Any) -> Books:
    """Out of what ``adserver report`` (by day) and ``adserver lift`` print as JSON. Raises SimulationError."""
    try:
        campaign = next(one for one in lift["measurements"] if one["name"] == MEASURED.campaign)
        (measured,) = campaign["lifts"]
        low, high = measured["relative_interval"]
        return Books(
            billed={day: _billed(report) for day, report in reports.items()},
            measured=measured["relative"],
            low=low,
            high=high,
            arms={arm["arm"]: (arm["visitors"], arm["buyers"]) for arm in campaign["arms"]},
        )
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise SimulationError(f"the reports do not tell what they should: {error!r} in {lift}") from error


def _billed(report: Any) -> int:
    """Micros of the line item with a budget."""
    return sum(int(Decimal(row["cost"]) * 1_000_000) for row in report["rows"] if row["line_item"] == PACED.name)
