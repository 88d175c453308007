"""The event stream becomes hourly measures in SQL, exactly once."""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol, cast

from adserver.reporting.exposures import fold_exposures
from adserver.reporting.measures import Event, fold
from adserver.storage.interfaces import LogRecord
from adserver.telemetry import ROLLUP_LAG

KEEP_MS = 3_600_000
"""Counted entries stay in the stream this long, for diagnosis."""

log = logging.getLogger(__name__)


class ReadBatch(Protocol):
    """Records and where reading goes on."""

    @property
    def is_full(self) -> bool:
        """Whether there may be more behind it already."""

    @property
    def offset(self) -> str:
        """Of the last entry read."""

    @property
    def records(self) -> list[LogRecord]:
        """In the order in which they were written."""


class EventReader(Protocol):
    """The stream."""

    @property
    def stream(self) -> str:
        """Its name."""

    async def read(self, after: str) -> ReadBatch:
        """What came behind ``after``."""

    async def trim(self, before_ms: int) -> None:
        """Forget entries older than that."""


class Rollups(Protocol):
    """The measures in SQL, and up to where the stream is in them."""

    def offset(self, stream: str) -> str:
        """Where counting goes on."""

    def commit(
        self,
        stream: str,
        expected_offset: str,
        new_offset: str,
        rows: Iterable[tuple[datetime, str, str, str, str, int, int, int, int]],
        arms: Iterable[tuple[datetime, str, str, int, int, int, int]] = (),
    ) -> bool:
        """Measures and offset in one transaction; False when another worker was quicker."""


class RollUp:
    """One step at a time; several may run, none counts twice. ``heard`` gets what this one has counted."""

    def __init__(
        self, reader: EventReader, rollups: Rollups, heard: Callable[[Sequence[LogRecord]], None] = lambda _: None
    ) -> None:
        self._reader = reader
        self._rollups = rollups
        self._heard = heard

    async def __call__(self, now: float) -> bool:
        """Count one batch. True when more waits; what comes in meanwhile is for the next time, else this would never
        end under load, one small transaction after the other. Raises StoreUnavailable and the database's error."""
        offset = self._rollups.offset(self._reader.stream)
        batch = await self._reader.read(offset)
        if batch.offset == offset:
            return False
        events = cast("list[Event]", batch.records)
        rows = [(*key, *measures) for key, measures in fold(events).items()]
        arms = [(*key, *measures) for key, measures in fold_exposures(events).items()]
        if not self._rollups.commit(self._reader.stream, offset, batch.offset, rows, arms):
            log.info("another worker has counted these events")
            return True
        self._heard(batch.records)
        counted_ms = int(batch.offset.partition("-")[0])
        ROLLUP_LAG.set(max(0.0, now - counted_ms / 1_000))
        await self._reader.trim(min(counted_ms, int(now * 1_000) - KEEP_MS))
        return batch.is_full
