"""How entries lie in a file: in frames, one per group commit, each with a checksum.

A frame begins with eight random bytes that only this file knows. So the next sound frame is found behind a damaged one,
and nothing that came from a client can pass for a frame.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_HEAD = struct.Struct(">8sQQII")
_SUM = struct.Struct(">I")
HEAD_BYTES = _HEAD.size + _SUM.size

FRAME_ENTRIES = 64
FRAME_BYTES = 256 * 1024
"""A frame is closed when it has so many entries, or so many bytes."""


@dataclass(frozen=True, slots=True)
class Frame:
    """``number`` grows from frame to frame of a file; ``time_ms``: since 1970 UTC; ``begin``, ``end``: offsets."""

    number: int
    time_ms: int
    count: int
    packed: bytes
    begin: int
    end: int


def pack_frame(sync: bytes, number: int, time_ms: int, entries: Sequence[bytes]) -> bytes:
    """The bytes of one frame; ``sync``: the eight bytes of this file."""
    packed = b"".join(entries)
    head = _HEAD.pack(sync, number, time_ms, len(entries), len(packed))
    return b"".join((head, _SUM.pack(zlib.crc32(packed, zlib.crc32(head))), packed))


def read_frame(data: bytes, at: int, sync: bytes) -> Frame | None:
    """The frame that begins at ``at``, if it is whole and sound."""
    if len(data) < at + HEAD_BYTES or not data.startswith(sync, at):
        return None
    _, number, time_ms, count, length = _HEAD.unpack_from(data, at)
    begin, end = at + HEAD_BYTES, at + HEAD_BYTES + length
    if end > len(data):
        return None
    packed = data[begin:end]
    (found,) = _SUM.unpack_from(data, at + _HEAD.size)
    if found != zlib.crc32(packed, zlib.crc32(data[at : at + _HEAD.size])):
        return None
    return Frame(number, time_ms, count, packed, at, end)


def read_frames(data: bytes, sync: bytes, after: int) -> Iterator[Frame]:
    """Sound frames from the beginning of ``data`` to the first gap, their numbers growing from above ``after``."""
    at = 0
    while (frame := read_frame(data, at, sync)) and frame.number > after:
        yield frame
        at, after = frame.end, frame.number


def find_frame(data: bytes, sync: bytes, after: int) -> Frame | None:
    """The first sound frame anywhere in ``data`` with a number above ``after``."""
    at = data.find(sync)
    while at >= 0:
        frame = read_frame(data, at, sync)
        if frame and frame.number > after:
            return frame
        at = data.find(sync, at + 1)
    return None


def groups(entries: Sequence[bytes]) -> Iterator[list[bytes]]:
    """``entries`` cut into frames."""
    group: list[bytes] = []
    size = 0
    for entry in entries:
        group.append(entry)
        size += len(entry)
        if len(group) == FRAME_ENTRIES or size >= FRAME_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group
