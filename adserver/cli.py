"""The command line: ``adserver --help``."""

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from adserver import __version__
from adserver.notes import AlreadyRunning, ServeError
from adserver.settings import SettingError, Settings, load_settings
from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.sql.engine import DatabaseUnavailable
from adserver.storage.valkey.embedded import EmbeddedValkeyError
from adserver.telemetry import set_up_logging

app = typer.Typer(
    name="adserver",
    help="A self-hosted ad server that shows visitors the products they looked at, on partner sites.\n\n"
    "What serve takes (but --no-worker), and --data-dir, --valkey-url and --database-url of the other commands, can be "
    "given as an environment variable too: ADSERVER_PORT for --port, and so on. Only demo and simulate read none.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
feed_app = typer.Typer(help="Products of a shop, from the feed it already exports.", no_args_is_help=True)
key_app = typer.Typer(help="API keys: who may call the server's API.", no_args_is_help=True)
app.add_typer(feed_app, name="feed")
app.add_typer(key_app, name="key")
list_app = typer.Typer(help="Customers whom a shop names itself, by the SHA-256 of their e-mail.", no_args_is_help=True)
segment_app = typer.Typer(help="How many visitors are in a segment.", no_args_is_help=True)
app.add_typer(list_app, name="list")
app.add_typer(segment_app, name="segment")

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of the embedded stores and the secret.", show_default="adserver-data"),
]
ValkeyUrl = Annotated[
    str | None,
    typer.Option("--valkey-url", help="A Valkey or Redis of your own.", show_default="the embedded one"),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option("--database-url", help="sqlite:/// or postgresql://", show_default="SQLite in the data folder"),
]


class By(StrEnum):
    """What the report can tell apart beside line items and placements."""

    CREATIVE = "creative"


_EXPECTED = (
    SettingError,
    DatabaseUnavailable,
    StoreUnavailable,
    EmbeddedValkeyError,
    AlreadyRunning,
    ServeError,
    OSError,
)


def _run(work: Callable[[], int]) -> None:
    """Exit with what ``work`` returns; what is expected to go wrong is told in one line, without a traceback."""
    try:
        code = work()
    except _EXPECTED as error:
        Console(stderr=True).print(Text(f"adserver: {error}", style="red"), soft_wrap=True)
        code = 1
    raise typer.Exit(code)


def _run_async(
    work: Callable[[Settings, Console], Coroutine[Any, Any, int]],
    data_dir: Path | None,
    valkey_url: str | None,
    database_url: str | None,
) -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")

    def run() -> int:
        settings = load_settings(data_dir=data_dir, valkey_url=valkey_url, database_url=database_url)
        return asyncio.run(work(settings, Console(soft_wrap=True)))

    _run(run)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; 0 takes a free one.", show_default="8000")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that answer; one per core.", show_default="1")] = None,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
    public_url: Annotated[str | None, typer.Option(help="How browsers reach this server, https://…")] = None,
    ssl_certfile: Annotated[str | None, typer.Option(help="Certificate (PEM), to serve HTTPS itself.")] = None,
    ssl_keyfile: Annotated[str | None, typer.Option(help="Its key (PEM).")] = None,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Without the background worker.")] = False,
) -> None:
    """Run the server: pixel, ads, clicks; with an embedded Valkey and SQLite unless told otherwise."""

    def run() -> int:
        from adserver.supervisor import Supervisor

        settings = load_settings(
            host=host,
            port=port,
            workers=workers,
            data_dir=data_dir,
            valkey_url=valkey_url,
            database_url=database_url,
            public_url=public_url,
            ssl_certfile=ssl_certfile,
            ssl_keyfile=ssl_keyfile,
        )
        set_up_logging(settings.log_level)
        Supervisor(settings, background=not no_worker).run()
        return 0

    _run(run)


@app.command()
def demo(
    port: Annotated[int | None, typer.Option(help="Port to listen on.", show_default="8080")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that answer.", show_default="1")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the demo's data.")] = None,
) -> None:
    """A shop, a newspaper and the ad server on this machine, to click through."""

    def run() -> int:
        from adserver.commands.demo import default_folder, shops
        from adserver.commands.demo import demo as run_demo

        settings = load_settings(
            {},
            port=8080 if port is None else port,
            workers=workers,
            data_dir=data_dir or default_folder(),
            fetch_allow=shops(8080 if port is None else port),
            log_level="warning",
        )
        set_up_logging(settings.log_level)
        return run_demo(settings, console=Console())

    _run(run)


