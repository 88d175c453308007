"""A real server for tests: ``adserver serve`` as a process tree, on a free loopback port, in a folder of its own."""

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
from redis import Redis

from tests.forked_commands import run_command

DEADLINE_S = 60.0
"""Nothing here takes that long; a machine under load gets the time it needs."""

ACCOUNTS = """
[advertisers.acme]
name = "Acme Shoes"
domains = ["shop.test"]
currency = "EUR"
locale = "de_DE"
consent_default = "allow"
[campaigns.acme-summer]
advertiser = "acme"
holdout = 0
status = "active"
[line_items.acme-viewers]
campaign = "acme-summer"
creative = "grid"
[publishers.daily]
name = "The Daily"
domains = ["news.test"]
[placements.daily-rectangle]
publisher = "daily"
size = "300x250"
[placements.daily-leaderboard]
publisher = "daily"
size = "728x90"
[placements.daily-skyscraper]
publisher = "daily"
size = "160x600"
"""


def feed_xml(ids: list[str], *, base: str = "https://shop.test", titles: Mapping[str, str] | None = None) -> str:
    """A Google Merchant feed of products with these ids; prices are 10.90, 20.90, ... EUR."""
    from xml.sax.saxutils import escape

    items = "".join(
        f"<item><g:id>{escape(i)}</g:id><title>{escape((titles or {}).get(i, f'Product {i}'))}</title>"
        f"<link>{base}/p/{escape(i)}</link><g:image_link>{base}/img/{escape(i)}.png</g:image_link>"
        f"<g:price>{n * 10}.90 EUR</g:price><g:availability>in stock</g:availability></item>"
        for n, i in enumerate(ids, 1)
    )
    head = '<?xml version="1.0"?><rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>'
    return f"{head}{items}</channel></rss>"


def until(condition: Callable[[], Any], *, within: float = DEADLINE_S, what: str = "the condition") -> Any:
    """Ask again and again until the answer is true, and return it."""
    deadline = time.monotonic() + within
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {within} s")
        time.sleep(0.02)  # between two questions, not instead of one


