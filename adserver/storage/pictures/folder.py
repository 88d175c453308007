"""Pictures in a folder of this machine, bounded in bytes: what was not asked for longest goes first."""

import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

from adserver.storage.pictures.claims import Claims
from adserver.storage.pictures.seal import sealed, unsealed
from adserver.storage.pictures.threads import PictureThreads

SHARES = ((("seen", "made", "original"), 0.75), (("shown", "drawn"), 0.25))
"""What lies together, and its share of the room: pictures of products; and of whole ads, which are drawn anew for each
set of products. None takes the place of others."""

USED_S = 86_400
"""How exactly it is known when a file was last asked for."""

_ROOM = 0.9
_LOOK_EVERY = 32  # a folder is looked through when this part of its bound was written anew
_BLOCK = 512


class PictureFolder:
    """A PictureStore. ``max_bytes`` counts what files take on the disk, SHARES say of which kind; between two looks it
    may be passed by a thirty-second part for each process that writes."""

    def __init__(self, folder: Path, claims: Path, *, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._threads = PictureThreads()
        self._claims = Claims(claims, self._threads)
        self._unlooked = float(max_bytes)  # the first write looks

    async def read(self, name: str) -> bytes | None:
        """What was written under this name, or None."""
        return await self._threads.run(lambda: _read(self._path(name)))

    async def write(self, name: str, body: bytes) -> None:
        """Keep ``body``, whole or not at all."""
        kept = await self._threads.write(lambda: _write(self._path(name), sealed(body)))
        self._unlooked += len(body) / _share_of(name) if kept else 0
        if self._unlooked > self._max_bytes / _LOOK_EVERY:
            self._unlooked = 0
            await self._threads.run(lambda: make_room(self._folder, self._max_bytes))

    def claim(self, name: str) -> AbstractAsyncContextManager[None]:
        """Only one holds the claim on a name at a time, whichever process of this machine asks."""
        return self._claims.claim(name)

    def close(self) -> None:
        """Returns when the last read or write has ended."""
        self._threads.close()

    def _path(self, name: str) -> Path:
        kind, _, digest = name.partition("/")
        return self._folder / kind / digest[:2] / digest


def make_room(folder: Path, max_bytes: int) -> int:
    """Delete what was not asked for longest where ``folder`` holds more of a kind than its share of ``max_bytes``; the
    bytes that are left."""
    return sum(_make_room(folder, kinds, share * max_bytes) for kinds, share in SHARES)


def _make_room(folder: Path, kinds: Sequence[str], max_bytes: float) -> int:
    found: list[tuple[float, int, str]] = []
    for kind in kinds:
        for shelf in _entries(folder / kind):
            for entry in _entries(Path(shelf)):
                with suppress(OSError):
                    found.append((entry.stat().st_mtime, entry.stat().st_blocks * _BLOCK, entry.path))
            time.sleep(0)  # an ad may want the interpreter
    total = sum(size for _, size, _ in found)
    if total > max_bytes:
        for _, size, path in sorted(found):
            with suppress(OSError):
                os.unlink(path)  # noqa: PTH108  there may be very many
                total -= size
            if total <= max_bytes * _ROOM:
                break
    return total


def _share_of(name: str) -> float:
    kind = name.partition("/")[0]
    return next((share for kinds, share in SHARES if kind in kinds), 1.0)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            if time.time() - os.fstat(file.fileno()).st_mtime > USED_S:
                with suppress(OSError):
                    os.utime(path)
            return unsealed(file.read())
    except OSError:
        return None


def _write(path: Path, kept: bytes) -> None:
    """Under another name first: nobody sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123  it is open already
            file.write(kept)
        os.replace(unfinished, path)  # noqa: PTH105
    except BaseException:
        with suppress(OSError):
            os.unlink(unfinished)  # noqa: PTH108
        raise
