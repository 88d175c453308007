"""Which row of a table is its header, which delimiter it uses, and where the fields stand in it."""

import csv
import io
import re
from collections.abc import Iterator
from typing import NamedTuple

from adserver.catalog.problem import FeedError
from adserver.catalog.row import FIELDS, REQUIRED

COLUMNS = 1_000
"""Most columns of a table."""

_DELIMITERS = "\t,;"
_ROWS_BEFORE = 50
_BETWEEN_WORDS = re.compile(r"[\s_-]+")
_SHOWN = 8


class Header(NamedTuple):
    """``line`` is the header row's last line, counted from 1; ``columns`` are (field, index of its cell)."""

    delimiter: str
    line: int
    width: int
    columns: tuple[tuple[str, int], ...]

    @property
    def missing(self) -> list[str]:
        fields = {field for field, _ in self.columns}
        return [field for field in REQUIRED if field not in fields]


def find_header(text: str) -> Header:
    """The header of a table that begins with ``text``: the first row not blank and not beginning with ``#``.

    The delimiter is the one with which that row names the most fields. Raises ``FeedError`` where a required
    one is missing.
    """
    candidates = [candidate for delimiter in _DELIMITERS for candidate in _candidates(text, delimiter)]
    if not candidates:
        raise FeedError("line 1: neither XML nor a table; expected a header row with " + ", ".join(REQUIRED))
    header, names = max(candidates, key=lambda candidate: len(candidate[0].columns))
    if not header.columns:
        raise FeedError(
            f"line {header.line}: neither XML nor a table with a header row; expected the columns "
            + ", ".join(REQUIRED)
        )
    if header.missing:
        shown = ", ".join(name[:40] for name in names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
        raise FeedError(
            f"line {header.line}: the header row lacks {', '.join(header.missing)}; it has {shown}; "
            f"expected at least {', '.join(REQUIRED)}"
        )
    if header.width > COLUMNS:
        raise FeedError(f"line {header.line}: {header.width:,} columns; expected at most {COLUMNS:,}")
    return header


def _candidates(text: str, delimiter: str) -> Iterator[tuple[Header, list[str]]]:
    """The header as this delimiter sees it, if it sees one."""
    cells = csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter, strict=True)
    for _ in range(_ROWS_BEFORE):
        try:
            row = next(cells)
        except StopIteration:
            return
        except csv.Error:
            continue
        if not any(row) or row[0].lstrip().startswith("#"):
            continue
        names = [_normalise(cell) for cell in row]
        columns = {name: index for index, name in reversed(list(enumerate(names))) if name in FIELDS}
        yield Header(delimiter, cells.line_num, len(row), tuple(columns.items())), names
        return


def _normalise(cell: str) -> str:
    """``g:Image Link`` is ``image_link``."""
    return _BETWEEN_WORDS.sub("_", cell.strip().lower().removeprefix("g:").strip())
