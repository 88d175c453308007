"""Where a feed begins: its bytes tell its format, never its name."""

from collections.abc import Iterator
from typing import BinaryIO

from adserver.catalog.json_feed import is_json, read_json
from adserver.catalog.problem import FeedError, RowProblem
from adserver.catalog.row import RowReader
from adserver.catalog.source import TextSource
from adserver.catalog.table import read_table
from adserver.catalog.unpack import MAX_BYTES, Unpacked
from adserver.catalog.xml import begin_of_xml, read_xml
from adserver.model.product import Product

__all__ = ["MAX_BYTES", "MAX_ITEMS", "FeedError", "RowProblem", "read_feed"]

MAX_ITEMS = 5_000_000
"""Items of one feed, usable or not, unless the caller says otherwise."""


def read_feed(
    stream: BinaryIO, *, currency: str, max_items: int = MAX_ITEMS, max_bytes: int = MAX_BYTES
) -> Iterator[Product | RowProblem]:
    """Read a product feed: RSS 2.0, Atom or other XML with one element per product, a table, JSON or lines of JSON.

    ``currency`` (ISO 4217) is meant where a price names none. Yields each row's problems, then its product unless it
    is left out, in the order of the feed; an id that comes twice is yielded twice. Memory stays constant: the stream
    is read in blocks of 64 KiB, unpacked on the way, and no item may be larger than 1 MiB.

    Raises ``FeedError`` where the feed can not be read (further), maybe after many rows; nothing else, unless the
    stream itself does. No items at all is no error. Formats: https://support.google.com/merchants/answer/160589
    and https://support.google.com/merchants/answer/160567.
    """
    unpacked = Unpacked(stream, max_bytes)
    source = TextSource(unpacked)
    if not source.head or source.head.isspace():
        raise FeedError(
            "line 1: the feed is empty; expected XML, JSON or a table with a header row",
            code="feed_empty",
            fix="Look at what the shop's export wrote.",
        )
    yield from unpacked.notices
    rows = RowReader(currency)
    begin = begin_of_xml(source.head)
    if begin >= 0:
        items = read_xml(source, begin, rows=rows, max_items=max_items)
    elif is_json(source.head):
        items = read_json(source, rows=rows, max_items=max_items)
    else:
        items = read_table(source, rows=rows, max_items=max_items)
    for item in items:
        if source.notices:
            yield from source.notices
            source.notices.clear()
        yield item
    yield from source.notices
