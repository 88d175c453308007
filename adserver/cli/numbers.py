"""What is known by now: ``report``, ``budget``, ``lift``, ``explain``."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from adserver.cli.options import MOMENTS, AsJson, DatabaseUrl, DataDir, ValkeyUrl, run_async, utc

numbers_app = typer.Typer()


class By(StrEnum):
    """What the report can tell apart beside line items and placements."""

    CREATIVE = "creative"


@numbers_app.command()
def report(
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output, and nothing else.")] = False,
    since: Annotated[datetime | None, typer.Option(help="From this hour on (UTC).")] = None,
    until: Annotated[datetime | None, typer.Option(help="Before this hour (UTC).")] = None,
    by: Annotated[By | None, typer.Option(help="Tell these apart as well.")] = None,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Requests, impressions, clicks and cost per line item and placement, and why there was no ad."""
    from adserver.commands.report import report as make_report

    run_async(
        lambda settings, console: make_report(
            settings,
            since=utc(since),
            until=utc(until),
            as_json=as_json,
            by_creative=by is By.CREATIVE,
            console=console,
        ),
        data_dir,
        valkey_url,
        database_url,
    )


@numbers_app.command()
def budget(
    line_item: Annotated[
        str | None, typer.Argument(metavar="[LINE_ITEM]", help="Only this one.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output, and nothing else.")] = False,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """What line items may spend, have spent, and should have spent by now."""
    from adserver.commands.budget import budget as show_budgets

    run_async(
        lambda settings, console: show_budgets(settings, line_item, as_json=as_json, console=console),
        data_dir,
        valkey_url,
        database_url,
    )


@numbers_app.command()
def lift(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[CAMPAIGN|EXPERIMENT]", help="Only this one.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output, and nothing else.")] = False,
    since: Annotated[datetime | None, typer.Option(help="Visitors first met from this hour on (UTC).")] = None,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """What the ads have caused: who got them against who would have got them, and the arms of experiments."""
    from adserver.commands.lift import lift as make_lift

    run_async(
        lambda settings, console: make_lift(settings, name, since=utc(since), as_json=as_json, console=console),
        data_dir,
        valkey_url,
        database_url,
    )


@numbers_app.command()
def explain(
    visitor: Annotated[str, typer.Option(metavar="ID", help="A visitor's id, or the value of its cookie.")],
    placement: Annotated[str, typer.Option(help="Where the ad would stand.")],
    at: Annotated[
        datetime | None,
        typer.Option(formats=MOMENTS, metavar="TIME", help="At another time (ISO 8601; UTC unless it says more)."),
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """What a visitor would be shown, and of every line item why or why not. Counts nothing."""
    from adserver.commands.explain import explain as explain_to

    run_async(
        lambda settings, console: explain_to(
            settings, visitor, placement, at=utc(at), as_json=as_json, console=console
        ),
        data_dir,
        valkey_url,
        database_url,
    )
