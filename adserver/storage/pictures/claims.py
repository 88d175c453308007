"""One process of this machine at a time: a lock on a file, which ends with the process that holds it."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from zlib import crc32

from adserver.storage.pictures.threads import PictureThreads

LONGEST_S = 15.0
"""Whoever has waited so long goes ahead: doing a thing twice does no harm."""

_FILES = 1_024
_LOOK_S = 0.02


class Claims:
    """Claims by name; names share a file here and there, so that the folder does not grow."""

    def __init__(self, folder: Path, threads: PictureThreads) -> None:
        self._folder = folder
        self._threads = threads

    @asynccontextmanager
    async def claim(self, name: str) -> AsyncIterator[None]:
        """Held inside; without a disk to write to, nobody is kept waiting."""
        descriptor = await self._threads.run(lambda: self._open(name))
        try:
            if descriptor is not None:
                await _locked(descriptor)
            yield
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def _open(self, name: str) -> int | None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            return os.open(self._folder / f"{crc32(name.encode()) % _FILES:03x}", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return None


async def _locked(descriptor: int) -> None:
    """Asked for again and again instead of waited for: that would keep a thread."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + LONGEST_S
    while loop.time() < give_up:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            await asyncio.sleep(_LOOK_S)
        else:
            return
