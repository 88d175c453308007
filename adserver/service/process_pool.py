"""Processes for work on what strangers send: few, started when first needed, replaced when an order killed one."""

import asyncio
import logging
import os
import struct
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress

from adserver.telemetry import PICTURE_PROCESSES_LOST, PICTURE_WAIT_SECONDS

MAX_WAITING = 64
"""Orders that may wait for a process; about a second's work."""

MAX_ORDERS = 1_000
"""A process is replaced after this many."""

ANSWER = struct.Struct(">BI")
"""What each answer begins with: 1 where the order was carried out and 0 where it was refused, and how many bytes
follow: what was made, or why not."""

MAX_ANSWER_BYTES = 64_000_000
"""No picture that is made is as large; a process that says more does not do what it was started for."""

_DROPPED_BYTES = 65_536
"""As much of what an ended process has said is dropped at a time."""

_INHERITED = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH")

log = logging.getLogger(__name__)


class ProcessesBusy(Exception):  # noqa: N818
    """More is asked for than can be done now."""


class ProcessLost(Exception):  # noqa: N818
    """The process that was at the order has died, or took too long and was ended."""


class ProcessPool:
    """Processes of one module, ``python -m <module> <arguments>``: orders come on its standard input, and for each an
    answer goes to its standard output."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[str] = (),
        *,
        work: str,
        processes: int,
        deadline_s: float,
        idle_s: float,
    ) -> None:
        """``work``: what metrics call it. ``deadline_s`` for one order; a process without work ends after
        ``idle_s``."""
        self._command = (sys.executable, "-m", module, *arguments)
        self._free = asyncio.Semaphore(processes)
        self._deadline_s = deadline_s
        self._idle_s = idle_s
        self._wait_seconds = PICTURE_WAIT_SECONDS.labels(work)
        self._lost = PICTURE_PROCESSES_LOST.labels(work)
        self.waiting = 0
        self.idle: list[_Worker] = []
        self._ending: set[asyncio.Task[None]] = set()

    async def ask(self, order: bytes) -> tuple[int, bytes]:
        """1 and what was made, or 0 and why not. Raises ProcessLost, and ProcessesBusy instead of letting too many
        wait."""
        if self.waiting >= MAX_WAITING:
            raise ProcessesBusy
        began = time.perf_counter()
        self.waiting += 1
        try:
            await self._free.acquire()
        finally:
            self.waiting -= 1
        self._wait_seconds.observe(time.perf_counter() - began)
        try:
            return await self._asked(order)
        finally:
            self._free.release()

    async def close(self) -> None:
        """Ends all processes, and returns when they have ended."""
        while self.idle:
            self._end(self.idle.pop())
        await asyncio.gather(*self._ending)

    async def _asked(self, order: bytes) -> tuple[int, bytes]:
        worker = await self._worker()
        try:
            async with asyncio.timeout(self._deadline_s):
                answer = await worker.ask(order)
        except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
            self._end(worker)
            self._lost.inc()
            raise ProcessLost from error
        except BaseException:
            self._end(worker)
            raise
        self._rest(worker)
        return answer

    async def _worker(self) -> "_Worker":
        while self.idle:
            worker = self.idle.pop()
            if worker.process.returncode is None:
                return worker
        try:
            return await _start(self._command)
        except OSError as error:
            log.error("no process for pictures could be started: %s", error.strerror)  # noqa: TRY400
            raise ProcessesBusy from error

    def _rest(self, worker: "_Worker") -> None:
        if worker.orders >= MAX_ORDERS:
            self._end(worker)
            return
        self.idle.append(worker)
        asyncio.get_running_loop().call_later(self._idle_s, self._retire, worker, worker.orders)

    def _retire(self, worker: "_Worker", orders: int) -> None:
        if worker in self.idle and worker.orders == orders:
            self.idle.remove(worker)
            self._end(worker)

    def _end(self, worker: "_Worker") -> None:
        with suppress(ProcessLookupError):
            worker.process.kill()
        ending = asyncio.get_running_loop().create_task(worker.gone())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)


class _Worker:
    """One process, and how many orders it was given."""

    __slots__ = ("_answers", "_input", "orders", "process")

    def __init__(self, process: Process) -> None:
        if process.stdin is None or process.stdout is None:
            raise OSError("a process without pipes")
        self.process = process
        self.orders = 0
        self._input, self._answers = process.stdin, process.stdout

    async def ask(self, order: bytes) -> tuple[int, bytes]:
        """Raises OSError or IncompleteReadError when the process has died, or answers nonsense."""
        self.orders += 1
        self._input.write(order)
        await self._input.drain()
        made, length = ANSWER.unpack(await self._answers.readexactly(ANSWER.size))
        if length > MAX_ANSWER_BYTES:
            raise OSError("an answer that is too long")
        return made, await self._answers.readexactly(length)

    async def gone(self) -> None:
        """Until it has ended. What it still has said is read and dropped: while more of it waits than is read ahead,
        nobody notices that the pipe is closed, and that it has ended is told only then."""
        with suppress(OSError):
            while await self._answers.read(_DROPPED_BYTES):
                pass
        await self.process.wait()


async def _start(command: Sequence[str]) -> _Worker:
    """It ends by itself when this process does: its input ends then. It is told none of our secrets."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=PIPE,
        stdout=PIPE,
        env={name: os.environ[name] for name in _INHERITED if name in os.environ},
    )
    return _Worker(process)
