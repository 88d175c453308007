"""The command line: ``adserver --help``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from adserver import __version__
from adserver.cli.creative import creative_app
from adserver.cli.feed import feed_app
from adserver.cli.keys import key_app
from adserver.cli.lists import list_app
from adserver.cli.numbers import numbers_app
from adserver.cli.options import AsJson, DatabaseUrl, DataDir, ValkeyUrl, run_async, run_command
from adserver.cli.segments import segment_app
from adserver.processes import begin, begun

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

    def work() -> int:
        from adserver.settings import load_settings
        from adserver.supervisor import Supervisor
        from adserver.telemetry import set_up_logging

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

    run_command(work)


@app.command()
def demo(
    port: Annotated[int | None, typer.Option(help="Port to listen on.", show_default="8080")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that answer.", show_default="1")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the demo's data.")] = None,
) -> None:
    """A shop, a newspaper and the ad server on this machine, to click through."""

    def work() -> int:
        from adserver.commands.demo import default_folder, shops
        from adserver.commands.demo import demo as run_demo
        from adserver.settings import load_settings
        from adserver.telemetry import set_up_logging

        settings = load_settings(
            {},
            port=8080 if port is None else port,
            workers=workers,
            data_dir=data_dir or default_folder(),
            fetch_allow=shops(8080 if port is None else port),
            preview_open=True,
            log_level="warning",
        )
        set_up_logging(settings.log_level)
        return run_demo(settings, console=Console())

    run_command(work)


@app.command()
def worker(data_dir: DataDir = None, valkey_url: ValkeyUrl = None, database_url: DatabaseUrl = None) -> None:
    """Only the background worker: reports, feeds, accounts. `serve` runs one unless told --no-worker."""

    def work() -> int:
        import asyncio

        from adserver.background import serve_background
        from adserver.clock import clock_of
        from adserver.commands.stores import find_database, find_valkey
        from adserver.settings import load_settings
        from adserver.storage.interfaces import StoreUnavailable
        from adserver.telemetry import set_up_logging

        settings = load_settings(data_dir=data_dir, valkey_url=valkey_url, database_url=database_url)
        set_up_logging(settings.log_level)
        valkey = find_valkey(settings)
        if valkey is None:
            raise StoreUnavailable("no Valkey runs for this data folder; start the server, or give --valkey-url")
        begun()
        asyncio.run(
            serve_background(
                find_database(settings),
                valkey,
                fetch_allow=settings.fetch_allow,
                feed_archive=settings.archive,
                own_creatives=settings.own_creatives,
                clock=clock_of(settings.clock),
            )
        )
        return 0

    run_command(work)


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

    run_async(
        lambda settings, console: apply_file(settings, file, dry_run=dry_run, prune=prune, console=console),
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

    def work() -> int:
        from adserver.commands.simulate import simulate as run_simulation

        begun()
        return run_simulation(
            first_seed=first_seed,
            seeds=seeds,
            days=days,
            visitors=visitors,
            speed=speed,
            as_json=as_json,
            console=Console(stderr=as_json),
        )

    run_command(work)


@app.command()
def doctor(data_dir: DataDir = None, valkey_url: ValkeyUrl = None, database_url: DatabaseUrl = None) -> None:
    """Say what is wrong with this installation, and what to do about it."""
    from adserver.commands.doctor import doctor as examine

    run_async(lambda settings, console: examine(settings, console=console), data_dir, valkey_url, database_url)


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


app.add_typer(numbers_app)
app.add_typer(creative_app, name="creative")
app.add_typer(feed_app, name="feed")
app.add_typer(key_app, name="key")
app.add_typer(list_app, name="list")
app.add_typer(segment_app, name="segment")


def main() -> None:
    """Entry point."""
    begin()
    app()
