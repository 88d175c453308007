"""The processes that decode pictures: few, started when first needed, replaced when a picture killed one."""

import asyncio
import logging
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from contextlib import suppress

from adserver.creative.picture_order import ANSWER, KINDS, ORDER, PictureRefused, Refusal
from adserver.telemetry import PICTURE_PROCESSES_LOST, PICTURE_WAIT_SECONDS

PROCESSES = 2
"""Per worker. They run at a low priority, so that ads and pixels go first."""

MAX_WAITING = 64
"""Pictures that may wait for a process; about a second's work."""

DEADLINE_S = 10.0
"""For one picture, whose process may use two seconds of a processor and has to wait for it on a busy machine."""

IDLE_S = 60.0
"""A process without work ends after this."""

MAX_PICTURES = 1_000
"""A process is replaced after this many."""

_INHERITED = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH")

log = logging.getLogger(__name__)


class PicturesBusy(Exception):  # noqa: N818
    """More pictures are asked for than can be made now."""


class PicturePool:
    """Makes pictures in processes of their own."""

    def __init__(self, processes: int = PROCESSES, *, deadline_s: float = DEADLINE_S, idle_s: float = IDLE_S) -> None:
        self._free = asyncio.Semaphore(processes)
        self._deadline_s = deadline_s
        self._idle_s = idle_s
        self._waiting = 0
        self._idle: list[_Worker] = []
        self._ending: set[asyncio.Task[int]] = set()

    async def make(self, raw: bytes, width: int, height: int, kind: str) -> bytes:
        """``raw`` as a ``kind`` of KINDS that fits ``width`` x ``height``, see ``creative.picture``. Raises
        PictureRefused, and PicturesBusy instead of letting too many wait."""
        if self._waiting >= MAX_WAITING:
            raise PicturesBusy
        began = time.perf_counter()
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        PICTURE_WAIT_SECONDS.observe(time.perf_counter() - began)
        try:
            return await self._made(raw, width, height, kind)
        finally:
            self._free.release()

    async def close(self) -> None:
        """Ends all processes, and returns when they have ended."""
        while self._idle:
            self._end(self._idle.pop())
        await asyncio.gather(*self._ending)

    async def _made(self, raw: bytes, width: int, height: int, kind: str) -> bytes:
        worker = await self._worker()
        try:
            async with asyncio.timeout(self._deadline_s):
                made, body = await worker.ask(ORDER.pack(len(raw), width, height, KINDS.index(kind)) + raw)
        except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
            self._end(worker)
            PICTURE_PROCESSES_LOST.inc()
            raise PictureRefused(Refusal.HARMFUL) from error
        except BaseException:
            self._end(worker)
            raise
        self._rest(worker)
        if not made:
            raise PictureRefused(Refusal(body.decode()))
        return body

    async def _worker(self) -> "_Worker":
        while self._idle:
            worker = self._idle.pop()
            if worker.process.returncode is None:
                return worker
        try:
            return await _start()
        except OSError as error:
            log.error("no process for pictures could be started: %s", error.strerror)  # noqa: TRY400
            raise PicturesBusy from error

    def _rest(self, worker: "_Worker") -> None:
        if worker.pictures >= MAX_PICTURES:
            self._end(worker)
            return
        self._idle.append(worker)
        asyncio.get_running_loop().call_later(self._idle_s, self._retire, worker, worker.pictures)

    def _retire(self, worker: "_Worker", pictures: int) -> None:
        if worker in self._idle and worker.pictures == pictures:
            self._idle.remove(worker)
            self._end(worker)

    def _end(self, worker: "_Worker") -> None:
        with suppress(ProcessLookupError):
            worker.process.kill()
        ending = asyncio.get_running_loop().create_task(worker.process.wait())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)


class _Worker:
    """One process, and how many pictures it was given."""

    __slots__ = ("_answers", "_orders", "pictures", "process")

    def __init__(self, process: Process) -> None:
        if process.stdin is None or process.stdout is None:
            raise OSError("a process without pipes")
        self.process = process
        self.pictures = 0
        self._orders, self._answers = process.stdin, process.stdout

    async def ask(self, order: bytes) -> tuple[int, bytes]:
        """Raises OSError or IncompleteReadError when the process has died."""
        self.pictures += 1
        self._orders.write(order)
        await self._orders.drain()
        made, length = ANSWER.unpack(await self._answers.readexactly(ANSWER.size))
        return made, await self._answers.readexactly(length)


async def _start() -> _Worker:
    """It ends by itself when this process does: its input ends then. It is told none of our secrets."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "adserver.creative.picture_process",
        stdin=PIPE,
        stdout=PIPE,
        env={name: os.environ[name] for name in _INHERITED if name in os.environ},
    )
    return _Worker(process)
