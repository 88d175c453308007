"""Whether there is an installation: what only reads must not make one where somebody mistyped a folder."""

from pathlib import Path

from adserver.commands.stores import find_database
from adserver.settings import Settings

_SQLITE = "sqlite:///"


class NoInstallation(OSError):  # noqa: N818  a state of the world, not a mistake in the program
    """There is nothing to read."""


def expect_installation(settings: Settings) -> None:
    """Raises NoInstallation when the SQLite file that would be read is not there; touches nothing.

    Other databases are asked themselves. With a database URL that was given the data folder does not matter.
    """
    database = find_database(settings)
    file = database.removeprefix(_SQLITE).partition("?")[0]
    if not database.startswith(_SQLITE) or file in {"", ":memory:"} or Path(file).is_file():
        return
    if settings.database_url:
        raise NoInstallation(f"there is no database {file}")
    raise NoInstallation(
        f"there is no installation in {settings.data_dir}: {file} is missing. "
        "--data-dir or --database-url tells where it is, adserver serve makes a new one"
    )
