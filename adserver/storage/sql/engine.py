"""Opening the SQL database, and the two kinds of transactions that everything here uses."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from adserver.storage.sql.unavailable import DatabaseUnavailable

BUSY_TIMEOUT_MS = 5000
"""How long a SQLite writer queues behind another one. Transactions here take milliseconds."""

_CONNECT_TIMEOUT_S = 5
_READ_ONLY = "adserver_read_only"
_SECRET_PARAMETERS = ("password", "sslpassword", "passfile")


def open_engine(url: str) -> Engine:
    """An engine for ``sqlite:////absolute/path.db`` or ``postgresql://user:password@host/name``.

    ``postgres://`` is understood as well. The database is asked once, so a wrong address shows here:
    raises DatabaseUnavailable.
    """
    parsed = _parse(url)
    try:
        engine = _create(parsed)
        with reading(engine) as connection:
            connection.execute(text("SELECT 1"))
    except ModuleNotFoundError as error:
        raise DatabaseUnavailable(
            f"{masked(parsed)} needs a driver ({error.name} is missing): pip install 'adserver[postgres]'"
        ) from None
    except DatabaseUnavailable:
        engine.dispose()
        raise
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, and in which all statements see the same state."""
    options: dict[str, Any] = {_READ_ONLY: True}
    if engine.dialect.name == "postgresql":
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with translated(engine), engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes: all or nothing. On SQLite it queues behind other writers from its begin."""
    with translated(engine), engine.begin() as connection:
        yield connection


def masked(url: URL) -> str:
    """The address without its secrets."""
    hidden = {name: "***" for name in _SECRET_PARAMETERS if name in url.query}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise DatabaseUnavailable(
            "the database address is not a URL like sqlite:////path/adserver.db or postgresql://user@host/name"
        ) from None
    if parsed.drivername in {"postgres", "postgresql", "postgresql+psycopg"}:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "sqlite":
        raise DatabaseUnavailable(f"expected a sqlite:// or postgresql:// address, found {parsed.drivername}://")
    if parsed.database in {None, "", ":memory:"}:
        raise DatabaseUnavailable("SQLite needs a file here: sqlite:////absolute/path.db")
    return parsed.set(drivername="sqlite")


def _create(url: URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        timeout = {} if "connect_timeout" in url.query else {"connect_timeout": _CONNECT_TIMEOUT_S}
        return create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args=timeout)
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions by itself: _begin_sqlite does
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        if cursor.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA synchronous = NORMAL")
    finally:
        cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that reads first and writes later fails when another one wrote in between.
    read_only = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


@contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """Turns what the driver raises for a lost, locked or broken database into DatabaseUnavailable."""
    try:
        yield
    except PoolTimeoutError:
        raise DatabaseUnavailable(f"{masked(engine.url)}: all connections are in use") from None
    except (OperationalError, InterfaceError) as error:
        raise DatabaseUnavailable(_reason(engine.url, error)) from None


def _reason(url: URL, error: DBAPIError) -> str:
    said = " ".join(str(error.orig).split())
    for secret in (url.password, *(url.query.get(name) for name in _SECRET_PARAMETERS)):
        if isinstance(secret, str) and secret:
            said = said.replace(secret, "***")
    return f"{masked(url)}: {said}"
