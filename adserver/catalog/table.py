"""The feed as a table: Google's TSV, or CSV as Meta's template has it, as a stream of rows."""

import codecs
import csv
import io
from collections.abc import Iterator
from typing import BinaryIO

from adserver.catalog.header import Header, find_header
from adserver.catalog.problem import FeedError, RowProblem
from adserver.catalog.row import RowReader
from adserver.model.product import Product

ROW_CHARACTERS = 1_048_576
"""Longest row, its line breaks included. A cell is bounded by the ``csv`` module's own limit of 128 Ki."""

_BLOCK_BYTES = 65_536


def read_table(
    head: bytes, stream: BinaryIO, *, rows: RowReader, encoding: str, max_items: int
) -> Iterator[Product | RowProblem]:
    """The rows of ``head`` and of what follows it in ``stream``; see ``feed.read_feed``.

    A row with more or fewer cells than the header, or with a quote in the wrong place, is left out.
    """
    lines = _Lines(head, stream, encoding)
    header = find_header(lines.head)
    cells = csv.reader(lines, delimiter=header.delimiter, strict=True)
    items = 0
    while True:
        line = cells.line_num + 1
        lines.begin_row(line)
        try:
            row = next(cells)
        except StopIteration:
            return
        except csv.Error as error:
            if line > header.line:
                yield _misquoted(error, line, cells.line_num)
            continue
        if line <= header.line or not row or not any(row):
            continue
        items += 1
        if items > max_items:
            raise FeedError(f"line {line}: more than {max_items:,} items in one feed")
        if len(row) != header.width:
            yield _ragged(row, line, header)
            continue
        product = rows.read(line, {field: row[column] for field, column in header.columns})
        if rows.problems:
            yield from rows.problems
            rows.problems.clear()
        if product is not None:
            yield product


def _ragged(row: list[str], line: int, header: Header) -> RowProblem:
    return RowProblem(line, "", "row", f"{len(row)} cells", f"{header.width} cells, as in the header row")


def _misquoted(error: csv.Error, line: int, last_line: int) -> RowProblem:
    """Only text after a closing quote can be stepped over; else there is no telling where rows end."""
    if "expected after" not in str(error):
        raise FeedError(
            f"line {line}: from here to line {last_line} a cell is too long or a quote is never closed; "
            f"expected cells of at most {csv.field_size_limit():,} characters and every quote closed"
        ) from error
    return RowProblem(line, "", "row", f"lines {line} to {last_line}", "quotes inside of a quoted cell to be doubled")


class _Lines:
    """The text of the feed line by line, so that no row outgrows ``ROW_CHARACTERS`` whatever its quotes do.

    Line breaks of any system arrive as ``\\n``. ``head`` is the text of the first block.
    """

    def __init__(self, head: bytes, stream: BinaryIO, encoding: str) -> None:
        decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
        self._decoder = io.IncrementalNewlineDecoder(decoder, translate=True)
        self._stream = stream
        self._lines_done = 0
        self._row_line = 1
        self._row_characters = 0
        self.head = self._decode(head)

    def begin_row(self, line: int) -> None:
        """The next line handed out is ``line``, and begins a row."""
        self._row_line = line
        self._row_characters = 0

    def __iter__(self) -> Iterator[str]:
        rest = ""
        text = self.head
        while True:
            if rest:
                text = rest + text
            cut = text.rfind("\n") + 1
            rest = text[cut:]
            for line in io.StringIO(text[:cut], newline="\n"):
                self._row_characters += len(line)
                if self._row_characters > ROW_CHARACTERS:
                    raise self._too_long()
                yield line
            if len(rest) > ROW_CHARACTERS:
                raise self._too_long()
            block = self._stream.read(_BLOCK_BYTES)
            text = self._decode(block)
            if not block:
                break
        if rest + text:
            yield rest + text

    def _too_long(self) -> FeedError:
        return FeedError(
            f"line {self._row_line}: a row of more than {ROW_CHARACTERS:,} characters; "
            "expected one product per line and every quote closed"
        )

    def _decode(self, block: bytes) -> str:
        """Raises ``FeedError`` for what is no text; the end of the feed is an empty block."""
        try:
            text = str(self._decoder.decode(block, final=not block))
        except UnicodeDecodeError as error:
            line = self._lines_done + 1 + block.count(b"\n", 0, error.start)
            raise FeedError(f"line {line}: a character that is not UTF-8; expected the feed saved as UTF-8") from error
        if "\0" in text:
            line = self._lines_done + 1 + text.count("\n", 0, text.index("\0"))
            raise FeedError(f"line {line}: a NUL character; expected text")
        self._lines_done += text.count("\n")
        return text