@app.command()
def worker(data_dir: DataDir = None, valkey_url: ValkeyUrl = None, database_url: DatabaseUrl = None) -> None:
    """Only the background worker: reports, feeds, accounts. `serve` runs one unless told --no-worker."""

    def run() -> int:
        from adserver.background import serve_background
        from adserver.clock import clock_of
        from adserver.commands.stores import find_database, find_valkey

        settings = load_settings(data_dir=data_dir, valkey_url=valkey_url, database_url=database_url)
        set_up_logging(settings.log_level)
        valkey = find_valkey(settings)
        if valkey is None:
            raise StoreUnavailable("no Valkey runs for this data folder; start the server, or give --valkey-url")
        asyncio.run(
            serve_background(
                find_database(settings),
                valkey,
                fetch_allow=settings.fetch_allow,
                feed_archive=settings.archive,
                clock=clock_of(settings.clock),
            )
        )
        return 0

    _run(run)


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="The accounts file.", show_default=False)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Also remove what the file does not name.")] = False,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Create and update accounts: advertisers, campaigns, line items, publishers, placements."""
    from adserver.commands.accounts import apply as apply_file

    _run_async(
        lambda settings, console: apply_file(settings, file, dry_run=dry_run, prune=prune, console=console),
        data_dir,
        valkey_url,
        database_url,
    )


