"""``adserver lift``: what the ads have caused."""

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adserver.commands.installation import expect_installation
from adserver.commands.stores import open_stores
from adserver.model.profile import GHOST
from adserver.reporting.lift import Interval, Lift, Verdict
from adserver.reporting.lift_report import Measurement, measurements
from adserver.reporting.measures import decimal_of
from adserver.settings import Settings


async def lift(settings: Settings, name: str | None, *, since: datetime | None, as_json: bool, console: Console) -> int:
    """Of ``name``, a campaign or an experiment, or of all; of visitors first met at ``since`` or later. 1 when nothing
    has that name."""
    expect_installation(settings)
    async with open_stores(settings, wake_valkey=False) as control:
        _, accounts = control.accounts.load()
        costs = control.rollups.costs() if since is None else None
        made = measurements(accounts, control.rollups.arms(since), costs)
    if name is not None and name not in made:
        known = ", ".join(made) or "there are none"
        sys.stderr.write(f"{name}: expected a campaign that has a holdout, or an experiment: {known}\n")
        return 1
    shown = [one for each in made.values() for one in each] if name is None else made[name]
    if as_json:
        body = {"measurements": [_plain(one) for one in shown]}
        sys.stdout.buffer.write(orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        sys.stdout.buffer.flush()
    else:
        _print(shown, console)
    return 0


def _plain(one: Measurement) -> dict[str, Any]:
    """As JSON has it: rates as numbers, money as decimal texts, intervals as pairs."""
    return {
        "name": one.name,
        "kind": one.kind,
        "currency": one.currency,
        "arms": [
            {
                "arm": arm.name,
                "visitors": arm.visitors,
                "buyers": arm.buyers,
                "rate": arm.rate,
                "purchases": arm.purchases,
                "value": decimal_of(arm.value),
            }
            for arm in one.arms
        ],
        "lifts": [
            {
                "arm": found.arm,
                "baseline": found.baseline,
                "difference": found.difference,
                "difference_interval": list(found.difference_interval),
                "relative": found.relative,
                "relative_interval": list(found.relative_interval) if found.relative_interval else None,
                "more_buyers": found.more_buyers,
                "more_buyers_interval": list(found.more_buyers_interval),
                "more_value": decimal_of(round(found.more_value / 10_000) * 10_000),
            }
            for found in one.lifts
        ],
        "balance": {"verdict": one.balance.verdict.value, "p_value": one.balance.p_value},
        "cost": None if one.cost is None else decimal_of(one.cost),
        "return_on_cost": one.return_on_cost,
    }


def _print(shown: Sequence[Measurement], console: Console) -> None:
    if not shown:
        console.print("Nothing is measured: no campaign has a holdout, and there is no experiment.")
    for one in shown:
        console.print(_table(one))
        for line in _words(one):
            console.print(Text(line))
        console.print()


def _table(one: Measurement) -> Table:
    title = "What the ads of {} cause" if one.kind == "campaign" else "Experiment {}"
    table = Table(title=title.format(one.name), title_justify="left")
    table.add_column("Arm")
    for heading in ("Visitors", "Buyers", "Rate", "Lift", "95 % interval"):
        table.add_column(heading, justify="right")
    lifts = {found.arm: found for found in one.lifts}
    for arm in one.arms:
        found = lifts.get(arm.name)
        rate = f"{arm.rate:.2%}" if arm.visitors else ""
        table.add_row(Text(arm.name), str(arm.visitors), str(arm.buyers), rate, *_shown_lift(found))
    return table


def _shown_lift(found: Lift | None) -> tuple[str, str]:
    if found is None:
        return "", ""
    if found.relative is None or found.relative_interval is None:
        return "", "nobody bought without"
    return f"{found.relative:+.1%}", _percent(found.relative_interval)


def _percent(interval: Interval) -> str:
    return f"{interval.low:+.1%} to {interval.high:+.1%}"


def _words(one: Measurement) -> list[str]:
    """What it means, for somebody who does not know what an interval is."""
    lines = [_balance_in_words(one)]
    if one.balance.verdict is Verdict.SKEWED:
        return lines
    lines += [_lift_in_words(found) for found in one.lifts]
    if not one.lifts:
        lines.append("There is nothing to compare yet: each arm has to meet visitors first.")
    if one.kind == "campaign" and one.lifts:
        found, around = one.lifts[0], one.lifts[0].more_buyers_interval
        lines.append(f"Buyers because of the ads: {found.more_buyers:,.0f} ({around.low:,.0f} to {around.high:,.0f}).")
        if one.cost and one.return_on_cost is not None:
            cost = f"{decimal_of(one.cost)} {one.currency}"
            lines.append(f"Cost: {cost}. Sold because of the ads for each 1.00 of it: {one.return_on_cost:.2f}.")
    return lines


def _balance_in_words(one: Measurement) -> str:
    if one.balance.verdict is Verdict.TOO_FEW:
        return "Split: too few visitors were met so far to check it."
    met = ", ".join(f"{arm.visitors} {arm.name}" for arm in one.arms)
    if one.balance.verdict is Verdict.AS_DEALT:
        return f"Split: as it was dealt ({met})."
    return (
        f"ALARM: the split is not as it was dealt ({met}; chance does that less than once in 1,000 times). Do not"
        " believe this lift. Were the shares changed while it ran? Is one arm lost on its way?"
    )


def _lift_in_words(found: Lift) -> str:
    if found.baseline == GHOST:
        arm, baseline = "with the ads", "without them"
    else:
        arm, baseline = f"in {found.arm}", f"in {found.baseline}"
    # Both intervals are approximations, and near their ends they need not agree: then nothing is said.
    intervals = [found.difference_interval, found.relative_interval or found.difference_interval]
    if all(interval.low > 0 for interval in intervals):
        return f"More visitors buy {arm} than {baseline} (sure at 95 %)."
    if all(interval.high < 0 for interval in intervals):
        return f"Fewer visitors buy {arm} than {baseline} (sure at 95 %)."
    return f"Whether more visitors buy {arm} than {baseline} can not be told yet."
