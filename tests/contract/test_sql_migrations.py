"""Migrations and tables agree, on both databases, also when several processes start at once."""

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Column, Engine, inspect, text

from adserver.model.account import Accounts
from adserver.model.cap import Cap, Level
from adserver.model.line_item import LineItem
from adserver.model.status import Status
from adserver.storage.sql import migrate
from adserver.storage.sql.accounts import SqlAccounts
from adserver.storage.sql.engine import reading, writing
from adserver.storage.sql.tables import Base
from adserver.storage.sql.unavailable import DatabaseUnavailable

pytest_plugins = ["tests.contract.sql_servers"]


def differ(
    _context: object, found: Column[Any], _wanted: object, default: str | None, *said: str | None
) -> bool | None:
    """Whether two defaults do. None leaves it to Alembic, which can compare neither JSON nor empty texts everywhere."""
    if isinstance(found.type, JSON) or said[-1] == "":
        return (default or "").partition("::")[0].strip("()'") != said[-1]
    return None


def test_an_empty_database_becomes_what_the_tables_say(open_again: Callable[[], Engine]) -> None:
    engine = open_again()
    assert not migrate.is_current(engine)
    migrate.upgrade(engine)
    assert migrate.is_current(engine)
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": differ})
        assert compare_metadata(context, Base.metadata) == []
        assert connection.execute(text("SELECT id, value FROM revision")).all() == [(1, 0)]


def test_the_newest_migration_is_known_without_alembic() -> None:
    assert [migrate.newest()] == ScriptDirectory.from_config(migrate._config()).get_heads()


def test_a_database_that_is_up_to_date_needs_no_alembic(open_again: Callable[[], Engine]) -> None:
    migrate.upgrade(open_again())
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "alembic", None)
        migrate.upgrade(open_again())


def test_constraints_are_what_the_tables_say(engine: Engine) -> None:
    """Alembic's comparison leaves out checks and names."""
    found = inspect(engine)
    for table in Base.metadata.sorted_tables:
        wanted = {str(constraint.name) for constraint in table.constraints}
        wanted.discard(f"pk_{table.name}")  # SQLite's automatic numbers leave no name for it
        names: set[str | None] = set()
        for list_of in (found.get_foreign_keys, found.get_unique_constraints, found.get_check_constraints):
            names |= {entry["name"] for entry in list_of(table.name)}
        assert names == wanted


def test_a_second_run_changes_nothing(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("UPDATE revision SET value = 5"))
    migrate.upgrade(engine)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT value FROM revision")).scalar_one() == 5