@dataclass
class Server:
    """A running server. ``data_dir`` outlives it: start another one on the same folder to see what was kept."""

    data_dir: Path
    env: dict[str, str]
    arguments: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    base_url: str = ""
    verify: Any = True
    client: httpx.Client = field(default_factory=httpx.Client)

    def start(self) -> "Server":
        """Returns when it is ready to serve ads."""
        (self.data_dir / "server.json").unlink(missing_ok=True)
        log = (self.data_dir.parent / "serve.log").open("ab")
        self.process = subprocess.Popen(
            [*self.command("serve"), "--port", "0", *self.arguments], env=self.env, stdout=log, stderr=log
        )
        log.close()
        notes = until(self._notes, what="the server's notes")
        self.base_url = notes["address"]
        self.client.close()
        self.client = self._client()
        until(self._ready, what="readiness")
        return self

    def command(self, *arguments: str) -> list[str]:
        """An adserver command on this server's data folder."""
        return [sys.executable, "-m", "adserver", *arguments, "--data-dir", str(self.data_dir)]

    def cli(self, *arguments: str, code: int = 0) -> str:
        """Run a command, check its exit code, return what it printed on standard output."""
        done = run_command([*arguments, "--data-dir", str(self.data_dir)], self.env, timeout_s=DEADLINE_S)
        assert done.returncode == code, f"{arguments}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout

    def apply(self, text: str) -> None:
        """Apply accounts and wait until a worker has them."""
        file = self.data_dir.parent / "accounts.toml"
        file.write_text(text, "utf-8")
        self.cli("apply", str(file))
        if self.process is not None:
            self.wait_for_workers()

    def wait_for_workers(self) -> None:
        """Until every worker has what is published: as many fresh answers in a row as make a miss unlikely."""
        with self.valkey() as valkey:
            revision = int(cast("bytes", valkey.hget("snapshot:{control}", "revision")) or 0)
            swaps = int(cast("bytes | None", valkey.hget("catalogs:{control}", "swaps")) or 0)
        enough = 12 if "--workers" in self.arguments or "ADSERVER_WORKERS" in self.env else 1
        up_to_date = 0

        def seen() -> bool:
            nonlocal up_to_date
            answer = client.get("/readyz").json()
            current = answer["revision"] >= revision and answer["swaps"] >= swaps
            up_to_date = up_to_date + 1 if current else 0
            return up_to_date >= enough

        with self._client(connection="close") as client:  # the next question may be another worker's
            until(seen, within=5, what="all workers with the published state")

    def import_feed(self, text: str, advertiser: str = "acme", suffix: str = ".xml") -> None:
        """Import products and wait until the workers have them."""
        file = self.data_dir.parent / f"feed{suffix}"
        file.write_text(text, "utf-8")
        self.cli("feed", "import", advertiser, str(file), "--accept")
        if self.process is not None:
            self.wait_for_workers()

    def report(self) -> dict[str, Any]:
        """What ``adserver report --json`` says now."""
        found: dict[str, Any] = json.loads(self.cli("report", "--json"))
        return found

    def valkey(self) -> Redis:
        """A client of the server's embedded Valkey."""
        return Redis.from_url(self._notes()["valkey_url"])

    def log(self) -> str:
        """Everything the server has logged, of all starts in this folder."""
        return (self.data_dir.parent / "serve.log").read_text("utf-8", "replace")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the tree and return its exit code."""
        if self.process is None:
            return 0
        process, self.process = self.process, None
        self.client.close()  # a worker listens half a second more where connections are open
        process.send_signal(number)
        return process.wait(DEADLINE_S)

    def _client(self, **headers: str) -> httpx.Client:
        # Where there is no TLS it need not load what it would believe.
        verify = self.verify if self.base_url.startswith("https:") else False
        return httpx.Client(base_url=self.base_url, verify=verify, timeout=30, headers=headers)

    def _notes(self) -> dict[str, str]:
        if self.process is not None:
            assert self.process.poll() is None, f"the server ended:\n{self.log()[-3000:]}"
        try:
            notes: dict[str, str] = json.loads((self.data_dir / "server.json").read_text())
        except (OSError, ValueError):
            return {}
        return notes

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the server ended:\n{self.log()[-3000:]}"
        try:
            return self.client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def running_server(
    *arguments: str, accounts: str = ACCOUNTS, feed: str | None = None, start: bool = True, **env: str
) -> Iterator[Server]:
    """A server with accounts and, when given, a feed; gone with its folder afterwards."""
    with tempfile.TemporaryDirectory(prefix="ads-") as folder:
        data_dir = Path(folder) / "data"
        data_dir.mkdir(mode=0o700)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ADSERVER_")}
        server = Server(
            data_dir, {**clean, "ADSERVER_AD_DEADLINE_MS": "2000", **env, "NO_COLOR": "1", "COLUMNS": "200"}, arguments
        )
        _fill(server, accounts, feed, shareable=env.keys().isdisjoint(_STORES))
        try:
            yield server.start() if start else server
        finally:
            code = server.stop()
            assert code == 0, server.log()[-3000:]


_STORES = {"ADSERVER_VALKEY_URL", "ADSERVER_DATABASE_URL"}
_filled: dict[tuple[str, str | None], Path] = {}


def _fill(server: Server, accounts: str, feed: str | None, *, shareable: bool) -> None:
    """Apply and import; what was so filled once is copied from then on, where it is all in the data folder."""
    shareable = shareable and ".feed]" not in accounts  # a feed's path is that of one server
    kept = _filled.get((accounts, feed))
    if shareable and kept is not None:
        shutil.copytree(kept, server.data_dir, dirs_exist_ok=True)
        return
    if accounts:
        server.apply(accounts)
    if feed is not None:
        server.import_feed(feed)
    if shareable and (accounts or feed is not None):
        kept = Path(tempfile.mkdtemp(prefix="ads-filled-"))
        atexit.register(shutil.rmtree, kept, ignore_errors=True)
        _filled[accounts, feed] = shutil.copytree(server.data_dir, kept, dirs_exist_ok=True)


def cookie_of(response: httpx.Response) -> str:
    """The first cookie a response sets, as a Cookie header sends it back."""
    return response.headers.get_list("set-cookie")[0].partition(";")[0]
