"""``adserver report``: requests, impressions, clicks."""

import sys
from datetime import datetime

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adserver.commands.installation import expect_installation
from adserver.commands.stores import open_stores
from adserver.reporting.measures import Report, report_rows
from adserver.settings import Settings


async def report(
    settings: Settings, *, since: datetime | None, until: datetime | None, as_json: bool, console: Console
) -> int:
    """What the background worker has counted: at most some seconds behind while a server runs."""
    expect_installation(settings)
    async with open_stores(settings, wake_valkey=False) as control:
        totals = control.rollups.totals(since, until)
    made = report_rows(totals.rows, totals.no_ad)
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(made, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        sys.stdout.buffer.flush()
    else:
        _print(made, console)
    return 0


def _print(made: Report, console: Console) -> None:
    if not made["rows"]:
        console.print("Nothing was counted yet. A slot that asks for an ad is the first thing that counts.")
        return
    table = Table(title="Ads by line item and placement", title_justify="left", show_footer=True)
    totals = made["totals"]
    table.add_column("Line item", footer="Total")
    table.add_column("Placement")
    for name, measure in (("Requests", "requests"), ("Impressions", "impressions"), ("Clicks", "clicks")):
        table.add_column(name, justify="right", footer=str(totals[measure]))  # type: ignore[literal-required]
    for row in made["rows"]:
        line_item = Text(row["line_item"]) if row["line_item"] else Text("no ad", style="dim")
        numbers = (str(row["requests"]), str(row["impressions"]), str(row["clicks"]))
        table.add_row(line_item, Text(row["placement"]), *numbers)
    console.print(table)
    if made["no_ad"]:
        why = Table(title="Why there was no ad", title_justify="left")
        why.add_column("Placement")
        why.add_column("Reason")
        why.add_column("Requests", justify="right")
        for refused in made["no_ad"]:
            why.add_row(Text(refused["placement"]), refused["reason"], str(refused["requests"]))
        console.print(why)
