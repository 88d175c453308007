"""Some frames of a spool file on their way back into Valkey."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.spool.entry import Call, Records, UnreadableEntry, join_records, unpack_entries, wire
from adserver.storage.spool.frame import Frame
from adserver.storage.valkey import keys
from adserver.storage.valkey.events import MARKER_TTL_S, MAX_BATCHES
from adserver.storage.valkey.hot import Functions

TRIES = 3
"""A call that Valkey refuses as wrong is set aside after so many tries."""


def append_call(writer: str, number: int, packed: bytes) -> Call:
    """The call that appends a batch to the event stream."""
    args = (number, packed, MAX_BATCHES, MARKER_TTL_S)
    return Call("append_events", (keys.EVENTS, keys.batch_marker(writer)), tuple(wire(arg) for arg in args))


@dataclass(slots=True, eq=False)
class _Step:
    call: Call
    returned: object = None
    done: bool = False
    tries: int = 0


class Window:
    """Replays frames and remembers what is done, so that another try goes on where the last one stopped.

    Calls with the same first key go out one after the other, each when the one before was acknowledged; all others at
    the same time. Then the records: those of a frame are one batch of the event stream, numbered as the frame is, under
    ``writer``, the name that the file has for itself. However often a frame is replayed, its records are written once.
    """

    def __init__(self, frames: Sequence[Frame], writer: str) -> None:
        self.aside: list[dict[str, object]] = []
        self._writer = writer
        self._frames = {frame.number: self._unpack(frame) for frame in frames}
        self._batches: dict[int, _Step] = {}
        self._lanes: dict[str, list[_Step]] = {}
        for entries in self._frames.values():
            for entry in entries:
                if isinstance(entry, _Step):
                    self._lanes.setdefault(entry.call.keys[0], []).append(entry)

    @property
    def count(self) -> int:
        """Entries."""
        return sum(map(len, self._frames.values()))

    @property
    def duplicates(self) -> int:
        """Calls that wanted to write a record and were not the first; once all is replayed."""
        steps = [step for lane in self._lanes.values() for step in lane if step.call.then]
        return sum(step.returned != 1 for step in steps)

    async def replay(self, valkey: Functions) -> None:
        """Write everything. Raises StoreUnavailable when a part of it was not written: then try again."""
        lanes = (self._in_order(valkey, lane) for lane in self._lanes.values())
        for outcome in await asyncio.gather(*lanes, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
        if not self._batches:
            self._batches = {number: self._batch(number) for number in self._frames if _records(self._frames[number])}
        await self._in_order(valkey, self._batches.values())

    async def _in_order(self, valkey: Functions, steps: Iterable[_Step]) -> None:
        for step in steps:
            if not step.done:
                await self._take(valkey, step)

    async def _take(self, valkey: Functions, step: _Step) -> None:
        call = step.call
        try:
            step.returned = await valkey.call(call.function, call.keys, *call.args)
        except Exception as error:
            # What is not StoreUnavailable is a mistake, in the entry or in ourselves: it would come again and again.
            step.tries += error.lasting if isinstance(error, StoreUnavailable) else 1
            if step.tries < TRIES:
                raise
            self._set_aside(call, error)
        step.done = True

    def _batch(self, number: int) -> _Step:
        return _Step(append_call(self._writer, number, join_records(_records(self._frames[number]))))

    def _unpack(self, frame: Frame) -> list[_Step | Records]:
        try:
            return [_Step(entry) if isinstance(entry, Call) else entry for entry in unpack_entries(frame.packed)]
        except UnreadableEntry as error:
            self.aside.append({"why": str(error), "entries": frame.packed.hex()})
            return []

    def _set_aside(self, call: Call, error: Exception) -> None:
        args = [arg.decode("utf-8", "backslashreplace") for arg in (*call.args, call.then)]
        self.aside.append({"why": str(error), "function": call.function, "keys": call.keys, "args": args})


def _records(entries: Iterable[_Step | Records]) -> list[bytes]:
    """Those to be written, in their order."""
    packed = [entry.packed if isinstance(entry, Records) else _then(entry) for entry in entries]
    return [part for part in packed if part]


def _then(step: _Step) -> bytes:
    return step.call.then if step.returned == 1 else b""
