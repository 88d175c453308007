"""One file of the spool. All methods block: they are called in a thread, one at a time.

It begins with a head (what it is, its version, its eight random bytes, a checksum) and a mark: up to where it has been
replayed. Whoever works with it holds its lock, which goes with the process however that ends.
"""

import os
import secrets
import struct
import time
import zlib
from collections.abc import Sequence
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

import orjson

from adserver.storage.spool.frame import Frame, find_frame, groups, pack_frame, read_frames

SUFFIX = ".spool"
START = 64
"""Offset of the first frame."""

WINDOW_BYTES = 1024 * 1024
WINDOW_ENTRIES = 64
"""How much is read at once: whole frames up to about so many bytes or entries. Their calls go out in one tick of the
event loop, which answers requests as well."""

_MAGIC = b"adspool\n"
_VERSION = 1
_HEAD = struct.Struct(">8sHxx8sI")
_MARK = struct.Struct(">QI")
_YOUNG_S = 60.0


class SpoolFile:
    """Made by ``create_file`` or ``adopt_file``."""

    def __init__(self, path: Path, fd: int, sync: bytes) -> None:
        self.path = path
        self.writer = sync.hex()
        self._fd = fd
        self._closed = False
        self._sync = sync
        self._number = 0
        self._seen = 0
        self._end = os.fstat(fd).st_size
        self._mark = _read_mark(fd, self._end)

    @property
    def size(self) -> int:
        """Bytes it takes on the disk."""
        return self._end

    @property
    def waiting(self) -> int:
        """Bytes that are still to be replayed."""
        return self._end - self._mark

    def write(self, entries: Sequence[bytes], time_ms: int) -> None:
        """Done when the entries are on the disk. On an OSError the file is as it was before."""
        frames = []
        for group in groups(entries):
            self._number += 1
            frames.append(pack_frame(self._sync, self._number, time_ms, group))
        data = b"".join(frames)
        try:
            _write_at(self._fd, data, self._end)
            os.fsync(self._fd)
        except OSError:
            # Where even that fails, the next frames are written over the remains, and what then still sticks out
            # behind them has numbers that are too low to be read.
            with suppress(OSError):
                os.ftruncate(self._fd, self._end)
            raise
        self._end += len(data)

    def read(self) -> tuple[list[Frame], int]:
        """The next frames behind the mark, none at the end; and how many damaged bytes lie before them."""
        data = os.pread(self._fd, min(WINDOW_BYTES, self.waiting), self._mark)
        frames, entries = [], 0
        for frame in read_frames(data, self._sync, self._seen):
            frames.append(frame)
            entries += frame.count
            if entries >= WINDOW_ENTRIES:
                break
        if frames or not data:
            return frames, 0
        data = os.pread(self._fd, self.waiting, self._mark)
        found = find_frame(data, self._sync, self._seen)
        return ([found], found.begin) if found else ([], len(data))

    def advance(self, frames: Sequence[Frame], damaged: int) -> None:
        """What the last ``read`` returned is done with. Not synced: after a power cut a little is replayed again."""
        self._mark += frames[-1].end if frames else damaged
        self._seen = frames[-1].number if frames else self._seen
        _write_at(self._fd, _pack_mark(self._mark), _HEAD.size)

    def clear(self) -> None:
        """Give the disk back, unless there is something to replay."""
        if self.waiting:
            return
        os.ftruncate(self._fd, START)
        self._end = self._mark = START
        _write_at(self._fd, _pack_mark(START), _HEAD.size)

    def set_aside(self, what: dict[str, object]) -> Path:
        """Write down, as a line of JSON beside this file, what Valkey will never take."""
        path = self.path.with_suffix(".refused")
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(orjson.dumps(what) + b"\n")
            file.flush()
            os.fsync(fd)
        return path

    def close(self) -> None:
        """Let go of it; a file with nothing left to replay is deleted. Nothing happens the second time."""
        if self._closed:
            return
        self._closed = True
        if not self.waiting:
            self.path.unlink(missing_ok=True)
        os.close(self._fd)


def create_file(folder: Path, slot: str) -> SpoolFile:
    """A new file in ``folder``, which is made when it is missing. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        sync = secrets.token_bytes(8)
        path = folder / f"{slot}-{sync.hex()}{SUFFIX}"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            flock(fd, LOCK_EX)  # somebody may just be looking whether it is to be adopted
            head = _MAGIC, _VERSION, sync
            _write_at(fd, _HEAD.pack(*head, zlib.crc32(_HEAD.pack(*head, 0))) + _pack_mark(START), 0)
            os.ftruncate(fd, START)
            os.fsync(fd)
            _sync_folder(folder)
        except BaseException:
            path.unlink(missing_ok=True)
            os.close(fd)
            raise
        if _is_at(fd, path):
            return SpoolFile(path, fd, sync)
        os.close(fd)


def adopt_file(path: Path) -> SpoolFile | None:
    """The file of a worker that is gone; None while somebody works with it, or when it is not to be touched."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return None
    sync = _owned(fd, path)
    if sync is None:
        os.close(fd)
        return None
    return SpoolFile(path, fd, sync)


def _owned(fd: int, path: Path) -> bytes | None:
    """The eight bytes of a file that is ours from now on."""
    try:
        flock(fd, LOCK_EX | LOCK_NB)
        sync = bytes.fromhex(path.stem.rpartition("-")[2])
    except (BlockingIOError, ValueError):
        return None
    if not _is_at(fd, path) or len(sync) != 8:
        return None  # who had it has replayed and deleted it, or it is none of ours
    if os.fstat(fd).st_size < START:
        if time.time() - os.fstat(fd).st_mtime > _YOUNG_S:
            path.unlink()
        return None  # its worker has not even written the head, or never came to it
    return sync if _is_known(os.pread(fd, _HEAD.size, 0)) else None


def _is_known(head: bytes) -> bool:
    """False for a file of a later version. A damaged head is no reason to leave the frames alone: each one has a
    checksum of its own, and the name of the file tells how they begin."""
    magic, version, sync, found = _HEAD.unpack(head)
    sound = found == zlib.crc32(_HEAD.pack(magic, version, sync, 0))
    return not sound or (magic == _MAGIC and version == _VERSION)


def _is_at(fd: int, path: Path) -> bool:
    """Whether ``path`` still names the open file."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _pack_mark(offset: int) -> bytes:
    return _MARK.pack(offset, zlib.crc32(offset.to_bytes(8)))


def _read_mark(fd: int, end: int) -> int:
    """Where replaying begins: at the mark, or at the first frame where the mark makes no sense."""
    offset, found = _MARK.unpack(os.pread(fd, _MARK.size, _HEAD.size))
    return int(offset) if found == zlib.crc32(offset.to_bytes(8)) and START <= offset <= end else START


def _write_at(fd: int, data: bytes, offset: int) -> None:
    left = memoryview(data)
    while left:
        written = os.pwrite(fd, left, offset)
        left, offset = left[written:], offset + written


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
