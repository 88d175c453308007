"""The file of this worker, written by group commit: one sync for all entries that came while the last one ran."""

import asyncio
import logging
import time
from functools import partial
from pathlib import Path

from adserver.storage.interfaces import SpoolFull, StoreUnavailable
from adserver.storage.spool.file import START, SpoolFile, create_file
from adserver.storage.spool.frame import HEAD_BYTES
from adserver.storage.spool.thread import InThread
from adserver.telemetry import SPOOL_ENTRIES, SPOOL_REJECTIONS

GATHER_S = 0.002
"""How long a group gathers. The fewer and larger the frames, the fewer calls it takes to replay them."""

log = logging.getLogger(__name__)


class Journal:
    """``in_thread`` runs a function in the one thread that works with files; ``max_bytes`` bounds the file."""

    def __init__(self, folder: Path, slot: str, max_bytes: int, in_thread: InThread) -> None:
        self._create = partial(create_file, folder, slot)
        self._max_bytes = max_bytes
        self._in_thread = in_thread
        self._pending: list[bytes] = []
        self._unwritten = 0
        self._group: asyncio.Future[None] | None = None
        self._committing: asyncio.Task[None] | None = None
        self._trouble = ""
        self.file: SpoolFile | None = None
        self.written = asyncio.Event()
        """Set by every group that is on the disk."""

    @property
    def waiting(self) -> int:
        """Bytes that are to be replayed, written or about to be."""
        return self._unwritten + (self.file.waiting if self.file else 0)

    def add(self, entry: bytes) -> asyncio.Future[None]:
        """A future that is done when the entry is on the disk; it fails with StoreUnavailable. Raises SpoolFull."""
        size = len(entry) + HEAD_BYTES
        if self._unwritten + size + (self.file.size if self.file else START) > self._max_bytes:
            raise SpoolFull("Valkey did not answer, and the spool is full")
        loop = asyncio.get_running_loop()
        self._group = self._group or loop.create_future()
        self._committing = self._committing or loop.create_task(self._commit())
        self._unwritten += size
        self._pending.append(entry)
        # One caller that gives up must not cancel the write the others wait for.
        return asyncio.shield(self._group)

    async def open(self) -> None:
        """Make the file now, so that it is known at the start whether that works. Raises StoreUnavailable."""
        try:
            await self._in_thread(self._open)
        except OSError as error:
            raise self._failed(error) from error

    async def settled(self) -> None:
        """Wait until what was added is on the disk, or is known not to be."""
        while self._committing is not None:
            await asyncio.wait([self._committing])

    async def _commit(self) -> None:
        while self._pending and self._group:
            await asyncio.sleep(GATHER_S)
            entries, group = self._pending, self._group
            self._pending, self._group = [], None
            try:
                await self._in_thread(partial(self._write, entries))
            except Exception as error:
                SPOOL_REJECTIONS.labels("disk").inc(len(entries))
                group.set_exception(self._failed(error))
                group.exception()  # whoever waited has gone: that is no news for the log
            else:
                self._trouble = ""
                SPOOL_ENTRIES.inc(len(entries))
                self.written.set()
                group.set_result(None)
            finally:
                self._unwritten -= sum(map(len, entries)) + HEAD_BYTES * len(entries)
        self._committing = None

    def _open(self) -> SpoolFile:
        self.file = self.file or self._create()
        return self.file

    def _write(self, entries: list[bytes]) -> None:
        self._open().write(entries, time.time_ns() // 1_000_000)

    def _failed(self, error: Exception) -> StoreUnavailable:
        """What callers hear; the log hears of the same trouble once."""
        told = repr(error)
        if told != self._trouble:
            self._trouble = told
            log.error("the spool can not be written: %s", error, exc_info=not isinstance(error, OSError))
        failed = StoreUnavailable(f"Valkey did not answer, and the spool can not be written: {type(error).__name__}")
        failed.ambiguous = False
        return failed
