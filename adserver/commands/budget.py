"""``adserver budget``: what each line item may spend, has spent, and should have spent by now."""

import sys
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adserver.clock import clock_of
from adserver.commands.installation import expect_installation
from adserver.commands.stores import open_stores
from adserver.control import Control
from adserver.decision.pacing import allowed, plan_day
from adserver.model.account import Accounts
from adserver.model.budget import Curve
from adserver.model.line_item import LineItem
from adserver.reporting.measures import decimal_of
from adserver.settings import Settings

_SHOWN = ("total", "spent", "daily", "spent_today", "goal_by_now", "held")


async def budget(settings: Settings, line_item: str | None, *, as_json: bool, console: Console) -> int:
    """Of one line item, or of all that have a budget. 1 when there is none of that name."""
    expect_installation(settings)
    now = clock_of(settings.clock)()
    async with open_stores(settings, wake_valkey=True) as control:
        _, accounts = control.accounts.load()
        booked = {name: item for name, item in sorted(accounts.line_items.items()) if item.budget is not None}
        if line_item is not None and line_item not in booked:
            known = ", ".join(booked) or "there are none"
            sys.stderr.write(f"{line_item}: expected a line item that has a budget: {known}\n")
            return 1
        shown = list(booked.values()) if line_item is None else [booked[line_item]]
        curves = await control.ledgers.curves()
        rows = [await _row(control, accounts, item, curves.get(item.ref, ()), now) for item in shown]
    if as_json:
        body = orjson.dumps({"budgets": rows}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
    elif rows:
        console.print(_table(rows))
    else:
        console.print("No line item has a budget.")
    return 0


async def _row(control: Control, accounts: Accounts, item: LineItem, curve: Curve, now: float) -> dict[str, Any]:
    """Money is in the advertiser's currency; None where there is no limit, or nothing is known yet."""
    advertiser = accounts.advertisers[accounts.campaigns[item.campaign].advertiser]
    zone = ZoneInfo(advertiser.time_zone)
    plan = plan_day(now, item, zone)
    ledger = await control.ledgers.read(item.ref, plan.number, now)
    booked = item.budget
    row: dict[str, Any] = {"line_item": item.id, "currency": advertiser.currency, "pacing": "", **dict.fromkeys(_SHOWN)}
    if booked is None:
        return row
    row |= {"pacing": booked.pacing.value, "total": booked.total, "daily": booked.daily}
    if ledger is not None:
        share = plan_day(now, item, zone, ledger.began).share(now, curve)
        before = ledger.spent + ledger.held - ledger.spent_today - ledger.held_today
        price = item.bid.per_event if item.bid else 0
        row |= {
            "spent": ledger.spent,
            "spent_today": ledger.spent_today,
            "held": ledger.held,
            "goal_by_now": allowed(booked, share, before=before, price=price),
        }
    return row | {name: None if row[name] is None else decimal_of(row[name]) for name in _SHOWN}


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="Budgets", title_justify="left")
    for name in ("Line item", "Pacing"):
        table.add_column(name)
    for name in ("Total", "Spent", "A day", "Today", "By now", "Held"):
        table.add_column(name, justify="right")
    table.add_column("")
    for row in rows:
        money = ["-" if row[name] is None else f"{Decimal(row[name]):.2f}" for name in _SHOWN]
        table.add_row(Text(row["line_item"]), row["pacing"], *money, row["currency"])
    return table
