"""Brings a database to the shape that this version of the program needs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, text

from adserver.storage.sql.engine import (
    BUSY_TIMEOUT_MS,
    masked,
    reading,
    translated,
    writing,
)
from adserver.storage.sql.unavailable import DatabaseUnavailable

if TYPE_CHECKING:
    from alembic.config import Config

_ADVISORY_LOCK = 0x6164_7365_7276_6572
"""Any number that nobody else uses in this PostgreSQL: "adserver" in ASCII."""

_MIGRATION_WAIT_MS = 60_000
_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(engine: Engine) -> None:
    """Run the missing migrations, in one transaction: all of them or none.

    Processes that start together queue: the first migrates, the others find nothing to do. Raises
    DatabaseUnavailable, also for a database that a newer version of the program has changed.
    """
    if is_current(engine):
        return
    from alembic import command  # with all it needs it takes longer to load than most commands run
    from alembic.util import CommandError

    try:
        with _alone(engine) as connection:
            command.upgrade(_config(connection), "head")
    except CommandError as error:
        raise DatabaseUnavailable(
            f"{masked(engine.url)} was changed by a newer version of adserver; start that one ({error})"
        ) from None


def is_current(engine: Engine) -> bool:
    """Whether the database has exactly the shape this version needs. Raises DatabaseUnavailable."""
    with reading(engine) as connection:
        if not engine.dialect.has_table(connection, "alembic_version"):
            return False
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [newest()]


def newest() -> str:
    """The number of the last migration: each file's name begins with its own."""
    return max(file.name for file in (_MIGRATIONS / "versions").glob("[0-9]*.py")).partition("_")[0]


def new_version(engine: Engine, number: str, message: str) -> None:
    """For developers: write ``versions/<number>_*.py``, from the shape of this database to ``tables.py``."""
    from alembic import command

    with writing(engine) as connection:
        command.revision(_config(connection), message=message, rev_id=number, autogenerate=True)


def _config(connection: Connection | None = None) -> "Config":
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))  # a percent sign would interpolate
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    if engine.dialect.name == "sqlite":
        with _sqlite_alone(engine) as connection:
            yield connection
        return
    with writing(engine) as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        yield connection


@contextmanager
def _sqlite_alone(engine: Engine) -> Iterator[Connection]:
    """Holding the write lock.

    Foreign keys rest meanwhile: SQLite alters a table by copying and dropping it, which would take
    its children along.
    """
    with translated(engine), engine.connect() as connection:
        driver = connection.connection.driver_connection  # these pragmas do nothing inside a transaction
        _pragmas(driver, foreign_keys="OFF", busy_timeout=_MIGRATION_WAIT_MS)
        try:
            with connection.begin():
                yield connection
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                if broken:
                    raise DatabaseUnavailable(f"{masked(engine.url)}: rows without their parents: {broken[:3]}")
        finally:
            _pragmas(driver, foreign_keys="ON", busy_timeout=BUSY_TIMEOUT_MS)


def _pragmas(driver: Any, **values: str | int) -> None:
    for name, value in values.items():
        driver.execute(f"PRAGMA {name} = {value}").close()
