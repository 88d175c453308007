"""``adserver report``: requests, impressions, clicks, cost."""

import sys
from datetime import datetime

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adserver.commands.installation import expect_installation
from adserver.commands.stores import open_stores
from adserver.reporting.measures import Report, ReportRow, Sum, report_rows
from adserver.settings import Settings


async def report(
    settings: Settings,
    *,
    since: datetime | None,
    until: datetime | None,
    as_json: bool,
    by_creative: bool,
    console: Console,
) -> int:
    """What the background worker has counted: at most some seconds behind while a server runs."""
    expect_installation(settings)
    async with open_stores(settings, wake_valkey=False) as control:
        totals = control.rollups.totals(since, until, by_creative=by_creative)
        _, accounts = control.accounts.load()
    currencies = {
        name: accounts.advertisers[accounts.campaigns[item.campaign].advertiser].currency
        for name, item in accounts.line_items.items()
    }
    made = report_rows([Sum(*row) for row in totals.rows], totals.no_ad, currencies, by_creative=by_creative)
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(made, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        sys.stdout.buffer.flush()
    else:
        _print(made, console, by_creative=by_creative)
    return 0


def _print(made: Report, console: Console, *, by_creative: bool) -> None:
    if not made["rows"]:
        console.print("Nothing was counted yet. A slot that asks for an ad is the first thing that counts.")
        return
    table = Table(title="Ads by line item and placement", title_justify="left", show_footer=True)
    totals = made["totals"]
    table.add_column("Line item", footer="Total")
    table.add_column("Placement")
    if by_creative:
        table.add_column("Creative")
    for name, measure in (("Requests", "requests"), ("Impressions", "impressions"), ("Clicks", "clicks")):
        table.add_column(name, justify="right", footer=str(totals[measure]))  # type: ignore[literal-required]
    costs = [f"{cost} {currency}".strip() for currency, cost in totals.get("cost", {}).items()]
    table.add_column("Cost", justify="right", footer="\n".join(costs))
    for row in made["rows"]:
        line_item = Text(row["line_item"]) if row["line_item"] else Text("no ad", style="dim")
        names = [line_item, Text(row["placement"])]
        if by_creative:
            names.append(Text(row.get("creative") or ""))
        numbers = (str(row["requests"]), str(row["impressions"]), str(row["clicks"]))
        table.add_row(*names, *numbers, _cost(row))
    console.print(table)
    if made["no_ad"]:
        why = Table(title="Why there was no ad", title_justify="left")
        why.add_column("Placement")
        why.add_column("Reason")
        why.add_column("Requests", justify="right")
        for refused in made["no_ad"]:
            why.add_row(Text(refused["placement"]), refused["reason"], str(refused["requests"]))
        console.print(why)


def _cost(row: ReportRow) -> str:
    return f"{row.get('cost', '')} {row.get('currency') or ''}".strip()
