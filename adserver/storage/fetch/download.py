"""The body of an answer, within its limits."""

import asyncio
import tempfile
import zlib
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import BinaryIO

import httpcore2

from adserver.storage.fetch.limits import Limits
from adserver.storage.fetch.request import header
from adserver.storage.interfaces import SourceUnavailable

_BLOCK = 1024 * 1024
"""Bytes per write to the disk."""

_PLAIN = (b"", b"identity")
_GZIP = (b"gzip", b"x-gzip")


def expect_ok(answer: httpcore2.Response) -> None:
    """Raises SourceUnavailable unless the answer is a complete one."""
    if answer.status == 401:
        raise SourceUnavailable("its address asks for a user name and a password (status 401)")
    if answer.status != 200:
        raise SourceUnavailable(f"its address answered with status {answer.status}, expected 200")


def is_packed(answer: httpcore2.Response) -> bool:
    """Whether the body is gzip on top of what it is. It was not asked for, but some servers send it all the same."""
    encoding = header(answer, b"content-encoding").strip().lower()
    if encoding not in _PLAIN + _GZIP:
        raise SourceUnavailable("its address answered in an encoding that was not asked for, expected none or gzip")
    return encoding in _GZIP


async def receive(
    answer: httpcore2.Response, limits: Limits, deadline: float, keep: Callable[[bytes], Awaitable[None]]
) -> int:
    """Gives the body to ``keep`` piece by piece, as it comes over the wire; its bytes. Raises SourceUnavailable."""
    _expect_size(int(header(answer, b"content-length") or 0), limits)
    clock = asyncio.get_running_loop().time
    enough = limits.bytes_per_s * limits.pause_s  # what has to come in one pause's time; a drip does not
    size, due = 0, enough
    try:
        async with (
            asyncio.timeout_at(min(clock() + limits.pause_s, deadline)) as patience,
            aclosing(answer.aiter_stream()) as pieces,
        ):
            async for piece in pieces:
                size += len(piece)
                _expect_size(size, limits)
                await keep(piece)
                if size >= due:
                    due = size + enough
                    patience.reschedule(min(clock() + limits.pause_s, deadline))
    except TimeoutError as error:
        raise SourceUnavailable(_too_slow(limits, late=clock() >= deadline)) from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise SourceUnavailable("the connection broke off before the end") from error
    return size


def _expect_size(size: int, limits: Limits) -> None:
    if size > limits.max_bytes:
        raise SourceUnavailable(f"it is larger than {limits.max_bytes} bytes")


def _too_slow(limits: Limits, *, late: bool) -> str:
    if late:
        return f"it was not complete after {limits.total_s:g} seconds"
    return f"it comes too slowly: less than {limits.bytes_per_s} bytes a second over {limits.pause_s:g} seconds"


class TemporaryFeed:
    """A body on its way into a file that has no name and is gone when it is closed."""

    def __init__(self) -> None:
        self._block = bytearray()
        try:
            self.file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115  the caller closes it
        except OSError as error:
            raise _no_room(error) from error

    async def keep(self, piece: bytes) -> None:
        """Raises SourceUnavailable when the disk does not take it."""
        self._block += piece
        if len(self._block) >= _BLOCK:
            await self._write()

    async def rewind(self) -> None:
        """The file is complete, and stands at its beginning."""
        await self._write()
        self.file.seek(0)

    async def _write(self) -> None:
        block, self._block = self._block, bytearray()
        try:
            await asyncio.to_thread(self._write_through, block)
        except OSError as error:
            raise _no_room(error) from error

    def _write_through(self, block: bytearray) -> None:
        self.file.write(block)
        self.file.flush()


def _no_room(error: OSError) -> SourceUnavailable:
    return SourceUnavailable(f"this server could not keep it on its disk: {error.strerror}")


def unpack(data: bytearray, max_bytes: int) -> bytes:
    """The first gzip member of ``data``. Raises SourceUnavailable where it is broken or larger than allowed."""
    reader = zlib.decompressobj(wbits=31)
    try:
        plain = reader.decompress(data, max_bytes)
    except zlib.error as error:
        raise SourceUnavailable("what its address sent as gzip is none") from error
    if not reader.eof:
        raise SourceUnavailable(f"it is cut off, or larger than {max_bytes} bytes unpacked")
    return plain
