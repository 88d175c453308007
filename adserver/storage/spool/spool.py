"""The way of every write of the data plane: to Valkey, or into the spool while Valkey is away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from adserver.storage.interfaces import LogRecord, SpoolFull, StoreUnavailable
from adserver.storage.spool.drain import Drain
from adserver.storage.spool.entry import Call, Entry, Records, pack_entry, pack_records, wire
from adserver.storage.spool.journal import Journal
from adserver.storage.spool.thread import InThread
from adserver.storage.spool.window import append_call
from adserver.storage.spool.writers import Writer, Writers
from adserver.storage.valkey.hot import Argument, Functions, Key
from adserver.telemetry import SPOOL_REJECTIONS


class Kept(Enum):
    """What a call answers that is in the spool."""

    KEPT = "kept"


KEPT = Kept.KEPT


class Spool:
    """``folder`` has the files of all workers of one data folder; ``slot`` names this worker (letters, digits,
    hyphens); ``max_bytes`` bounds its file. To be used within ``running``, on one event loop.

    While anything waits in the file, new writes go to its end, so that their order is kept.
    """

    def __init__(self, valkey: Functions, folder: Path, *, slot: str, max_bytes: int) -> None:
        self._valkey = valkey
        self._in_thread = InThread()
        self._journal = Journal(folder, slot, max_bytes, self._in_thread)
        self._drain = Drain(valkey, folder, self._journal, self._in_thread)
        self._writers = Writers()

    @property
    def waiting(self) -> int:
        """Bytes that wait for Valkey, in this worker's file and in one it has taken over."""
        return self._drain.waiting

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Replays what waits, and takes over files of workers that are gone. What is left at the end stays on the
        disk for the next."""
        with suppress(StoreUnavailable):  # told in the log; it is tried again when there is something to keep
            await self._journal.open()
        replaying = asyncio.create_task(self._drain.run())
        try:
            yield
        finally:
            await self._drain.stop()
            replaying.cancel()
            await asyncio.gather(replaying, return_exceptions=True)
            await self._journal.settled()
            await self._in_thread(self._drain.close)
            self._in_thread.close()

    def call(
        self, function: str, key: Key, *args: Argument, deadline: float | None = None, then: LogRecord = ()
    ) -> Coroutine[Any, Any, object]:
        """The function's reply, or KEPT. Raises SpoolFull, StoreUnavailable when awaited.

        ``then`` joins the event stream if a call that was kept returns 1 when it is replayed; the caller takes care of
        it otherwise. A call may be made twice: when its answer was lost, or when a process dies while it replays.
        """
        if self._drain.handover or self._journal.waiting:
            return self._call_in_turn(function, key, args, deadline, then)
        try:
            answer = self._valkey.call(function, key, *args, deadline=deadline)
        except StoreUnavailable:
            return self._keep(_call(function, key, args, then))
        return self._answer(answer, function, key, args, then)

    async def _answer(
        self,
        answer: Awaitable[object],
        function: str,
        key: Key,
        args: Sequence[Argument],
        then: LogRecord,
    ) -> object:
        try:
            return await answer
        except StoreUnavailable:
            return await self._keep(_call(function, key, args, then))

    async def _call_in_turn(
        self, function: str, key: Key, args: Sequence[Argument], deadline: float | None, then: LogRecord
    ) -> object:
        """Behind what waits already."""
        if self._drain.handover:
            await self._drain.handover.wait()
        if self._journal.waiting and await self._is_kept(_call(function, key, args, then)):
            return KEPT
        try:
            return await self._valkey.call(function, key, *args, deadline=deadline)
        except StoreUnavailable:
            return await self._keep(_call(function, key, args, then))

    def append(self, records: Sequence[LogRecord]) -> Coroutine[Any, Any, None]:
        """Done when the records are one batch of the event stream, or kept. Raises SpoolFull, StoreUnavailable when
        awaited."""
        packed = pack_records(records)
        if self._drain.handover or self._journal.waiting:
            return self._append_in_turn(packed)
        return self._appended(*self._begin(packed))

    async def _append_in_turn(self, packed: bytes) -> None:
        if self._drain.handover:
            await self._drain.handover.wait()
        if self._journal.waiting and await self._is_kept(Records(packed)):
            return
        await self._appended(*self._begin(packed))

    def _begin(self, packed: bytes) -> "_Batch":
        writer = self._writers.take()
        batch = append_call(writer.name, writer.number, packed)
        try:
            return _Batch(packed, writer, batch, self._valkey.call(batch.function, batch.keys, *batch.args), None)
        except StoreUnavailable as error:
            return _Batch(packed, writer, batch, None, error)

    async def _appended(
        self,
        packed: bytes,
        writer: Writer,
        batch: Call,
        answer: Awaitable[object] | None,
        trouble: StoreUnavailable | None,
    ) -> None:
        try:
            if answer is not None:
                await answer
        except StoreUnavailable as error:
            trouble = error
        if trouble is not None and trouble.ambiguous:
            await self._keep(batch)
            return
        if trouble is not None:
            await self._keep(Records(packed))
        self._writers.give_back(writer)

    async def _is_kept(self, entry: Entry) -> bool:
        """False where the spool is full or can not be written: Valkey may be back already, with only the rest of the
        spool to be replayed, and then nothing needs to be refused."""
        with suppress(StoreUnavailable):
            await self._journal.add(pack_entry(entry))
            return True
        return False

    async def _keep(self, entry: Entry) -> Kept:
        try:
            await self._journal.add(pack_entry(entry))
        except SpoolFull:
            SPOOL_REJECTIONS.labels("full").inc()
            raise
        return KEPT


class _Batch(NamedTuple):
    """A batch that is under way, or could not be sent."""

    packed: bytes
    writer: Writer
    call: Call
    answer: Awaitable[object] | None
    trouble: StoreUnavailable | None


_AGAIN = {"record_event": "replay_event"}
"""Functions that are another one where they may have been called already."""


def _call(function: str, key: Key, args: Sequence[Argument], then: LogRecord) -> Call:
    keys = (key,) if isinstance(key, str) else key
    packed = pack_records([then]) if then else b""
    return Call(_AGAIN.get(function, function), keys, tuple(wire(arg) for arg in args), packed)
