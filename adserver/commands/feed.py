"""``adserver feed import``: a shop's products from its feed."""

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from adserver.commands.stores import open_stores
from adserver.service.import_feed import Imported
from adserver.settings import Settings


async def import_feed(settings: Settings, advertiser_id: str, source: str | None, *, console: Console) -> int:
    """Exit code 0 when the new catalog is in use, 1 when the old one stays."""
    async with open_stores(settings, wake_valkey=True) as control:
        _, accounts = control.accounts.load()
        advertiser = accounts.advertisers.get(advertiser_id)
        if advertiser is None:
            known = ", ".join(sorted(accounts.advertisers)) or "none yet; see: adserver apply"
            console.print(Text(f'There is no advertiser "{advertiser_id}". Known: {known}', style="red"))
            return 1
        if source is None:
            feed = accounts.feeds.get(advertiser_id)
            if feed is None:
                console.print(Text(f'The account of "{advertiser_id}" names no feed; give a file or URL.', style="red"))
                return 1
            source = feed.source
        elif not source.startswith(("http://", "https://")):
            source = str(Path.cwd() / source)
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed} rows"),
        )
        with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
            task = progress.add_task(f"Importing products of {advertiser_id}", total=None)
            imported = await control.import_feed(advertiser, source, progress=lambda rows: progress.advance(task, rows))
    _tell(imported, console)
    return 1 if imported.refused else 0


def _tell(imported: Imported, console: Console) -> None:
    summary = imported.summary.as_dict()
    problems = summary["problems"]
    if isinstance(problems, list) and problems:
        table = Table(title="What is wrong with this feed", title_justify="left")
        for heading in ("Rows", "Field", "Expected", "For example"):
            table.add_column(heading, overflow="fold")
        for problem in problems:
            example = problem["examples"][0]
            shown = f"line {example['line']}: {example['product_id'] or 'no id'}: {example['found']!r}"
            table.add_row(str(problem["count"]), Text(problem["field"]), Text(problem["expected"]), Text(shown))
        console.print(table)
    counts = f"{imported.summary.products} products read, {imported.summary.left_out} rows left out."
    if imported.refused:
        console.print(Text(f"Not imported: {imported.refused}. The products from before stay in use.", style="red"))
        console.print(counts)
    else:
        console.print(f"{counts} They are in use within two seconds.")
