"""What the spool keeps, as bytes: calls of Valkey's functions, and records for the event stream.

An entry is the number of its keys (1 byte; 0: records), the number of its fields (2 bytes), the length of each field
(4 bytes each), and the fields. All numbers are big-endian.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from adserver.storage.interfaces import LogRecord

_HEAD = struct.Struct(">BH")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a function; arguments are bytes as they are sent. ``then``: a packed record for the event stream,
    written if the function returned 1; empty for none."""

    function: str
    keys: tuple[str, ...]
    args: tuple[bytes, ...]
    then: bytes = b""


@dataclass(frozen=True, slots=True)
class Records:
    """Packed records for the event stream that were certainly not written yet."""

    packed: bytes


Entry = Call | Records


class UnreadableEntry(ValueError):  # noqa: N818  a state of the world, not a mistake in the program
    """Bytes that this version can not take apart."""


def wire(argument: str | int | bytes) -> bytes:
    """An argument as Valkey sees it."""
    return argument if isinstance(argument, bytes) else str(argument).encode()


def pack_records(records: Sequence[LogRecord]) -> bytes:
    """A JSON array, as the readers of the event stream expect it."""
    return orjson.dumps(records)


def join_records(packed: Iterable[bytes]) -> bytes:
    """One array out of several, in their order."""
    return b"[" + b",".join(part[1:-1] for part in packed if part != b"[]") + b"]"


def pack_entry(entry: Entry) -> bytes:
    """As described above; fields of a call are: record, function, keys, arguments."""
    if isinstance(entry, Records):
        return _pack(0, (entry.packed,))
    texts = (entry.function, *entry.keys)
    return _pack(len(entry.keys), (entry.then, *(text.encode() for text in texts), *entry.args))


def _pack(keys: int, fields: Sequence[bytes]) -> bytes:
    lengths = struct.pack(f">{len(fields)}I", *map(len, fields))
    return b"".join((_HEAD.pack(keys, len(fields)), lengths, *fields))


def unpack_entries(packed: bytes) -> list[Entry]:
    """All entries, one behind the other. Raises UnreadableEntry."""
    entries, at = [], 0
    try:
        while at < len(packed):
            keys, count = _HEAD.unpack_from(packed, at)
            lengths = struct.unpack_from(f">{count}I", packed, at + _HEAD.size)
            at += _HEAD.size + 4 * count
            fields = []
            for length in lengths:
                fields.append(packed[at : at + length])
                at += length
            entries.append(_entry(keys, fields))
    except (struct.error, UnicodeDecodeError, ValueError) as error:
        raise UnreadableEntry(f"an entry of the spool can not be read: {error}") from error
    if at != len(packed):
        raise UnreadableEntry("an entry of the spool ends too early")
    return entries


def _entry(keys: int, fields: list[bytes]) -> Entry:
    if keys == 0:
        (packed,) = fields
        return Records(packed)
    then, function, *rest = fields
    if len(rest) < keys:
        raise UnreadableEntry("a call without its keys")
    return Call(function.decode(), tuple(key.decode() for key in rest[:keys]), tuple(rest[keys:]), then)