def test_foreign_keys_hold_again_after_a_migration(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        with reading(engine) as connection:
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1


def test_threads_that_start_together_migrate_once(open_again: Callable[[], Engine]) -> None:
    engines = [open_again() for _ in range(4)]
    failures: list[BaseException] = []

    def start(engine: Engine) -> None:
        try:
            migrate.upgrade(engine)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=start, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert all(migrate.is_current(engine) for engine in engines)


def test_processes_that_start_together_migrate_once(empty_database: str) -> None:
    program = (
        "import sys\n"
        "from adserver.storage.sql.engine import open_engine\n"
        "from adserver.storage.sql.migrate import is_current, upgrade\n"
        "sys.stdin.read()\n"
        "engine = open_engine(sys.argv[1]); upgrade(engine); assert is_current(engine)\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program, empty_database], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in running:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    ended = [(process.communicate(timeout=60)[1].decode(), process.returncode) for process in running]
    assert [code for _, code in ended] == [0, 0, 0, 0], ended


def test_a_database_of_a_newer_version_is_left_alone(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert not migrate.is_current(engine)
    with pytest.raises(DatabaseUnavailable, match="newer version"):
        migrate.upgrade(engine)


OLD_ROWS = (
    "INSERT INTO advertiser (id, name, domains, currency, locale) VALUES ('acme', 'Acme', '[]', 'EUR', 'de_DE')",
    "INSERT INTO campaign (id, advertiser_ref, status, holdout) VALUES ('summer', 1, 'active', 0)",
    "INSERT INTO line_item (id, campaign, creative, status) VALUES ('b', 'summer', 'grid', 'paused')",
    "INSERT INTO line_item (id, campaign, creative, status) VALUES ('a', 'summer', 'hero', 'active')",
    "INSERT INTO line_item (id, campaign, creative, status) VALUES ('C', 'summer', 'grid', 'active')",
)


@pytest.fixture
def first_version(open_again: Callable[[], Engine]) -> Engine:
    """An engine on a database of the first version, with line items."""
    engine = open_again()
    with migrate._alone(engine) as connection:
        command.upgrade(migrate._config(connection), "0001")
    with writing(engine) as connection:
        for statement in OLD_ROWS:
            connection.execute(text(statement))
    return engine


def test_line_items_of_the_first_version_get_numbers_and_no_caps(first_version: Engine) -> None:
    migrate.upgrade(first_version)
    store = SqlAccounts(first_version)
    expected = {
        "C": LineItem(id="C", campaign="summer", creative="grid", ref=1),
        "a": LineItem(id="a", campaign="summer", creative="hero", ref=2),
        "b": LineItem(id="b", campaign="summer", creative="grid", status=Status.PAUSED, ref=3),
    }
    assert store.load()[1].line_items == expected
    new = LineItem(id="d", campaign="summer", creative="grid", caps=(Cap(3, 86_400),))
    store.apply(lambda _: (Accounts(line_items={"d": new}), Accounts()))
    assert store.load()[1].line_items == expected | {"d": replace(new, ref=4)}


def test_line_items_go_back_to_the_first_version(first_version: Engine) -> None:
    query = text("SELECT * FROM line_item")
    with reading(first_version) as connection:
        before = connection.execute(query).mappings().all()
    migrate.upgrade(first_version)
    with migrate._alone(first_version) as connection:
        command.downgrade(migrate._config(connection), "0001")
    with reading(first_version) as connection:
        after = connection.execute(query).mappings().all()
    assert sorted(map(repr, after)) == sorted(map(repr, before))
    assert len(after) == 3


HOURS = "INSERT INTO rollup_hour ({}requests, impressions, clicks, hour, line_item, placement, reason) VALUES ({})"


def test_hours_and_caps_are_kept_both_ways(first_version: Engine) -> None:
    """Hours of several creatives are added up on the way back; caps that the version before can not tell are left."""
    with writing(first_version) as connection:
        connection.execute(text(HOURS.format("", "5, 3, 1, '2026-06-01 10:00:00', 'a', 'p', ''")))
    migrate.upgrade(first_version)
    caps = (Cap(3, 86_400), Cap(6, 86_400, Level.PRODUCT))
    with writing(first_version) as connection:
        found = connection.execute(text("SELECT creative, cost, requests FROM rollup_hour")).all()
        assert found == [("", 0, 5)]
        other = "'hero', 700, 2, 1, 1, '2026-06-01 10:00:00', 'a', 'p', ''"
        connection.execute(text(HOURS.format("creative, cost, ", other)))
        salt = connection.execute(text("SELECT salt FROM revision")).scalar_one()
        assert len(salt) >= 32
    store = SqlAccounts(first_version)
    new = LineItem(id="d", campaign="summer", creative="grid", caps=caps, priority=5)
    store.apply(lambda _: (Accounts(line_items={"d": new}), Accounts()))
    assert store.load()[1].campaigns["summer"].holdout == 0
    with migrate._alone(first_version) as connection:
        command.downgrade(migrate._config(connection), "0003")
    with reading(first_version) as connection:
        hours = connection.execute(text("SELECT line_item, placement, requests, impressions, clicks FROM rollup_hour"))
        assert hours.all() == [("a", "p", 7, 4, 2)]
    migrate.upgrade(first_version)
    assert store.load()[1].line_items["d"] == replace(new, caps=caps[:1], priority=100, ref=4)


def test_the_way_back_leaves_nothing(engine: Engine) -> None:
    with migrate._alone(engine) as connection:
        command.downgrade(migrate._config(connection), "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