FeedOf = Annotated[str, typer.Argument(metavar="ADVERTISER", help="Its id in the accounts file.", show_default=False)]
_MOMENTS = [f"%Y-%m-%dT{clock}{zone}" for clock in ("%H:%M", "%H:%M:%S") for zone in ("", "%z")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output, and nothing else.")]


@feed_app.command("import")
def feed_import(
    advertiser: FeedOf,
    source: Annotated[
        str | None,
        typer.Argument(metavar="FILE_OR_URL", help="The feed; the account's own when left out.", show_default=False),
    ] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Use it even if much of it has changed.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Replace a shop's products by those of a feed. The old ones stay when it is broken, or hardly meant like that."""
    from adserver.commands.feed import import_feed

    _run_async(
        lambda settings, console: import_feed(
            settings, advertiser, source, accept=accept, as_json=as_json, console=console
        ),
        data_dir,
        valkey_url,
        database_url,
    )


@feed_app.command("check")
def feed_check(
    source: Annotated[str, typer.Argument(metavar="FILE_OR_URL", help="The feed.", show_default=False)],
    currency: Annotated[str, typer.Option(help="Meant where a price names none.")] = "EUR",
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with a feed, and change nothing. Needs no account and no server."""
    from adserver.commands.feed import check

    _run_async(
        lambda settings, console: check(settings, source, currency=currency, as_json=as_json, console=console),
        None,
        None,
        None,
    )


@feed_app.command("history")
def feed_history(
    advertiser: FeedOf,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """The last 20 imports of a shop's feed."""
    from adserver.commands.feed import history

    _run_async(
        lambda settings, console: history(settings, advertiser, as_json=as_json, console=console),
        data_dir,
        valkey_url,
        database_url,
    )


@feed_app.command("show")
def feed_show(
    advertiser: FeedOf,
    number: Annotated[
        int | None,
        typer.Argument(metavar="IMPORT", help="Its number in the history; the last when left out.", show_default=False),
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """What one import found: line by line what is wrong, what was expected, how to mend it."""
    from adserver.commands.feed import show

    _run_async(
        lambda settings, console: show(settings, advertiser, number, as_json=as_json, console=console),
        data_dir,
        valkey_url,
        database_url,
    )


@feed_app.command("rebuild")
def feed_rebuild(
    advertiser: Annotated[
        str | None,
        typer.Argument(metavar="ADVERTISER", help="One advertiser; all when left out.", show_default=False),
    ] = None,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Fill an empty Valkey from the last good feeds, with the prices seen before."""
    from adserver.commands.feed import rebuild

    _run_async(
        lambda settings, console: rebuild(settings, advertiser, console=console),
        data_dir,
        valkey_url,
        database_url,
    )


@feed_app.command("related")
def feed_related(
    advertiser: FeedOf,
    product: Annotated[
        str, typer.Argument(metavar="PRODUCT", help="Its id, or that of its item group.", show_default=False)
    ],
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """What visitors view, and buy, together with one product."""
    from adserver.commands.recommend import related

    _run_async(
        lambda settings, console: related(settings, advertiser, product, console=console),
        data_dir,
        valkey_url,
        database_url,
    )


@feed_app.command("best")
def feed_best(
    advertiser: FeedOf,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """A shop's best sellers, and what is viewed most."""
    from adserver.commands.recommend import best

    _run_async(
        lambda settings, console: best(settings, advertiser, console=console), data_dir, valkey_url, database_url
    )


@app.command()
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

    _run_async(
        lambda settings, console: make_report(
            settings,
            since=_utc(since),
            until=_utc(until),
            as_json=as_json,
            by_creative=by is By.CREATIVE,
            console=console,
        ),
        data_dir,
        valkey_url,
        database_url,
    )


@app.command()
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

    _run_async(
        lambda settings, console: show_budgets(settings, line_item, as_json=as_json, console=console),
        data_dir,
        valkey_url,
        database_url,
    )


@app.command()
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

    _run_async(
        lambda settings, console: make_lift(settings, name, since=_utc(since), as_json=as_json, console=console),
        data_dir,
        valkey_url,
        database_url,
    )


@app.command()
def explain(
    visitor: Annotated[str, typer.Option(metavar="ID", help="A visitor's id, or the value of its cookie.")],
    placement: Annotated[str, typer.Option(help="Where the ad would stand.")],
    at: Annotated[
        datetime | None,
        typer.Option(formats=_MOMENTS, metavar="TIME", help="At another time (ISO 8601; UTC unless it says more)."),
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """What a visitor would be shown, and of every line item why or why not. Counts nothing."""
    from adserver.commands.explain import explain as explain_to

    _run_async(
        lambda settings, console: explain_to(
            settings, visitor, placement, at=_utc(at), as_json=as_json, console=console
        ),
        data_dir,
        valkey_url,
        database_url,
    )


@app.command()
def simulate(
    seeds: Annotated[int, typer.Option(min=1, max=1_000, help="How many worlds, one after the other.")] = 1,
    first_seed: Annotated[int, typer.Option(min=0, help="The number of the first one.")] = 1,
    days: Annotated[int, typer.Option(min=1, max=90, help="How long each of them lasts.")] = 1,
    visitors: Annotated[int, typer.Option(min=100, max=1_000_000, help="Shoppers in each of them.")] = 1_000,
    speed: Annotated[float, typer.Option(min=1, max=100_000, help="How many times as fast as true time.")] = 10_800,
    as_json: AsJson = False,
) -> None:
    """Shoppers, shops and publishers whose truth is known, and whether this server finds it out. Needs no server."""

    def run() -> int:
        from adserver.commands.simulate import simulate as run_simulation

        return run_simulation(
            first_seed=first_seed,
            seeds=seeds,
            days=days,
            visitors=visitors,
            speed=speed,
            as_json=as_json,
            console=Console(stderr=as_json),
        )

    _run(run)


@app.command()
def doctor(data_dir: DataDir = None, valkey_url: ValkeyUrl = None, database_url: DatabaseUrl = None) -> None:
    """Say what is wrong with this installation, and what to do about it."""
    from adserver.commands.doctor import doctor as examine

    _run_async(lambda settings, console: examine(settings, console=console), data_dir, valkey_url, database_url)


@key_app.command("create")
def key_create(
    scope: Annotated[
        str, typer.Argument(metavar="SCOPE", help="operator, advertiser:ID or publisher:ID", show_default=False)
    ],
    label: Annotated[str, typer.Option(help="What the key is for.")] = "unnamed",
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a key and show its secret, once."""
    from adserver.commands import keys

    _run_async(
        lambda settings, console: keys.create(settings, scope, label, console=console),
        data_dir,
        valkey_url,
        database_url,
    )


@key_app.command("list")
def key_list(data_dir: DataDir = None, valkey_url: ValkeyUrl = None, database_url: DatabaseUrl = None) -> None:
    """Show all keys, without their secrets."""
    from adserver.commands import keys

    _run_async(lambda settings, console: keys.list_all(settings, console=console), data_dir, valkey_url, database_url)


@key_app.command("revoke")
def key_revoke(
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="Its number, or how its secret begins.", show_default=False)
    ],
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a key worthless."""
    from adserver.commands import keys

    _run_async(
        lambda settings, console: keys.revoke(settings, key, console=console),
        data_dir,
        valkey_url,
        database_url,
    )


ListName = Annotated[str, typer.Argument(metavar="NAME", help="Of the list.", show_default=False)]


@list_app.command("upload")
def list_upload(
    advertiser: FeedOf,
    name: ListName,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Text or CSV: e-mail addresses, or their SHA-256.", show_default=False),
    ],
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make or replace a list. Addresses are hashed here; none is kept."""
    from adserver.commands import lists

    _run_async(
        lambda settings, console: lists.upload(settings, advertiser, name, file, console=console),
        data_dir,
        valkey_url,
        database_url,
    )


@list_app.command("show")
def list_show(
    advertiser: Annotated[
        str | None, typer.Argument(metavar="ADVERTISER", help="One of them; all when left out.", show_default=False)
    ] = None,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Show the lists, how many addresses each has, and who uses it."""
    from adserver.commands import lists

    _run_async(
        lambda settings, console: lists.show(settings, advertiser, console=console),
        data_dir,
        valkey_url,
        database_url,
    )


@list_app.command("remove")
def list_remove(
    advertiser: FeedOf,
    name: ListName,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Forget a list that no line item uses."""
    from adserver.commands import lists

    _run_async(
        lambda settings, console: lists.remove(settings, advertiser, name, console=console),
        data_dir,
        valkey_url,
        database_url,
    )


SegmentName = Annotated[
    str, typer.Argument(metavar="SEGMENT", help="A rung of the ladder, or the id of a rule.", show_default=False)
]
NewAccounts = Annotated[
    Path | None, typer.Option("--file", metavar="FILE.toml", help="Accounts that are not applied yet.")
]
Sample = Annotated[int, typer.Option("--sample", min=0, help="Look at so many visitors; 0 for all of them.")]


@segment_app.command("list")
def segment_list(
    advertiser: Annotated[
        str | None, typer.Argument(metavar="ADVERTISER", help="One of them; all when left out.", show_default=False)
    ] = None,
    file: NewAccounts = None,
    sample: Sample = 50_000,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Every rung of the ladder and every rule, with the visitors in it."""
    _segments(advertiser, (), file, sample, as_json, data_dir, valkey_url, database_url)


@segment_app.command("size")
def segment_size(
    advertiser: FeedOf,
    segment: SegmentName,
    file: NewAccounts = None,
    sample: Sample = 50_000,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """How many visitors are in a segment, also before its rule is applied."""
    _segments(advertiser, (segment,), file, sample, as_json, data_dir, valkey_url, database_url)


@segment_app.command("overlap")
def segment_overlap(
    advertiser: FeedOf,
    segment: SegmentName,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Another one.", show_default=False)],
    file: NewAccounts = None,
    sample: Sample = 50_000,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """How many visitors are in two segments at once."""
    _segments(advertiser, (segment, other), file, sample, as_json, data_dir, valkey_url, database_url)


def _segments(
    advertiser: str | None,
    names: tuple[str, ...],
    file: Path | None,
    sample: int,
    as_json: bool,
    data_dir: Path | None,
    valkey_url: str | None,
    database_url: str | None,
) -> None:
    from adserver.commands.segments import segments

    _run_async(
        lambda settings, console: segments(
            settings, advertiser, names, file=file, sample=sample, as_json=as_json, console=console
        ),
        data_dir,
        valkey_url,
        database_url,
    )


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def _version(shown: bool) -> None:
    if shown:
        typer.echo(f"adserver {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options that come before the command."""


def main() -> None:
    """Entry point."""
    app()
