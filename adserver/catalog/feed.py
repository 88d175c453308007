"""Where a feed begins: its bytes tell its format, never its name."""

from collections.abc import Iterator
from typing import BinaryIO

from adserver.catalog.problem import FeedError, RowProblem
from adserver.catalog.row import RowReader
from adserver.catalog.rss import read_rss
from adserver.catalog.table import read_table
from adserver.model.product import Product

__all__ = ["MAX_ITEMS", "FeedError", "RowProblem", "read_feed"]

MAX_ITEMS = 5_000_000
"""Items of one feed, usable or not, unless the caller says otherwise."""

_HEAD_BYTES = 65_536
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_NOT_TEXT = {
    b"\x1f\x8b": "compressed with gzip",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"%PDF": "a PDF",
}


def read_feed(stream: BinaryIO, *, currency: str, max_items: int = MAX_ITEMS) -> Iterator[Product | RowProblem]:
    """Read a Google Merchant feed: RSS 2.0, or a table with tabs, commas or semicolons (Meta's template too).

    ``currency`` (ISO 4217) is meant where a price names none. Yields each row's problems, then its product
    unless it is left out, in the order of the feed; an id that comes twice is yielded twice. Memory stays
    constant: the stream is read in blocks of 64 KiB, and no item may be larger than 1 MiB.

    Raises ``FeedError`` where the feed can not be read (further), maybe after many rows; nothing else, unless
    the stream itself does. No items at all is no error. Formats: https://support.google.com/merchants/answer/160589
    and https://support.google.com/merchants/answer/160567.
    """
    head = _read_head(stream)
    encoding = "utf-16" if head.startswith(_UTF16) else "utf-8-sig"
    text = head.decode(encoding, errors="replace").lstrip()
    if not text:
        raise FeedError("line 1: the feed is empty; expected an RSS file or a table with a header row")
    for magic, name in _NOT_TEXT.items():
        if head.startswith(magic):
            raise FeedError(f"line 1: the feed is {name}; expected plain XML or a plain table")
    read = read_rss if text.startswith("<") else read_table
    yield from read(head, stream, rows=RowReader(currency), encoding=encoding, max_items=max_items)


def _read_head(stream: BinaryIO) -> bytes:
    """The first block; a stream may hand it out in smaller pieces."""
    head = b""
    while len(head) < _HEAD_BYTES:
        piece = stream.read(_HEAD_BYTES - len(head))
        if not piece:
            break
        head += piece
    return head
