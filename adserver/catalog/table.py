"""The feed as a table: Google's TSV, Meta's CSV, or whatever else parts its cells, as a stream of rows."""

import csv
from collections.abc import Iterator
from itertools import islice
from operator import length_hint

from adserver.catalog.header import Dialect, Header, find_header
from adserver.catalog.problem import FeedError, RowProblem
from adserver.catalog.row import RowReader
from adserver.catalog.source import TextSource
from adserver.model.product import Product

ROW_CHARACTERS = 1_048_576
"""Longest row, its line breaks included. A cell is bounded by the ``csv`` module's own limit of 128 Ki."""

CELL_CHARACTERS = 131_072
"""Longest cell, and longest line that is read without looking for quotes in it."""

BLANK_ROWS = 2_000_000
"""Most rows without any text; a spreadsheet has about a million rows at all."""

_TOGETHER = 500
"""Most rows of a batch, where a block's last row has quotes around the end of the block, and so on."""

_MANY = "additional_image_link"
_QUOTE = '"'


Row = tuple[int, list[str] | RowProblem]
"""The line at which it begins, and its cells."""


def read_table(source: TextSource, *, rows: RowReader, max_items: int) -> Iterator[Product | RowProblem]:
    """The rows of ``source``; see ``feed.read_feed``.

    A row with more or fewer cells than the header, or with a quote in the wrong place, is left out.
    """
    header = find_header(source.head)
    items = 0
    for batch in rows_of(source, header):
        if items + len(batch) <= max_items:
            items += len(batch)
            yield from _read_batch(batch, header, rows)
        else:
            yield from _read_batch(batch[: max_items - items], header, rows)
            raise too_many(batch[max_items - items][0], max_items)


def _read_batch(batch: list[Row], header: Header, rows: RowReader) -> Iterator[Product | RowProblem]:
    """Rows that are as wide as the header are read together, up to the next one that is not."""
    width, named = header.width, header.named
    if all(isinstance(row, list) and len(row) == width for _, row in batch):
        yield from _read_good(batch, header, rows)
        return
    good: list[Row] = []
    for numbered in batch:
        line, row = numbered
        if isinstance(row, list) and (len(row) == width or (len(row) >= named and not any(row[named:]))):
            good.append(numbered)
            continue
        yield from _read_good(good, header, rows)
        good = []
        yield row if isinstance(row, RowProblem) else _ragged(row, line, header)
    yield from _read_good(good, header, rows)


def _read_good(good: list[Row], header: Header, rows: RowReader) -> Iterator[Product | RowProblem]:
    if not good:
        return
    lines, cells = zip(*good, strict=True)
    columns = list(zip(*cells, strict=False))  # what stands behind the last name is left away
    texts = {field: columns[index] for field, index in header.columns}
    if header.more_images:
        texts[_MANY] = tuple(map(",".join, zip(texts[_MANY], *(columns[i] for i in header.more_images), strict=True)))
    yield from rows.read_all(lines, texts)


def rows_of(source: TextSource, header: Header) -> Iterator[list[Row]]:
    """The rows below the header that are not blank, about a block of text at a time; a batch may be empty."""
    rows = _Rows(source, header)
    while block := rows.lines.next_block():
        if rows.are_plain(block):
            yield rows.cut(block)
        else:
            yield from rows.read(block)


def too_many(line: int, max_items: int) -> FeedError:
    """The feed that has more items than it may have."""
    return FeedError(
        f"line {line}: more than {max_items:,} items in one feed",
        code="feed_too_many_items",
        fix="Split the feed, or leave out what is not advertised.",
    )


def _ragged(row: list[str], line: int, header: Header) -> RowProblem:
    return RowProblem(
        line=line,
        product_id="",
        field="row",
        found=f"{len(row)} cells",
        expected=f"{header.width} cells, as in the header row",
        code="cells_uneven",
        fix="Put cells that have the delimiter or a line break in them into quotes.",
    )


def _misquoted(error: csv.Error, line: int, last_line: int, dialect: Dialect) -> RowProblem:
    """Only text after a closing quote can be stepped over; else there is no telling where rows end."""
    fix = f"Double every {dialect.quote or _QUOTE} that is inside of a quoted cell."
    if "expected after" not in str(error):
        raise FeedError(
            f"line {line}: from here to line {last_line} a cell is too long or a quote is never closed; "
            f"expected cells of at most {csv.field_size_limit():,} characters and every quote closed",
            code="table_quote_open",
            fix=fix,
        ) from error
    return RowProblem(
        line=line,
        product_id="",
        field="row",
        found=f"lines {line} to {last_line}",
        expected="quotes inside of a quoted cell to be doubled",
        code="quote_misplaced",
        fix=fix,
    )


