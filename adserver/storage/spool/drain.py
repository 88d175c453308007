"""Empties the spool: the file of this worker, and those of workers that are gone."""

import asyncio
import logging
import random
import time
from contextlib import suppress
from pathlib import Path

from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.spool.file import SUFFIX, SpoolFile, adopt_file
from adserver.storage.spool.journal import Journal
from adserver.storage.spool.replay import Replay
from adserver.storage.spool.thread import InThread
from adserver.storage.valkey.hot import Functions
from adserver.telemetry import SPOOL_BYTES, SPOOL_OLDEST

LOOK_S = 5.0
"""How often a worker looks for files of workers that are gone."""

BACKOFF_S = (0.05, 2.0)
"""First and longest pause between two attempts; each is shortened by up to a half, by lot."""

GRACE_S = 3.0
"""How long a step may still take when the worker ends."""

log = logging.getLogger(__name__)


class Drain:
    """``handover`` is there for a moment when the file is all but replayed: new writes wait for it, so that the last
    of the old ones is in Valkey before the first of them. Else a busy worker would never come to the end of its file.
    """

    def __init__(self, valkey: Functions, folder: Path, journal: Journal, in_thread: InThread) -> None:
        self.handover: asyncio.Event | None = None
        self._valkey = valkey
        self._folder = folder
        self._journal = journal
        self._in_thread = in_thread
        self._own: Replay | None = None
        self._adopted: Replay | None = None
        self._pause = BACKOFF_S[0]
        self._trouble = ""
        self._stepping = asyncio.Lock()

    @property
    def waiting(self) -> int:
        """Bytes."""
        return self._journal.waiting + (self._adopted.file.waiting if self._adopted else 0)

    async def run(self) -> None:
        """For ever. Files of others come first: they are older."""
        while True:
            try:
                await self._take_over()
                await self._empty()
                self._pause, self._trouble = BACKOFF_S[0], ""
                await self._look_later()
            except StoreUnavailable:
                await self._rest()
            except Exception as error:
                if isinstance(error, OSError):
                    # A disk that can not be read must not stop the rest. Its lock stays ours: it is not tried again.
                    self._adopted = None
                if repr(error) != self._trouble:
                    self._trouble = repr(error)
                    log.exception("the spool is not replayed")
                await self._rest()

    async def stop(self) -> None:
        """Nothing further is begun. What is under way is given a moment to end, so that the next need not repeat it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                await self._stepping.acquire()

    def close(self) -> None:
        """Let go of the files; called in the thread, when nothing else is under way."""
        for file in (self._journal.file, self._adopted.file if self._adopted else None):
            if file is not None:
                file.close()

    async def _take_over(self) -> None:
        while adopted := self._adopted or await self._in_thread(self._adopt):
            await self._finish(adopted)
            await self._in_thread(adopted.file.close)
            self._adopted = None

    def _adopt(self) -> Replay | None:
        """In the thread; whoever waits may be cancelled meanwhile, and the file must not be forgotten then."""
        file = _orphan(self._folder)
        if file is not None:
            log.warning("taking over %d bytes that another worker left in %s", file.waiting, file.path.name)
            self._adopted = Replay(file, self._in_thread)
        return self._adopted

    async def _empty(self) -> None:
        journal = self._journal
        journal.written.clear()
        if journal.file is None or not journal.file.waiting:
            return
        own = self._own = self._own or Replay(journal.file, self._in_thread)
        await self._finish(own)
        self.handover = asyncio.Event()
        try:
            await journal.settled()
            await self._finish(own)
            await self._in_thread(own.file.clear)
        finally:
            self.handover.set()
            self.handover = None

    async def _finish(self, replay: Replay) -> None:
        while await self._step(replay):
            self._pause = BACKOFF_S[0]
            self._tell()

    async def _step(self, replay: Replay) -> bool:
        async with self._stepping:
            return await replay.step(self._valkey)

    async def _rest(self) -> None:
        self._tell()
        await asyncio.sleep(self._pause * random.uniform(0.5, 1))  # noqa: S311  so that workers do not march in step
        self._pause = min(2 * self._pause, BACKOFF_S[1])

    async def _look_later(self) -> None:
        self._tell()
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self._journal.written.wait()

    def _tell(self) -> None:
        times = [
            replay.reached or time.time() for replay in (self._own, self._adopted) if replay and replay.file.waiting
        ]
        SPOOL_BYTES.set(self.waiting)
        SPOOL_OLDEST.set(time.time() - min(times) if times else 0)


def _orphan(folder: Path) -> SpoolFile | None:
    """The oldest file whose worker is gone; those with nothing in them are deleted on the way."""
    for path in sorted(folder.glob(f"*{SUFFIX}"), key=_age):
        file = adopt_file(path)
        if file is not None and file.waiting:
            return file
        if file is not None:
            file.close()
    return None


def _age(path: Path) -> float:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime
    return 0.0
