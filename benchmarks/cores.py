"""Which process runs on which core, and how much of it it uses. Linux only; elsewhere nothing is pinned."""

import itertools
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks.pauses import Pauses

_PROC = Path("/proc")
_QUIET_S = 0.5
_SETTLE_S = 30.0


class Cores:
    """One core is the server's alone; the other carries Valkey, the load generator and everything else."""

    def __init__(self) -> None:
        self.why_not = ""
        self._server: int | None = None
        self._rest: int | None = None
        if not hasattr(os, "sched_setaffinity") or not (_PROC / "self/stat").exists():
            self.why_not = "this system does not let a program choose its cores"
            return
        available = sorted(os.sched_getaffinity(0))
        if len(available) < 2:
            self.why_not = "there is one core only"
            return
        self._server, self._rest = available[:2]
        _pin(os.getpid(), self._rest)

    @property
    def both(self) -> list[int]:
        """The server's core and that of the rest; none where nothing is pinned."""
        return [core for core in (self._server, self._rest) if core is not None]

    def give_the_steadier(self, pauses: Sequence[Pauses]) -> None:
        """The server gets the core with fewer pauses of these of ``both``; before anything is pinned."""
        if self.both and pauses[1].share < pauses[0].share:
            self._server, self._rest = self._rest, self._server
            _pin(os.getpid(), self.both[1])

    def pin_server(self, pids: Iterable[int]) -> None:
        """The processes that answer requests to the core that is theirs."""
        if self._server is not None:
            for pid in pids:
                _pin(pid, self._server)

    def pin_one_each(self, pids: Iterable[int]) -> None:
        """The first of them to the server's core, all others to the core of the rest."""
        for pid, core in zip(pids, itertools.chain((self._server,), itertools.repeat(self._rest)), strict=False):
            if core is not None:
                _pin(pid, core)

    def __str__(self) -> str:
        return self.why_not or "the server's worker on one core; Valkey, load generator and all else on another"


def _pin(pid: int, core: int) -> None:
    """``pid`` and all its threads to ``core``; what it starts from now on begins there too."""
    for thread in (_PROC / str(pid) / "task").iterdir():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), {core})


def children(pid: int) -> dict[int, str]:
    """Process ids and command lines of the children of ``pid``; empty where there is no /proc."""
    found = {}
    for folder in _PROC.glob("[0-9]*"):
        with suppress(OSError):
            if int(_stat(int(folder.name))[1]) == pid:
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def cpu_seconds(pids: Iterable[int]) -> float | None:
    """Processor time the processes have used so far; None where that can not be known, or without any."""
    try:
        ticks = [int(field) for pid in pids for field in _stat(pid)[11:13]]
    except OSError:
        return None
    return sum(ticks) / os.sysconf("SC_CLK_TCK") if ticks else None


def others_clock(ours: Iterable[int]) -> dict[int, float]:
    """Processor seconds used so far by every process that is neither of ``ours`` nor a child of one, with what its
    ended children used. Empty where there is no /proc.

    Not the total of /proc/stat less ours: that counts in ticks and without interrupts, processes count exactly and
    with them, so that the difference comes out too small, even negative.
    """
    known = set(ours)
    used = {}
    for folder in _PROC.glob("[0-9]*"):
        with suppress(OSError):
            pid, fields = int(folder.name), _stat(int(folder.name))
            if pid not in known and int(fields[1]) not in known:
                used[pid] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return used


def used_between(before: Mapping[int, float], after: Mapping[int, float]) -> float | None:
    """Processor seconds between two looks at the same clock. What a process used before it ended is its parent's now,
    so that sums compare."""
    return sum(after.values()) - sum(before.values()) if after else None


def settle(pids: Iterable[int]) -> None:
    """Wait until these processes have finished what an earlier round left them to do (rollups, rewrites)."""
    watched = list(pids)
    deadline = time.monotonic() + _SETTLE_S
    while time.monotonic() < deadline:
        before = cpu_seconds(watched)
        time.sleep(_QUIET_S)
        after = cpu_seconds(watched)
        if before is None or after is None or after - before < 0.1 * _QUIET_S:
            return


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may hold spaces: state, parent, ... (proc(5))."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
