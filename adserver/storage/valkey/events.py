"""The event stream: group commit when written, batches when read."""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import orjson

from adserver.storage.interfaces import LogRecord, StoreUnavailable
from adserver.storage.valkey import keys
from adserver.storage.valkey.client import Valkey, store_errors

MARKER_TTL_S = 30 * 86_400
"""How long it is remembered which batches a writer has written."""

MAX_BATCHES = 1_000_000
"""The stream is cut at about this many batches if no worker reads it; what was read is trimmed long before."""

READ_AT_ONCE = 200
"""Entries: few enough that Valkey answers visitors in between."""

log = logging.getLogger(__name__)


class Batches(Protocol):
    """Where batches go: into the stream, or onto the disk while Valkey is away."""

    def append(self, records: Sequence[LogRecord]) -> Awaitable[None]:
        """Begin to write one batch. Raises StoreUnavailable, when awaited, if it could be kept nowhere."""


class ValkeyEventLog:
    """Writes all records of one loop tick as one entry; whoever appended waits for that entry."""

    _loop: asyncio.AbstractEventLoop

    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self._pending: list[LogRecord] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._flushes: set[asyncio.Task[None]] = set()

    def append(self, record: LogRecord) -> "asyncio.Future[None]":
        """A future that is done when the record is in Valkey; it fails with StoreUnavailable."""
        if not self._pending:
            self._begin()
        self._pending.append(record)
        # One for each caller: who gives up must not cancel the write the others wait for.
        written: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(written)
        return written

    def note(self, records: Sequence[LogRecord]) -> None:
        """Write the records without telling anybody whether that worked."""
        if not self._pending:
            self._begin()
        self._pending.extend(records)

    def _begin(self) -> None:
        """The first of a tick finds out which loop this is: whoever asks that asks the kernel as well."""
        self._loop = asyncio.get_running_loop()
        self._loop.call_soon(self._start_flush)

    def _start_flush(self) -> None:
        batch, self._pending = self._pending, []
        waiting, self._waiting = self._waiting, []
        appended = self._batches.append(batch)  # under way with this call, in the same write as the tick's other calls
        flush = self._loop.create_task(self._flush(appended, waiting))
        self._flushes.add(flush)
        flush.add_done_callback(self._flushes.discard)

    async def _flush(self, appended: Awaitable[None], waiting: "list[asyncio.Future[None]]") -> None:
        trouble: StoreUnavailable | None = None
        try:
            await appended
        except StoreUnavailable as error:
            trouble = error
        except BaseException:
            log.exception("a batch of events was not written")
            trouble = StoreUnavailable("the event log was not written")
            raise
        finally:
            for written in waiting:
                if written.done():
                    continue
                if trouble is None:
                    written.set_result(None)
                else:
                    written.set_exception(trouble)
                    written.exception()  # whoever waited has gone: that is no news for the log

    async def settled(self) -> None:
        """Wait for all writes under way; for a graceful stop."""
        await asyncio.gather(*self._flushes, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Batch:
    """Records in the order in which they were written; ``offset`` is where reading goes on, ``is_full`` says that there
    may be more behind it already."""

    offset: str
    records: list[LogRecord]
    is_full: bool


class ValkeyEventReader:
    """Reads the stream for the rollups."""

    stream = keys.EVENTS

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey

    async def read(self, after: str, limit: int = READ_AT_ONCE) -> Batch:
        """Up to ``limit`` entries behind the offset ``after``; no records when there is nothing new."""
        with store_errors():
            found = await self._valkey.redis.xrange(keys.EVENTS, min=f"({after}", max="+", count=limit)
        entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", found)
        records: list[LogRecord] = []
        for _, fields in entries:
            records.extend(tuple(record) for record in orjson.loads(fields[b"b"]))
        return Batch(entries[-1][0].decode() if entries else after, records, len(entries) == limit)

    async def trim(self, before_ms: int) -> None:
        """Forget entries older than ``before_ms`` (milliseconds since 1970 UTC)."""
        with store_errors():
            await self._valkey.redis.xtrim(keys.EVENTS, minid=f"{before_ms}-0", approximate=True)

    async def newest(self, limit: int = 200) -> list[LogRecord]:
        """The last records, newest first; for diagnosis."""
        with store_errors():
            found = await self._valkey.redis.xrevrange(keys.EVENTS, count=limit)
        entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", found)
        return [tuple(record) for _, fields in entries for record in reversed(orjson.loads(fields[b"b"]))]
