"""A shop's list of customers, as it was exported -> what is kept of it: the beginnings of hashes, and no address."""

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

HASH_BYTES = 8
"""Kept of each SHA-256: two of two million addresses share so much once in ten million lists."""

MOST_ADDRESSES = 2_000_000
"""Of one list: 16 MB in every worker that needs it."""

MOST_NAMED = 20
"""Refused lines that are named by their number."""

_ADDRESS = re.compile(r'[^\s@"<>(),;:]+@[^\s@"<>(),;:]+\.[^\s@"<>(),;:]+')
_ADDRESS_MAX = 254
_DIGEST = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_SEPARATORS = ",;\t|"
_SAMPLE = 50


class ListUnreadable(ValueError):  # noqa: N818  what is wrong with a file, in words for people
    """No list at all."""


@dataclass(slots=True)
class ReadList:
    """``hashes`` are each there once and sorted, one after the other. ``refused`` counts the lines that hold neither an
    address nor a hash, ``refused_at`` has the numbers of the first of them, from 1; ``repeated`` what was there before;
    ``header`` tells that the first line is one."""

    hashes: bytes = b""
    taken: int = 0
    repeated: int = 0
    refused: int = 0
    refused_at: list[int] = field(default_factory=list)
    header: bool = False


def mail_hash(address: str) -> bytes:
    """What is kept of an e-mail address: of the trimmed, lower-case one, so that spelling does not matter."""
    return hashlib.sha256(address.strip().lower().encode("utf-8", "replace")).digest()[:HASH_BYTES]


def read_list(lines: Iterable[str]) -> ReadList:
    """Read a text of one address or hash a line, or a table with either in one of its columns, header or not.

    Raises ListUnreadable for what is no such text, and for more than MOST_ADDRESSES.
    """
    rows = _rows(lines)
    sample = list(islice(rows, _SAMPLE))
    column = _column([row for _, row in sample])
    read, kept = ReadList(), set[bytes]()
    for number, row in chain(sample, rows):
        cell = row[column].strip() if column < len(row) else ""
        found = _hash_of(cell)
        if found is not None:
            read.repeated += found in kept
            kept.add(found)
            if len(kept) > MOST_ADDRESSES:
                raise ListUnreadable(f"a list has at most {MOST_ADDRESSES:,} addresses, this one has more")
        elif number == sample[0][0] and "@" not in cell and any(map(_hash_of, _cells(sample[1:], column))):
            read.header = True
        else:
            read.refused += 1
            if len(read.refused_at) < MOST_NAMED:
                read.refused_at.append(number)
    read.hashes, read.taken = b"".join(sorted(kept)), len(kept)
    return read


def _rows(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """The number of each line that is not empty, and its cells."""
    lines = iter(lines)
    first = list(islice(lines, 1))
    separator = max(_SEPARATORS, key=first[0].count) if first else ","
    reader = csv.reader(chain(first, lines), delimiter=separator, skipinitialspace=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, row
    except csv.Error as error:
        raise ListUnreadable(f"line {reader.line_num}: {error}") from None


def _column(rows: Sequence[Sequence[str]]) -> int:
    """The column that has the most addresses or hashes, the first of several."""
    width = max(map(len, rows), default=1)
    counts = [sum(_hash_of(row[at].strip()) is not None for row in rows if at < len(row)) for at in range(width)]
    return counts.index(max(counts)) if counts else 0


def _cells(rows: Sequence[tuple[int, Sequence[str]]], column: int) -> Iterator[str]:
    return (row[column].strip() for _, row in rows if column < len(row))


def _hash_of(cell: str) -> bytes | None:
    """Of an address, or the beginning of a hash; None for anything else."""
    if len(cell) == 64 and _DIGEST.fullmatch(cell):
        return bytes.fromhex(cell[: 2 * HASH_BYTES])
    return mail_hash(cell) if len(cell) <= _ADDRESS_MAX and _ADDRESS.fullmatch(cell) else None
