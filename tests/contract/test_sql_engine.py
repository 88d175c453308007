"""Opening databases: settings, transactions, and errors that tell no secrets."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text, update
from sqlalchemy.exc import IntegrityError

from adserver.storage.sql.engine import open_engine, reading, writing
from adserver.storage.sql.tables import RevisionRow, UtcDateTime
from adserver.storage.sql.unavailable import DatabaseUnavailable

pytest_plugins = ["tests.contract.sql_servers"]


def test_sqlite_is_set_up_for_several_processes(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with reading(engine) as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "busy_timeout", "foreign_keys", "synchronous")
        }
    engine.dispose()
    assert found == {"journal_mode": "wal", "busy_timeout": 5000, "foreign_keys": 1, "synchronous": 1}


def test_postgres_scheme_is_rewritten(postgres_socket: str) -> None:
    for scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        engine = open_engine(f"{scheme}://postgres@/postgres?host={postgres_socket}")
        assert engine.dialect.driver == "psycopg"
        engine.dispose()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "not a URL"),
        ("", "not a URL"),
        ("postgresql://u:hunter2@[::1", "not a URL"),
        ("mysql://u:hunter2@h/d", "expected a sqlite:// or postgresql:// address, found mysql://"),
        ("sqlite://", "needs a file"),
        ("sqlite:////does/not/exist/a.db", "unable to open"),
        ("postgresql://u:hunter2@127.0.0.1:1/d?connect_timeout=2", r"u:\*\*\*@127.0.0.1:1/d"),
        ("postgres://u@127.0.0.1:1/d?password=hunter2", r"password=\*\*\*|password=%2A"),
    ],
)
def test_a_wrong_address_says_why_and_keeps_the_password(url: str, said: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=said) as caught:
        open_engine(url)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_writers_queue(engine: Engine, open_again: Callable[[], Engine]) -> None:
    other = open_again()

    def count_up(mine: Engine) -> None:
        for _ in range(40):
            with writing(mine) as connection:
                connection.execute(text("SELECT 1"))
                connection.execute(update(RevisionRow).values(value=RevisionRow.value + 1))

    threads = [threading.Thread(target=count_up, args=(mine,)) for mine in (engine, other, engine, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as connection:
        assert connection.execute(text("SELECT value FROM revision")).scalar_one() == 160


def test_a_reader_sees_one_state_while_others_write(engine: Engine, open_again: Callable[[], Engine]) -> None:
    query = text("SELECT value FROM revision")
    with reading(engine) as connection:
        before = connection.execute(query).scalar_one()
        with writing(open_again()) as writer:
            writer.execute(update(RevisionRow).values(value=7))
        assert connection.execute(query).scalar_one() == before == 0
    with reading(engine) as connection:
        assert connection.execute(query).scalar_one() == 7


def test_a_failed_transaction_leaves_nothing(engine: Engine) -> None:
    def half() -> None:
        with writing(engine) as connection:
            connection.execute(update(RevisionRow).values(value=9))
            connection.execute(text("INSERT INTO revision (id, value) VALUES (2, 0)"))

    with pytest.raises(IntegrityError):
        half()
    with reading(engine) as connection:
        assert connection.execute(text("SELECT value FROM revision")).scalar_one() == 0


def test_a_moment_needs_a_time_zone(engine: Engine) -> None:
    with pytest.raises(ValueError, match="time zone"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), engine.dialect)  # noqa: DTZ001 - the mistake meant
    assert UtcDateTime().process_bind_param(datetime(2026, 1, 1, tzinfo=UTC), engine.dialect) is not None
