"""What tests of feeds have in common: reading bytes, and streams that are made while they are read."""

import io
import itertools
from collections.abc import Iterable
from typing import BinaryIO

from adserver.catalog.feed import RowProblem, read_feed
from adserver.model.product import Product

OF_THE_WHOLE = {"row", "xml", "json", "encoding", "archive"}
"""What problems of reading name in place of a field."""


def read(feed: str | bytes, **options: int) -> list[Product | RowProblem]:
    """Products, rows left out, and what was found about the feed; not the notices about single fields."""
    return read_stream(io.BytesIO(feed if isinstance(feed, bytes) else feed.encode()), **options)


def read_stream(stream: BinaryIO, **options: int) -> list[Product | RowProblem]:
    """The same, out of a stream."""
    items = read_feed(stream, currency="EUR", **options)
    return [item for item in items if isinstance(item, Product) or item.left_out or item.field in OF_THE_WHOLE]


def products(feed: str | bytes) -> list[Product]:
    """The products alone."""
    return [item for item in read(feed) if isinstance(item, Product)]


def codes(feed: str | bytes) -> list[str]:
    """The codes of the problems alone."""
    return [item.code for item in read(feed) if isinstance(item, RowProblem)]


class Pieces(io.BytesIO):
    """A stream that makes its bytes when they are asked for."""

    def __init__(self, pieces: Iterable[bytes], at_once: int = 100) -> None:
        super().__init__()
        self._pieces = iter(pieces)
        self._at_once = at_once

    def read(self, _size: int | None = -1, /) -> bytes:
        return b"".join(itertools.islice(self._pieces, self._at_once))
