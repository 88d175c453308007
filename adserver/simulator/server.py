"""A server of the simulation's own: filled, with a fast clock, on a free port of this machine; gone afterwards."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from rich.console import Console

from adserver.clock import FileClock, make_clock
from adserver.commands.accounts import apply
from adserver.commands.stores import open_stores
from adserver.model.account import Accounts
from adserver.notes import read_notes
from adserver.secret import read_secrets
from adserver.settings import Settings
from adserver.simulator.accounts import accounts_toml, feed_xml
from adserver.simulator.client import Client, ServerGone
from adserver.simulator.world import SHOPS, World

WORKERS = 2

IMPRESSION_MINUTES = 60
"""How long an impression counts: at most speeds still the twentieth part of a second."""

CLOCK = "clock"
"""The file in the folder of a simulation."""

_START_S = 60.0
_STOP_S = 30.0
_LOOK_S = 0.02
_SAME = 12
"""Ready answers in a row that make it unlikely that a worker has not given one of them."""


class SimulationError(Exception):
    """The simulation can not go on; the text says why."""


@dataclass(frozen=True, slots=True)
class Home:
    """Everything that a server needs to be started, and what is left of it afterwards."""

    folder: Path
    clock: FileClock
    accounts: Accounts

    @property
    def data_dir(self) -> Path:
        """The server's data folder."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What the server has said."""
        return self.folder / "serve.log"

    @property
    def last_words(self) -> str:
        """The end of that."""
        return self.log.read_text("utf-8", "replace")[-1_000:]

    async def ask(self, *arguments: str) -> Any:
        """The JSON that an ``adserver`` command prints. Raises SimulationError where it fails."""
        line = [sys.executable, "-m", "adserver", *arguments, "--json", "--data-dir", str(self.data_dir)]
        process = await asyncio.create_subprocess_exec(
            *line, env=_environment(self.folder / CLOCK), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await process.communicate()
        if process.returncode:
            raise SimulationError(f"adserver {' '.join(arguments)}: {(err or out).decode()[-500:]}")
        return json.loads(out)


class Running(NamedTuple):
    """A server that is ready; ``secrets_in_use`` are what it signs with."""

    host: str
    port: int
    secrets_in_use: tuple[bytes, ...]


async def furnish(world: World, folder: Path, *, speed: float) -> Home:
    """The world's shops in the accounts, their products in the catalog; the clock stands. Raises SimulationError."""
    data_dir = folder / "data"
    data_dir.mkdir(mode=0o700)
    accounts = await _fill(world, folder, data_dir)
    return Home(folder, make_clock(folder / CLOCK, world.start, speed), accounts)


@asynccontextmanager
async def serving(home: Home) -> AsyncIterator[Running]:
    """A server that everything has been counted of when this ends. Raises SimulationError."""
    command = [sys.executable, "-m", "adserver", "serve", "--port", "0", "--workers", str(WORKERS)]
    with home.log.open("ab") as sink:
        process = await asyncio.to_thread(
            subprocess.Popen,
            [*command, "--data-dir", str(home.data_dir)],
            env=_environment(home.folder / CLOCK),
            stdout=sink,
            stderr=sink,
        )
    try:
        host, port = await _ready(process, home)
        yield Running(host, port, read_secrets("", home.data_dir))
    finally:
        await _stop(process)


def _environment(clock: Path) -> dict[str, str]:
    """Nothing of the caller's own settings; nothing refused for the sake of speed, or what is measured is not true."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ADSERVER_")}
    return {
        **clean,
        "ADSERVER_CLOCK": str(clock),
        "ADSERVER_AD_DEADLINE_MS": "5000",
        "ADSERVER_OVERLOAD_MS": "0",
        "ADSERVER_IMPRESSION_MINUTES": str(IMPRESSION_MINUTES),
        "ADSERVER_LOG_LEVEL": "warning",
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }


async def _fill(world: World, folder: Path, data_dir: Path) -> Accounts:
    settings = Settings(data_dir=data_dir)
    file = folder / "accounts.toml"
    file.write_text(accounts_toml(world), "utf-8")
    told = StringIO()
    async with open_stores(settings, wake_valkey=True) as control:
        if await apply(settings, file, dry_run=False, prune=False, console=Console(file=told, soft_wrap=True)):
            raise SimulationError(f"the server does not take the simulation's accounts: {told.getvalue()}")
        _, accounts = control.accounts.load()
        for shop in SHOPS:
            feed = folder / f"{shop.name}.xml"
            feed.write_text(feed_xml(shop), "utf-8")
            imported = await control.import_feed(accounts.advertisers[shop.name], str(feed), accept=True)
            if not imported.outcome.is_good:
                raise SimulationError(f"the server does not take the feed of {shop.name}: {imported.reason}")
    return accounts


async def _ready(process: subprocess.Popen[bytes], home: Home) -> tuple[str, int]:
    """Where it listens, once all of its workers answer."""
    deadline = time.monotonic() + _START_S
    in_a_row = 0
    while in_a_row < _SAME:
        if process.poll() is not None or time.monotonic() > deadline:
            raise SimulationError(f"the server does not start: {home.last_words}")
        notes = read_notes(home.data_dir)
        in_a_row = in_a_row + 1 if notes and await _answers(notes.address) else 0
        if not in_a_row:
            await asyncio.sleep(_LOOK_S)
    assert notes is not None
    return _host_and_port(notes.address)


async def _answers(address: str) -> bool:
    """Whether a worker is ready: over a connection of its own, which any of them may take."""
    try:
        async with Client(*_host_and_port(address), connections=1) as client:
            return (await client.get("/readyz")).status == 200
    except ServerGone:
        return False


def _host_and_port(address: str) -> tuple[str, int]:
    parts = urlsplit(address)
    return parts.hostname or "", parts.port or 0


async def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        await asyncio.to_thread(process.wait, _STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        await asyncio.to_thread(process.wait)
