"""What the tests see inside a running server: its processes, its visitors, its log."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from typer.testing import CliRunner

from adserver.cli import app
from adserver.model.profile import Profile
from adserver.reporting.measures import Sum, report_rows
from adserver.secret import read_secrets
from adserver.storage.sql.engine import open_engine
from adserver.storage.sql.rollups import SqlRollups
from adserver.storage.valkey import keys
from adserver.storage.valkey.profile_codec import profile_of
from adserver.tracking.keyring import Keyring
from adserver.tracking.visitor import VisitorCookies
from tests.server import ACCOUNTS, Server, running_server, until


@dataclass(frozen=True)
class Tree:
    """Process ids of one ``adserver serve``."""

    supervisor: int
    workers: list[int]
    background: list[int]
    valkey: list[int]

    def everybody(self) -> list[int]:
        return [self.supervisor, *self.workers, *self.background, *self.valkey]


def tree_of(server: Server) -> Tree:
    """As the kernel tells it."""
    assert server.process is not None
    supervisor = server.process.pid
    called = {pid: _command(pid) for pid in _children(supervisor)}
    return Tree(
        supervisor,
        [pid for pid, command in called.items() if "adserver.worker" in command],
        [pid for pid, command in called.items() if "adserver.background" in command],
        [pid for pid, command in called.items() if "valkey-server" in command],
    )


def whole_tree(server: Server, *, workers: int = 1) -> Tree:
    """Wait until every child is there."""

    def found() -> Tree | None:
        tree = tree_of(server)
        whole = (len(tree.workers), len(tree.background), len(tree.valkey)) == (workers, 1, 1)
        return tree if whole else None

    tree: Tree = until(found, what="the whole process tree")
    return tree


def is_gone(pid: int) -> bool:
    """Ended, whether or not somebody has taken note of it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


def _children(pid: int) -> list[int]:
    found = []
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in listed.read_text().split()]
    return [child for child in found if not is_gone(child)]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def cli(server: Server, *arguments: str, code: int = 0) -> str:
    """As ``Server.cli``, in this process: without the second that Python takes to start and import everything."""
    runner = CliRunner()
    done = runner.invoke(app, [*arguments, "--data-dir", str(server.data_dir)], env=server.env)
    assert done.exit_code == code, f"{arguments}: exit code {done.exit_code}\n{done.output}\n{done.exception!r}"
    return done.stdout


def apply(server: Server, text: str) -> None:
    """Apply accounts and wait until the workers, if there are any, have them."""
    file = server.data_dir.parent / "accounts.toml"
    file.write_text(text, "utf-8")
    cli(server, "apply", str(file))
    if server.process is not None:
        server.wait_for_workers()


def import_feed(server: Server, text: str) -> None:
    """Import products and wait until the workers, if there are any, have them."""
    file = server.data_dir.parent / "feed.xml"
    file.write_text(text, "utf-8")
    cli(server, "feed", "import", "acme", str(file), "--accept")
    if server.process is not None:
        server.wait_for_workers()


@contextmanager
def quick_server(*arguments: str, accounts: str = ACCOUNTS, feed: str | None = None, **env: str) -> Iterator[Server]:
    """As ``running_server``, with the commands before the start run in this process."""
    with running_server(*arguments, accounts="", start=False, **env) as server:
        apply(server, accounts)
        if feed is not None:
            import_feed(server, feed)
        server.start()
        server.wait_for_workers()  # the first of them is ready before the others may be
        yield server


def view(server: Server, product: str, cookie: str = "", event: str = "view_item") -> httpx.Response:
    """Look at a product; the answer must be the picture."""
    headers = {"cookie": cookie} if cookie else {}
    server.client.cookies.clear()  # each call is the visitor it names
    answer = server.client.get("/pixel.gif", params={"a": "acme", "e": event, "p": product}, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/gif"
    return answer


FRESH = {"connection": "close"}
"""Asks for a connection of its own, which any of the workers may take."""


def ad(server: Server, cookie: str, placement: str = "daily-rectangle") -> httpx.Response:
    """Ask for an ad."""
    server.client.cookies.clear()
    return server.client.get("/ad", params={"placement": placement}, headers={"cookie": cookie})


def reason(answer: httpx.Response) -> str:
    """Why not, or nothing."""
    return str(answer.headers.get("x-adserver-reason", ""))


def visitor_of(server: Server, cookie: str) -> str:
    """The id in a cookie of this server."""
    cookies = VisitorCookies(Keyring(read_secrets("", server.data_dir), "visitor"))
    visitor = cookies.visitor_of([cookie.partition("=")[2]])
    assert visitor
    return visitor


def profile(server: Server, cookie: str) -> Profile:
    """What the server knows of the visitor with this cookie."""
    with server.valkey() as valkey:
        found: Any = valkey.hgetall(keys.visitor(visitor_of(server, cookie)))
    return profile_of([part for pair in found.items() for part in pair])


def links(html: str, kind: str) -> list[str]:
    """The paths in a banner that count an impression (``i``) or a click (``c``)."""
    return list(dict.fromkeys(re.findall(rf"/{kind}/[\w.~-]+", html)))


def totals(server: Server) -> dict[str, int]:
    """What the report would say now, without the seconds that a command takes to start."""
    engine = open_engine(f"sqlite:///{server.data_dir / 'adserver.db'}")
    try:
        found = SqlRollups(engine).totals()
    finally:
        engine.dispose()
    rows = [Sum(*row) for row in found.rows]
    return {**report_rows(rows, found.no_ad, {})["totals"]}  # type: ignore[dict-item]  # three whole numbers


def on_disk(server: Server) -> None:
    """Return when Valkey has on disk what it was told."""
    with server.valkey() as valkey:
        # The command waits for writes of its own connection: the fsync that covers one covers all before it.
        valkey.set("on-disk", "now", ex=1)
        written: Any = valkey.execute_command("WAITAOF", 1, 0, 30_000)
        assert written[0] == 1


def errors(log: str) -> list[str]:
    """Messages of the log that are worse than a warning, and all that is no JSON line."""
    found = []
    for line in log.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            found.append(line)
            continue
        if entry["level"] not in ("debug", "info", "warning"):
            found.append(entry["message"])
    return found
