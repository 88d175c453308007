"""``adserver feed``: import a shop's feed, check one, and look at what earlier imports found."""

import asyncio
import os

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from adserver.commands.feed_report import (
    OUTCOMES,
    accept_command,
    as_document,
    counted,
    counts_of,
    plain_table,
    print_fix,
    print_json,
    print_problems,
    size_of,
    took,
)
from adserver.commands.installation import expect_installation
from adserver.commands.stores import open_stores
from adserver.control import Control
from adserver.model.account import Accounts, Advertiser, Feed
from adserver.model.feed_import import FeedImport, Outcome
from adserver.model.source import shown_source
from adserver.service.check_feed import check_feed
from adserver.service.import_feed import Imported
from adserver.settings import Settings
from adserver.storage.feed_archive import ArchiveDamaged
from adserver.storage.fetch import Allowed, Fetcher

EXAMPLES_SHOWN = 3
"""Lines of the feed shown per kind of problem; JSON has all that are kept."""


class _Refusal(Exception):  # noqa: N818  a mistake in what was asked, not in the program
    """What was asked for can not be done; the text says why."""


async def import_feed(
    settings: Settings, advertiser_id: str, given: str | None, *, accept: bool, as_json: bool, console: Console
) -> int:
    """Exit code 0 when the feed's products are in use, 1 when the old ones stay."""
    aside = Console(stderr=True, soft_wrap=True)
    async with open_stores(settings, wake_valkey=True) as control:
        try:
            _, accounts = control.accounts.load()
            advertiser = _advertiser(accounts, advertiser_id)
            feed = accounts.feeds.get(advertiser_id)
            source = _source(feed, given, advertiser_id)
        except _Refusal as refusal:
            return _refuse(refusal, as_json=as_json, console=console)
        imported = await _import(control, advertiser, source, feed, accept=accept, aside=aside)
    own = feed is not None and source == feed.source
    accept_with = accept_command(advertiser_id, None if own else given)
    if as_json:
        held_back = imported.outcome is Outcome.HELD_BACK
        print_json({**_told(imported, advertiser_id, source), "accept": accept_with if held_back else None})
    else:
        print_problems(imported.report, console, examples=1)
        _tell(imported, accept_with, console)
    return 0 if imported.outcome.is_good else 1


async def _import(
    control: Control, advertiser: Advertiser, source: str, feed: Feed | None, *, accept: bool, aside: Console
) -> Imported:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} rows"))
    progress = Progress(*columns, TimeElapsedColumn(), console=aside, transient=True, disable=not aside.is_terminal)
    with progress:
        task = progress.add_task(f"Importing products of {advertiser.id}", total=None)
        return await control.import_feed(
            advertiser,
            source,
            feed=feed,
            accept=accept,
            progress=lambda rows: progress.advance(task, rows),
            waiting=lambda: aside.print("Another import of this feed is running; this one begins when it has ended."),
        )


def _tell(imported: Imported, accept_with: str, console: Console) -> None:
    counts = counts_of(imported.report)
    match imported.outcome:
        case Outcome.IMPORTED:
            console.print(f"{counts} They are in use within two seconds.")
        case Outcome.UNCHANGED:
            console.print(
                f"The feed is the same as before: {counted(imported.summary.products, 'product')} in use, as they were."
            )
        case Outcome.HELD_BACK:
            held = f"Held back: {imported.reason}. The products from before stay in use."
            console.print(Text(held, style="yellow"))
            console.print(counts)
            console.print("If the feed is as it should be, accept it:")
            console.print(Text(f"    {accept_with}"))
        case _:
            console.print(Text(f"Not imported: {imported.reason}. The products from before stay in use.", style="red"))
            print_fix(imported.report, console)
            console.print(counts)


def _told(imported: Imported, advertiser: str, source: str) -> dict[str, object]:
    return {
        "import": imported.number,
        "advertiser": advertiser,
        "source": shown_source(source),
        "outcome": imported.outcome.value,
        "reason": imported.reason,
        **imported.report,
    }


async def check(settings: Settings, source: str, *, currency: str, as_json: bool, console: Console) -> int:
    """Read a feed and change nothing; needs neither a server nor an account. Exit code 1 where it can not be used."""
    fetcher = Fetcher(Allowed.parse(settings.fetch_allow))
    checked = await check_feed(fetcher.open_source, _absolute(source), currency)
    if as_json:
        print_json({"source": shown_source(source), "usable": not checked.reason, **checked.as_dict()})
        return 1 if checked.reason else 0
    print_problems(checked.report, console, examples=EXAMPLES_SHOWN)
    if checked.reason:
        console.print(Text(f"This feed can not be used: {checked.reason}.", style="red"))
        print_fix(checked.report, console)
    console.print(counts_of(checked.report))
    return 1 if checked.reason else 0


