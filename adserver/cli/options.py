"""What several commands take, and how each of them is run."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from adserver.settings import Settings

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


def run_command(work: Callable[[], int]) -> None:
    """Exit with what ``work`` returns; what is expected to go wrong is told in one line, without a traceback."""
    try:
        code = work()
    except Exception as error:
        if not isinstance(error, _expected()):
            raise
        Console(stderr=True).print(Text(f"adserver: {error}", style="red"), soft_wrap=True)
        code = 1
    raise typer.Exit(code)


def _expected() -> tuple[type[Exception], ...]:
    """Asked for only when something went wrong: their modules bring the SQL library and Valkey's client along."""
    from adserver.creative.fault import CreativeError
    from adserver.notes import AlreadyRunning, ServeError
    from adserver.settings import SettingError
    from adserver.storage.interfaces import StoreUnavailable
    from adserver.storage.sql.unavailable import DatabaseUnavailable
    from adserver.storage.valkey.embedded import EmbeddedValkeyError

    return (
        SettingError,
        CreativeError,
        DatabaseUnavailable,
        StoreUnavailable,
        EmbeddedValkeyError,
        AlreadyRunning,
        ServeError,
        OSError,
    )


def run_async(
    work: "Callable[[Settings, Console], Coroutine[Any, Any, int]]",
    data_dir: Path | None,
    valkey_url: str | None,
    database_url: str | None,
) -> None:
    """The same for a command that needs stores: ``work`` gets the settings and where to print."""

    def command() -> int:
        import asyncio
        import logging
        import sys

        from adserver.processes import begun
        from adserver.settings import load_settings

        logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
        settings = load_settings(data_dir=data_dir, valkey_url=valkey_url, database_url=database_url)
        begun()
        return asyncio.run(work(settings, Console(soft_wrap=True)))

    run_command(command)


def utc(moment: datetime | None) -> datetime | None:
    """A time without a zone is UTC."""
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
