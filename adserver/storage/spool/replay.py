"""One file of the spool on its way back into Valkey."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from adserver.storage.spool.file import SpoolFile
from adserver.storage.spool.frame import Frame
from adserver.storage.spool.thread import InThread
from adserver.storage.spool.window import Window
from adserver.storage.valkey.hot import Functions
from adserver.telemetry import SPOOL_DAMAGED_BYTES, SPOOL_DUPLICATES, SPOOL_REPLAYED, SPOOL_SET_ASIDE

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Current:
    frames: Sequence[Frame]
    damaged: int
    window: Window


class Replay:
    """Goes through a file window by window; after a failure it goes on in the middle of the window."""

    def __init__(self, file: SpoolFile, in_thread: InThread) -> None:
        self.file = file
        self.reached = 0.0
        """When the newest entry came that was looked at, in seconds since 1970 UTC."""
        self._in_thread = in_thread
        self._current: _Current | None = None

    async def step(self, valkey: Functions) -> bool:
        """Replay the next window; False when there is none. Raises StoreUnavailable: then it is tried again."""
        current = self._current = self._current or await self._look()
        if current is None:
            return False
        await current.window.replay(valkey)
        await self._set_aside(current.window.aside)
        await self._in_thread(partial(self.file.advance, current.frames, current.damaged))
        SPOOL_REPLAYED.inc(current.window.count)
        SPOOL_DUPLICATES.inc(current.window.duplicates)
        self._current = None
        return True

    async def _look(self) -> _Current | None:
        frames, damaged = await self._in_thread(self.file.read)
        if damaged:
            SPOOL_DAMAGED_BYTES.inc(damaged)
            where = "left out" if frames else "cut off at the end"
            log.error("%s: %d bytes can not be read and are %s", self.file.path.name, damaged, where)
        if not frames and not damaged:
            return None
        if frames:
            self.reached = frames[0].time_ms / 1_000
        return _Current(frames, damaged, Window(frames, self.file.writer))

    async def _set_aside(self, aside: list[dict[str, object]]) -> None:
        """Write down what Valkey will never take; one line in the log for all of it."""
        if not aside:
            return
        why, count = aside[0]["why"], len(aside)
        while aside:
            path = await self._in_thread(partial(self.file.set_aside, aside[0]))
            SPOOL_SET_ASIDE.inc()
            del aside[0]
        log.error("%d writes of the spool can not be done and are in %s: %s", count, path, why)
