"""The one feed in a ZIP archive. Names in it are looked at and never used to open a file."""

import zipfile
import zlib
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol

from adserver.catalog.problem import FeedError, RowProblem, shorten

DIRECTORY_BYTES = 2**20
"""Largest table of contents of an archive: a few thousand files."""

_ENCRYPTED = 0x1
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_FIX = "Put one feed, and nothing else, into the archive."


class Readable(Protocol):
    """All that is asked of a stream."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end."""


def open_member(stream: BinaryIO) -> tuple[Readable, zipfile.ZipInfo, RowProblem | None]:
    """The largest file in the archive, what the archive says of it, and a notice where there are several files.

    Raises ``FeedError`` for an archive that is broken, encrypted or an Excel workbook, and for names that lead out of
    the archive.
    """
    try:
        stream.seek(0)
        archive = zipfile.ZipFile(_Frugal(stream))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _broken() from error
    files = [entry for entry in archive.infolist() if not entry.is_dir()]
    names = [entry.filename for entry in files]
    if any(name.startswith("xl/") for name in names):
        raise FeedError(
            "line 1: the feed is an Excel workbook; expected XML, JSON or a table as text",
            code="feed_is_workbook",
            fix="Save the sheet as CSV (UTF-8) and give us that file.",
        )
    if any(map(_leads_out, names)):
        raise FeedError("a name in the ZIP archive leads out of it", code="archive_path", fix=_FIX)
    feeds = [entry for entry in files if not _hidden(entry.filename)]
    if not feeds:
        raise FeedError("the ZIP archive has no file in it; expected one feed", code="archive_empty", fix=_FIX)
    feed = max(feeds, key=lambda entry: entry.file_size)
    if feed.flag_bits & _ENCRYPTED or feed.compress_type not in _METHODS:
        raise FeedError(
            "the file in the ZIP archive is encrypted or packed in an unusual way; expected the usual one (deflate)",
            code="archive_unusual",
            fix=_FIX,
        )
    try:
        member = _Member(archive.open(feed))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise _broken() from error
    return member, feed, _several(feed.filename, len(feeds)) if len(feeds) > 1 else None


def _hidden(name: str) -> bool:
    """Left by the program that made the archive."""
    path = PurePosixPath(name)
    return path.parts[0] == "__MACOSX" or path.name.startswith(".")


def _leads_out(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or name[1:2] == ":" or not path.parts


def _several(name: str, count: int) -> RowProblem:
    return RowProblem(
        line=1,
        product_id="",
        field="archive",
        found=shorten(f"{count} files; the largest, {name}, was read".replace("\n", " ")),
        expected="one file in the ZIP archive",
        code="archive_several_files",
        fix=_FIX,
        left_out=False,
    )


def _broken() -> FeedError:
    return FeedError(
        "the feed is a ZIP archive that is damaged or cut off",
        code="archive_broken",
        fix="Make and send the file again: a part of it is missing or changed.",
    )


class _Member:
    """Reads as zipfile does, with our own error."""

    def __init__(self, member: Readable) -> None:
        self._member = member

    def read(self, size: int, /) -> bytes:
        try:
            return self._member.read(size)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError) as error:
            raise _broken() from error


class _Frugal:
    """The stream as zipfile may see it: no single read, so no table of contents, is larger than a bound."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.seek = stream.seek
        self.tell = stream.tell
        self.seekable = stream.seekable

    def read(self, size: int = -1, /) -> bytes:
        if not 0 <= size <= DIRECTORY_BYTES:
            here = self._stream.tell()
            left = self._stream.seek(0, 2) - here
            self._stream.seek(here)
            if left > DIRECTORY_BYTES:
                raise zipfile.BadZipFile("a table of contents larger than any feed needs")
        return self._stream.read(size)
