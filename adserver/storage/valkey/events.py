"""The event stream: group commit when written, batches when read."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import orjson

from adserver.storage.interfaces import LogRecord, StoreUnavailable
from adserver.storage.valkey import keys
from adserver.storage.valkey.client import Valkey, store_errors

MAX_BATCHES = 1_000_000
"""The stream is cut at about this many batches if no worker reads it; what was read is trimmed long before."""

log = logging.getLogger(__name__)


class ValkeyEventLog:
    """Writes all records of one loop tick as one entry; whoever appended waits for that entry."""

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey
        self._pending: list[LogRecord] = []
        self._written: asyncio.Future[None] | None = None
        self._flushes: set[asyncio.Task[None]] = set()

    def append(self, records: Sequence[LogRecord]) -> asyncio.Future[None]:
        """A future that is done when the records are in Valkey; it fails with StoreUnavailable."""
        # One caller that gives up must not cancel the write the others wait for.
        return asyncio.shield(self._queue(records))

    def note(self, records: Sequence[LogRecord]) -> None:
        """Write the records without telling anybody whether that worked."""
        self._queue(records)

    def _queue(self, records: Sequence[LogRecord]) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        if self._written is None:
            self._written = loop.create_future()
            loop.call_soon(self._start_flush)
        self._pending.extend(records)
        return self._written

    def _start_flush(self) -> None:
        batch, written = self._pending, self._written
        self._pending, self._written = [], None
        if written is not None:
            flush = asyncio.get_running_loop().create_task(self._flush(batch, written))
            self._flushes.add(flush)
            flush.add_done_callback(self._flushes.discard)

    async def _flush(self, batch: list[LogRecord], written: asyncio.Future[None]) -> None:
        try:
            with store_errors():
                await self._valkey.redis.xadd(
                    keys.EVENTS, {"b": orjson.dumps(batch)}, maxlen=MAX_BATCHES, approximate=True
                )
        except BaseException as error:
            # Whatever it is, nobody may wait for ever.
            known = isinstance(error, StoreUnavailable)
            written.set_exception(error if known else StoreUnavailable("the event log was not written"))
            if not known:
                log.exception("a batch of events was not written")
            written.exception()  # whoever waited has gone: that is no news for the log
        else:
            written.set_result(None)

    async def settled(self) -> None:
        """Wait for all writes under way; for a graceful stop."""
        await asyncio.gather(*self._flushes, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Batch:
    """Records in the order in which they were written; ``offset`` is where reading goes on."""

    offset: str
    records: list[LogRecord]


class ValkeyEventReader:
    """Reads the stream for the rollups."""

    stream = keys.EVENTS

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey

    async def read(self, after: str, limit: int = 1_000) -> Batch:
        """Up to ``limit`` entries behind the offset ``after``; no records when there is nothing new."""
        with store_errors():
            found = await self._valkey.redis.xrange(keys.EVENTS, min=f"({after}", max="+", count=limit)
        entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", found)
        records: list[LogRecord] = []
        for _, fields in entries:
            records.extend(tuple(record) for record in orjson.loads(fields[b"b"]))
        return Batch(entries[-1][0].decode() if entries else after, records)

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