async def history(settings: Settings, advertiser_id: str, *, as_json: bool, console: Console) -> int:
    """The last imports of one advertiser, newest first."""
    try:
        imports = await _imports(settings, advertiser_id)
    except _Refusal as refusal:
        return _refuse(refusal, as_json=as_json, console=console)
    if as_json:
        short = [{k: v for k, v in as_document(done).items() if k != "problems"} for done in imports]
        print_json({"advertiser": advertiser_id, "imports": short})
        return 0
    if not imports:
        console.print(f"The feed of {advertiser_id} was not imported yet.")
        return 0
    table = plain_table(f"Imports of {advertiser_id}")
    for heading, justify in (("Import", "right"), ("Began (UTC)", "left"), ("Outcome", "left")):
        table.add_column(heading, justify=justify, no_wrap=True)  # type: ignore[arg-type]  # a word of rich's
    table.add_column("Products", justify="right", no_wrap=True)
    table.add_column("Left out", justify="right", no_wrap=True)
    table.add_column("Why not, or from where", overflow="fold")
    for done in imports:
        word, style = OUTCOMES[done.outcome]
        report = done.report
        why = Text(done.reason) if done.reason else Text(shown_source(done.source).rpartition("/")[2], style="dim")
        numbers = [f"{report[name]:,}" if name in report else "" for name in ("products", "left_out")]
        began = done.began_at.strftime("%Y-%m-%d %H:%M")
        table.add_row(str(done.number), began, Text(word, style=style), *numbers, why)
    console.print(table, soft_wrap=False)
    console.print(f"What an import found: adserver feed show {advertiser_id} IMPORT")
    return 0


async def show(settings: Settings, advertiser_id: str, number: int | None, *, as_json: bool, console: Console) -> int:
    """The report of one import, the last that has ended where no number is given."""
    try:
        done = _chosen(await _imports(settings, advertiser_id), advertiser_id, number)
    except _Refusal as refusal:
        return _refuse(refusal, as_json=as_json, console=console)
    if as_json:
        print_json(as_document(done))
        return 0
    word, style = OUTCOMES[done.outcome]
    title = Text(f"Import {done.number} of {advertiser_id}: ").append(word, style=f"bold {style}")
    console.print(title)
    for name, value in _facts(done):
        console.print(Text(f"  {name:<9}", style="dim").append(value, style="default"))
    console.print()
    print_problems(done.report, console, examples=EXAMPLES_SHOWN)
    print_fix(done.report, console)
    console.print(counts_of(done.report))
    return 0


def _facts(done: FeedImport) -> list[tuple[str, str]]:
    began = done.began_at.strftime("%Y-%m-%d %H:%M:%S UTC")
    facts = [
        ("began", f"{began}, took {took(done)}" if done.ended_at else began),
        ("source", shown_source(done.source)),
    ]
    if done.report.get("format"):
        facts.append(("format", str(done.report["format"])))
    if done.report.get("bytes"):
        facts.append(("size", size_of(done.report)))
    return [*facts, ("why", done.reason)] if done.reason else facts


async def rebuild(settings: Settings, advertiser_id: str | None, *, console: Console) -> int:
    """Fill Valkey from the archived catalogs. Exit code 1 where one could not be."""
    async with open_stores(settings, wake_valkey=True) as control:
        try:
            _, accounts = control.accounts.load()
            chosen = [_advertiser(accounts, advertiser_id)] if advertiser_id else list(accounts.advertisers.values())
        except _Refusal as refusal:
            return _refuse(refusal, as_json=False, console=console)
        filled = [await _rebuild(control, advertiser, console) for advertiser in chosen]
        if not any(filled) and advertiser_id is None:
            console.print("No catalog is archived yet: each good import archives one.")
    return 0 if any(filled) or not chosen else 1


async def _rebuild(control: Control, advertiser: Advertiser, console: Console) -> bool:
    try:
        products = await control.rebuild_feed(advertiser)
    except (ArchiveDamaged, OSError) as error:
        console.print(Text(f"{advertiser.id}: the archived catalog can not be read: {error}", style="red"))
        return False
    if products is None:
        console.print(f"{advertiser.id}: nothing is archived.")
        return False
    console.print(f"{advertiser.id}: {counted(products, 'product')} back, as the last good import left it.")
    return True


async def _imports(settings: Settings, advertiser_id: str) -> list[FeedImport]:
    expect_installation(settings)
    async with open_stores(settings, wake_valkey=False) as control:
        _, accounts = control.accounts.load()
        return await asyncio.to_thread(control.feeds.imports, _advertiser(accounts, advertiser_id).ref)


def _chosen(imports: list[FeedImport], advertiser_id: str, number: int | None) -> FeedImport:
    ended = [done for done in imports if done.ended_at is not None]
    if number is None and ended:
        return ended[0]
    for done in imports:
        if done.number == number:
            return done
    if not imports:
        raise _Refusal(f"The feed of {advertiser_id} was not imported yet.")
    known = ", ".join(str(done.number) for done in imports)
    raise _Refusal(f"There is no import {number} of {advertiser_id} any more. Kept: {known}")


def _advertiser(accounts: Accounts, advertiser_id: str) -> Advertiser:
    advertiser = accounts.advertisers.get(advertiser_id)
    if advertiser is None:
        known = ", ".join(sorted(accounts.advertisers)) or "none yet; see: adserver apply"
        raise _Refusal(f'There is no advertiser "{advertiser_id}". Known: {known}')
    return advertiser


def _source(feed: Feed | None, given: str | None, advertiser_id: str) -> str:
    if given is not None:
        return _absolute(given)
    if feed is None:
        raise _Refusal(f'The account of "{advertiser_id}" names no feed; give a file or URL.')
    return feed.source


def _absolute(source: str) -> str:
    """As the accounts file has it, so that the account's own feed is told to be that."""
    return source if "://" in source else os.path.abspath(source)  # noqa: PTH100  Path.resolve follows links


def _refuse(refusal: _Refusal, *, as_json: bool, console: Console) -> int:
    if as_json:
        print_json({"error": str(refusal)})
    else:
        console.print(Text(str(refusal), style="red"))
    return 1
