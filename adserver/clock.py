"""The wall clock of the whole process tree. A simulation brings its own, which is a file; nobody else does."""

import mmap
import struct
import time
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

Clock = Callable[[], float]
"""The time in seconds since 1970 UTC."""

_HANDS = struct.Struct("<dd")
"""What the file holds: the time that the clock shows, and how many times as fast as the true time it goes, about."""

_SHOWN = struct.Struct("<d")


class FileClock:
    """Shows what stands in ``file``: every process that has mapped it reads the same, at once. Raises OSError, and
    ValueError for a file that is no clock."""

    __slots__ = ("_map", "speed")

    def __init__(self, file: Path, *, to_be_set: bool = False) -> None:
        with file.open("r+b" if to_be_set else "rb") as opened:
            self._map = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_WRITE if to_be_set else mmap.ACCESS_READ)
        if len(self._map) != _HANDS.size:
            raise ValueError(f"{file} is no clock")
        self.speed: float = _HANDS.unpack_from(self._map)[1]

    def __call__(self) -> float:
        """What it shows now."""
        shown: float = _HANDS.unpack_from(self._map)[0]
        return shown

    def show(self, moment: float) -> None:
        """Set it, if it was opened for that."""
        # In one copy of eight bytes: ``pack_into`` clears the place first, and others would read midnight of 1970.
        self._map[: _SHOWN.size] = _SHOWN.pack(moment)


def make_clock(file: Path, moment: float, speed: float) -> FileClock:
    """A new clock that stands at ``moment`` until it is set; it will go about ``speed`` times as fast as the true
    time."""
    file.write_bytes(_HANDS.pack(moment, speed))
    return FileClock(file, to_be_set=True)


def clock_of(setting: str) -> Clock:
    """The clock that the setting names; the system's where it is empty."""
    if setting:
        return FileClock(Path(setting))
    return time.time


def real_pause(clock: Clock, seconds: float, least: float) -> float:
    """How long a pause of ``seconds`` on the clock really is, but not shorter than ``least`` seconds."""
    if isinstance(clock, FileClock):
        return max(least, seconds / clock.speed)
    return seconds


def own_clock_problem(host: str, public_url: str) -> str:
    """Why a server with another clock than the system's may not listen on ``host``; empty where nothing is wrong.

    Budgets, caps and consent go by the clock: nobody else's visitors may meet a wrong one.
    """
    reached_at = urlsplit(public_url).hostname or "localhost"
    if not _is_loopback(host):
        return f"expected to be empty on a server that listens on {host}; it is for simulations on this machine"
    if not _is_loopback(reached_at):
        return f"expected to be empty on a server that is reached at {reached_at}; it is for simulations"
    return ""


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
