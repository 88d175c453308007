"""A compressed feed as the stream of its plain bytes: one layer deep, bounded in size and in ratio.

Told by its first bytes: gzip (of several members too), zlib, bzip2, xz, or a ZIP archive with a feed in it. What comes
out is made piece by piece, so a bomb costs no more memory than a feed.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol

from adserver.catalog.magic import LONGEST, not_a_feed, packed_as
from adserver.catalog.problem import FeedError, RowProblem
from adserver.catalog.unzip import Readable, open_member

BLOCK_BYTES = 65_536
"""Bytes per read."""

MAX_BYTES = 8 * 2**30
"""Bytes of a feed once it is unpacked, unless the caller says otherwise."""

MAX_RATIO = 250
"""Bytes that one compressed byte may become, past the first 10 MiB; real feeds stay below 100."""

_RATIO_FROM = 10 * 2**20
_XZ_MEMORY = 64 * 2**20
_FIX = "Export the feed as plain text, or compress it once with gzip."


class Unpacked:
    """The plain bytes of a feed. ``notices`` is what its owner ought to know about the packing."""

    def __init__(self, stream: BinaryIO, max_bytes: int = MAX_BYTES) -> None:
        """Raises ``FeedError`` for what is no feed and for an archive that can not be used."""
        self.notices: list[RowProblem] = []
        self._max_bytes = max_bytes
        self._bytes = 0
        head = read_fully(stream, LONGEST)
        packing = packed_as(head)
        source: Readable = _Rejoined(head, stream)
        if packing:
            source = self._open_zip(stream) if packing == "ZIP" else _Decompressed(source, packing)
            head = read_fully(source, LONGEST)
            source = _Rejoined(head, source)
        if packing and packed_as(head):
            raise FeedError(
                f"an archive in an archive: {packing} in which there is {packed_as(head)}; expected a feed",
                code="archive_nested",
                fix=_FIX,
            )
        if what := not_a_feed(head):
            raise FeedError(
                f"line 1: the feed is {what}; expected XML, JSON or a table", code="feed_not_text", fix=_FIX
            )
        self._source = source

    def read(self, size: int, /) -> bytes:
        """``size`` bytes, fewer only at the end. Raises ``FeedError`` for a broken packing and a feed too large."""
        block = read_fully(self._source, size)
        self._bytes += len(block)
        if self._bytes > self._max_bytes:
            raise FeedError(
                f"the feed has more than {self._max_bytes:,} bytes when it is unpacked",
                code="feed_too_large",
                fix="Split the feed, or leave out fields that no banner shows.",
            )
        return block

    def _open_zip(self, stream: BinaryIO) -> Readable:
        member, told, notice = open_member(stream)
        if notice is not None:
            self.notices.append(notice)
        whole = _Member(member, told.compress_size)
        whole.expect(told.file_size)
        return whole


def read_fully(stream: Readable, size: int) -> bytes:
    """``size`` bytes, however small the pieces in which they come; fewer at the end."""
    block = stream.read(size)
    if not block or len(block) >= size:
        return block
    pieces = [block]
    missing = size - len(block)
    while missing > 0 and (block := stream.read(missing)):
        pieces.append(block)
        missing -= len(block)
    return b"".join(pieces)


class _Rejoined:
    """A stream of which the first bytes were read already."""

    def __init__(self, head: bytes, rest: Readable) -> None:
        self._head = head
        self._rest = rest

    def read(self, size: int, /) -> bytes:
        if not self._head:
            return self._rest.read(size)
        piece, self._head = self._head[:size], self._head[size:]
        return piece


class _Decompressor(Protocol):
    """What ``bz2`` and ``lzma`` have in common."""

    eof: bool
    needs_input: bool
    unused_data: bytes

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Zlib:
    """``zlib`` in the same form; it tells gzip and zlib apart by itself."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        self.eof = False
        self.needs_input = True
        self.unused_data = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        piece = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self.eof = self._inner.eof
        self.needs_input = not self._inner.unconsumed_tail
        self.unused_data = self._inner.unused_data
        return piece


_DECOMPRESSORS: dict[str, Callable[[], object]] = {
    "gzip": _Zlib,
    "zlib": _Zlib,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY),
}


class _Decompressed:
    """Members of one compression, one after the other, as one stream."""

    def __init__(self, source: Readable, packing: str) -> None:
        self._source = source
        self._packing = packing
        self._member: _Decompressor | None = self._open()
        self._packed = b""
        self._ratio = _Ratio()

    def read(self, size: int, /) -> bytes:
        while (member := self._member) is not None:
            if member.needs_input and not self._packed:
                self._packed = self._read_packed()
            ended = member.needs_input and not self._packed
            packed, self._packed = self._packed, b""
            try:
                piece = member.decompress(packed, size)
            except (zlib.error, OSError, lzma.LZMAError, EOFError) as error:
                raise self._broken("it is damaged") from error
            if member.eof:
                self._begin_next(member.unused_data)
            elif ended and not piece:
                raise self._broken("it ends too early")
            if piece:
                self._ratio.count(len(piece))
                return piece
        return b""

    def _open(self) -> _Decompressor:
        return _DECOMPRESSORS[self._packing]()  # type: ignore[return-value]

    def _read_packed(self) -> bytes:
        packed = self._source.read(BLOCK_BYTES)
        self._ratio.packed += len(packed)
        return packed

    def _begin_next(self, rest: bytes) -> None:
        """Another member may follow the one that ended; zeros are padding."""
        while not (rest := rest.lstrip(b"\0")):
            rest = self._read_packed()
            if not rest:
                self._member = None
                return
        if self._packing == "zlib":
            raise self._broken("something else follows it")
        self._member = self._open()
        self._packed = rest

    def _broken(self, why: str) -> FeedError:
        return FeedError(
            f"the feed is compressed with {self._packing}, and {why}",
            code="archive_broken",
            fix="Make and send the file again: a part of it is missing or changed.",
        )


class _Member:
    """A file of a ZIP archive, with the ratio bounded in the same way."""

    def __init__(self, member: Readable, packed: int) -> None:
        self._member = member
        self._ratio = _Ratio(packed)

    def expect(self, plain: int) -> None:
        """Give up at once where the archive itself says that it is too much."""
        self._ratio.check(plain)

    def read(self, size: int, /) -> bytes:
        piece = self._member.read(size)
        self._ratio.count(len(piece))
        return piece


class _Ratio:
    """How much has come out of how much."""

    def __init__(self, packed: int = 0) -> None:
        self.packed = packed
        self._plain = 0

    def count(self, plain: int) -> None:
        self._plain += plain
        self.check(self._plain)

    def check(self, plain: int) -> None:
        """Raises ``FeedError`` where ``plain`` bytes are too many for what was packed."""
        if plain > max(_RATIO_FROM, self.packed * MAX_RATIO):
            raise FeedError(
                f"the feed becomes more than {MAX_RATIO} times as large when it is unpacked",
                code="archive_bomb",
                fix="Send the feed as plain text if it really repeats itself that much.",
            )
