"""SQL databases for tests: SQLite files, and a PostgreSQL that lives as long as the test session.

A test module takes the fixtures in with ``pytest_plugins = ["tests.contract.sql_servers"]`` and does not
import this module: pytest would complain that it can not rewrite its assertions.
"""

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from adserver.storage.sql.engine import open_engine
from adserver.storage.sql.migrate import upgrade

_START_TIMEOUT_S = 30
_INITDB = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")


class PostgresMissing(Exception):  # noqa: N818 - a state of the machine
    """No PostgreSQL server programs on this machine."""


def find_postgres() -> Path:
    """The folder with ``initdb``, ``postgres`` and ``pg_ctl``, newest version first, or PostgresMissing."""
    on_path = shutil.which("initdb")
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest_first = sorted(installed, key=lambda program: float(program.parts[-3]), reverse=True)
    for program in ([Path(on_path).resolve()] if on_path else []) + newest_first:
        if all((program.parent / name).exists() for name in ("postgres", "pg_ctl")):
            return program.parent
    raise PostgresMissing("PostgreSQL's initdb and postgres are missing: install the package postgresql")


@contextmanager
def postgres() -> Iterator[str]:
    """The folder of the unix socket of an empty server (user ``postgres``, no password, no TCP).

    It dies with the process that started it. Raises PostgresMissing.
    """
    programs = find_postgres()
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path must be short
    run_as = _run_as(folder)
    data = folder / "data"
    try:
        subprocess.run(
            [*run_as, programs / "initdb", "--pgdata", data, *_INITDB],
            check=True,
            capture_output=True,
            cwd=folder,
        )
        settings = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB"]
        settings += ["listen_addresses=", f"unix_socket_directories={folder}", "timezone=Asia/Kolkata"]
        options = [part for setting in settings for part in ("-c", setting)]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [*run_as, programs / "postgres", "-D", data, *options], stdout=log, stderr=log, cwd=folder
            )
        try:
            _wait(server, folder)
            yield str(folder)
        finally:
            subprocess.run(
                [*run_as, programs / "pg_ctl", "stop", "--pgdata", data, "--mode=immediate"],
                check=False,
                capture_output=True,
                cwd=folder,
            )
            server.wait(_START_TIMEOUT_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run_as(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root; its death follows ours where setpriv is there to say so."""
    setpriv = shutil.which("setpriv")
    follow = [setpriv, "--pdeathsig=QUIT"] if setpriv else []
    if os.geteuid() != 0:
        return follow
    names = {user.pw_name: user for user in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    os.chown(folder, user.pw_uid, user.pw_gid)
    if setpriv:
        return [*follow, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return ["runuser", "-u", user.pw_name, "--"]


def _wait(server: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while True:
        try:
            psycopg.connect(host=str(folder), user="postgres", dbname="postgres").close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((folder / "log").read_text(errors="replace")) from None
            time.sleep(0.02)
        else:
            return


@pytest.fixture(scope="session")
def postgres_socket() -> Iterator[str]:
    """See ``postgres``; skips only where the programs are not installed."""
    try:
        find_postgres()
    except PostgresMissing as missing:
        pytest.skip(str(missing))
    with postgres() as folder:
        yield folder


_numbers = itertools.count(1)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database: the test runs once on SQLite, once on PostgreSQL.

    For a test that asks for the ``engine`` it has all migrations: a copy, since each test would run the same ones.
    """
    migrated = "engine" in request.fixturenames
    if request.param == "sqlite":
        file = tmp_path / "adserver.db"
        if migrated:
            shutil.copyfile(request.getfixturevalue("migrated_sqlite"), file)
        return f"sqlite:///{file}"
    folder: str = request.getfixturevalue("postgres_socket")
    template = request.getfixturevalue("migrated_postgres") if migrated else "template1"
    return _create(folder, f"test_{next(_numbers)}", template)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a database with all migrations and nothing else."""
    file = tmp_path_factory.mktemp("migrated") / "adserver.db"
    _migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def migrated_postgres(postgres_socket: str) -> str:
    """The name of such a one."""
    _migrate(_create(postgres_socket, "migrated", "template1"))
    return "migrated"


def _create(folder: str, name: str, template: str) -> str:
    """A new PostgreSQL database; its address."""
    statement = psycopg.sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    with psycopg.connect(host=folder, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(statement.format(psycopg.sql.Identifier(name), psycopg.sql.Identifier(template)))
    return f"postgresql://postgres@/{name}?host={folder}"


def _migrate(address: str) -> None:
    engine = open_engine(address)
    upgrade(engine)
    engine.dispose()


Opener = Callable[[], Engine]


@pytest.fixture
def open_again(empty_database: str) -> Iterator[Opener]:
    """Opens another engine on the test's database, as another process would; all are closed at the end."""
    engines: list[Engine] = []

    def opener() -> Engine:
        engines.append(open_engine(empty_database))
        return engines[-1]

    yield opener
    for engine in engines:
        engine.dispose()


@pytest.fixture
def engine(open_again: Opener) -> Engine:
    """An engine on a database with all migrations."""
    return open_again()
