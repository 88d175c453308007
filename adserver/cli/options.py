"""What several commands take, and how each of them is run."""

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from adserver.creative.fault import CreativeError
from adserver.notes import AlreadyRunning, ServeError
from adserver.settings import SettingError, Settings, load_settings
from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.sql.engine import DatabaseUnavailable
from adserver.storage.valkey.embedded import EmbeddedValkeyError

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

FeedOf = Annotated[str, typer.Argument(metavar="ADVERTISER", help="Its id in the accounts file.", show_default=False)]
MOMENTS = [f"%Y-%m-%dT{clock}{zone}" for clock in ("%H:%M", "%H:%M:%S") for zone in ("", "%z")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output, and nothing else.")]

_EXPECTED = (
    SettingError,
    CreativeError,
    DatabaseUnavailable,
    StoreUnavailable,
    EmbeddedValkeyError,
    AlreadyRunning,
    ServeError,
    OSError,
)


def run_command(work: Callable[[], int]) -> None:
    """Exit with what ``work`` returns; what is expected to go wrong is told in one line, without a traceback."""
    try:
        code = work()
    except _EXPECTED as error:
        Console(stderr=True).print(Text(f"adserver: {error}", style="red"), soft_wrap=True)
        code = 1
    raise typer.Exit(code)


def run_async(
    work: Callable[[Settings, Console], Coroutine[Any, Any, int]],
    data_dir: Path | None,
    valkey_url: str | None,
    database_url: str | None,
) -> None:
    """The same for a command that needs stores: ``work`` gets the settings and where to print."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")

    def command() -> int:
        settings = load_settings(data_dir=data_dir, valkey_url=valkey_url, database_url=database_url)
        return asyncio.run(work(settings, Console(soft_wrap=True)))

    run_command(command)


def utc(moment: datetime | None) -> datetime | None:
    """A time without a zone is UTC."""
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
