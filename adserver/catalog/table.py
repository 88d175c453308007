"""The feed as a table: Google's TSV, Meta's CSV, or whatever else parts its cells, as a stream of rows."""

import csv
from collections.abc import Iterator
from itertools import chain, islice
from operator import itemgetter

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

_MANY = "additional_image_link"
_QUOTE = '"'


def read_table(source: TextSource, *, rows: RowReader, max_items: int) -> Iterator[Product | RowProblem]:
    """The rows of ``source``; see ``feed.read_feed``.

    A row with more or fewer cells than the header, or with a quote in the wrong place, is left out.
    """
    header = find_header(source.head)
    fields = [field for field, _ in header.columns]
    pick = itemgetter(*(index for _, index in header.columns))
    more_images, named, width = header.more_images, header.named, header.width
    read, problems = rows.read, rows.problems
    items = 0
    for line, row in rows_of(source, header):
        items += 1
        if items > max_items:
            raise too_many(line, max_items)
        if isinstance(row, RowProblem):
            yield row
            continue
        if len(row) != width and (len(row) < named or any(row[named:])):
            yield _ragged(row, line, header)
            continue
        texts = dict(zip(fields, pick(row), strict=True))
        if more_images:
            texts[_MANY] = ",".join([texts[_MANY], *(row[index] for index in more_images)])
        product = read(line, texts)
        if problems:
            yield from problems
            problems.clear()
        if product is not None:
            yield product


def rows_of(source: TextSource, header: Header) -> Iterator[tuple[int, list[str] | RowProblem]]:
    """The rows below the header that are not blank, each with the line at which it begins.

    A line without any quote is cut at its delimiters, three times as fast as the ``csv`` module reads it.
    """
    delimiter, quote, escape = header.dialect
    quote, escape = quote or "\n", escape or "\n"
    lines = islice(chain.from_iterable(_lines(source)), header.line, None)
    careful = _QuotedRows(lines, header.dialect)
    number, blank = header.line, 0
    for text in lines:
        number += 1
        if quote in text or escape in text or len(text) > CELL_CHARACTERS:
            row = careful.read(text, number)
            if row:
                yield number, row
            number += careful.more_lines
        else:
            cells = text.split(delimiter)
            if any(cells):
                yield number, cells
                continue
            blank += 1
            if blank > BLANK_ROWS:
                raise _too_blank(number)


def _lines(source: TextSource) -> Iterator[list[str]]:
    """The lines of each block, without their ends; none is longer than a row may be."""
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


class _QuotedRows:
    """Rows with quotes, read by the ``csv`` module, which asks for more lines while a quote is open.

    ``more_lines`` is how many it asked for by the row read last, beyond the first.
    """

    def __init__(self, lines: Iterator[str], dialect: Dialect) -> None:
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