def _too_blank(line: int) -> FeedError:
    return FeedError(
        f"line {line}: more than {BLANK_ROWS:,} rows without any text",
        code="table_blank",
        fix="Export only the rows that have a product.",
    )


def _too_long(line: int) -> FeedError:
    return FeedError(
        f"line {line}: a row of more than {ROW_CHARACTERS:,} characters; "
        "expected one product per line and every quote closed",
        code="table_row_too_long",
        fix="Look for a quote that is never closed, from this line on.",
    )


class _Lines:
    """The lines of a feed: one by one, or what is left of a block. None is longer than a row may be."""

    def __init__(self, source: TextSource) -> None:
        self._blocks = _blocks(source)
        self._block: Iterator[str] = iter(())

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        while (line := next(self._block, None)) is None:
            self._block = iter(next(self._blocks))
        return line

    def next_block(self) -> list[str]:
        """All lines that are left of this block, else of the next one; empty at the end."""
        first = next(self, None)
        return [] if first is None else [first, *self._block]

    def give_back(self, block: list[str]) -> None:
        """What was taken last comes again."""
        self._block = iter(block)

    @property
    def left(self) -> int:
        """Lines of the block."""
        return length_hint(self._block)


def _blocks(source: TextSource) -> Iterator[list[str]]:
    """The lines of each block, without their ends; one that a block ends in is in the next."""
    rest = ""
    done = 0
    for block in source.blocks():
        lines = (rest + block).split("\n")
        rest = lines.pop()
        done += len(lines)
        yield lines
        if len(rest) > ROW_CHARACTERS:
            raise _too_long(done + 1)
    if rest:
        yield [rest]


class _Rows:
    """What has to be known from one block to the next; ``_number`` is that of the last line."""

    def __init__(self, source: TextSource, header: Header) -> None:
        self.lines = _Lines(source)
        self._number = sum(1 for _ in islice(self.lines, header.line))
        self._blank = 0
        self._delimiter = header.dialect.delimiter
        self._marks = [mark for mark in (header.dialect.quote, header.dialect.escape) if mark]
        self._quoted = _QuotedRows(self.lines, header.dialect)

    def are_plain(self, lines: list[str]) -> bool:
        """Whether they can be cut at their delimiters, three times as fast as the ``csv`` module reads them."""
        together = "\n".join(lines)
        return len(together) <= CELL_CHARACTERS and not any(mark in together for mark in self._marks)

    def cut(self, lines: list[str]) -> list[Row]:
        """The rows of lines that are plain."""
        rows = list(enumerate([text.split(self._delimiter) for text in lines], self._number + 1))
        self._number += len(lines)
        return [(line, cells) for line, cells in rows if any(cells) or self._is_blank(line)]

    def read(self, block: list[str]) -> Iterator[list[Row]]:
        """The rows of a block, the last of which may end in a later one."""
        self.lines.give_back(block)
        rows: list[Row] = []
        try:
            while self.lines.left and len(rows) < _TOGETHER:
                rows += self._next()
        except FeedError:
            yield rows
            raise
        yield rows

    def _next(self) -> list[Row]:
        text = next(self.lines)
        if self.are_plain([text]):
            return self.cut([text])
        self._number = number = self._number + 1
        row = self._quoted.read(text, number)
        self._number += self._quoted.more_lines
        return [(number, row)] if row else []

    def _is_blank(self, line: int) -> bool:
        """Never a row; too many of them are refused."""
        self._blank += 1
        if self._blank > BLANK_ROWS:
            raise _too_blank(line)
        return False


class _QuotedRows:
    """Rows with quotes, read by the ``csv`` module, which asks for more lines while a quote is open.

    ``more_lines`` is how many it asked for by the row read last, beyond the first.
    """

    def __init__(self, lines: _Lines, dialect: Dialect) -> None:
        self.more_lines = 0
        self._lines = lines
        self._dialect = dialect
        self._line = 0
        self._first: str | None = None
        self._cells = dialect.reader(self._feed())

    def read(self, text: str, line: int) -> list[str] | RowProblem:
        """The row that begins with ``text``, which is line ``line``; empty where all of its cells are."""
        self.more_lines = 0
        self._line = line
        self._first = text
        try:
            row = next(self._cells)
        except csv.Error as error:
            return _misquoted(error, line, line + self.more_lines, self._dialect)
        return row if any(row) else []

    def _feed(self) -> Iterator[str]:
        characters = 0
        while True:
            text, self._first = self._first, None
            if text is not None:
                characters = 0
            else:
                text = next(self._lines, None)
                if text is None:
                    return
                self.more_lines += 1
            characters += len(text)
            if characters > ROW_CHARACTERS:
                raise _too_long(self._line)
            yield text + "\n"
