"""A feed in a file of this machine: regular files only, so that nothing hangs and nothing has an effect."""

import os
import stat
from typing import BinaryIO

from adserver.storage.fetch.source import Source, Validators
from adserver.storage.interfaces import SourceUnavailable


def open_file(path: str, known: Validators | None) -> Source:
    """Raises SourceUnavailable. A link is followed to what it names; that must be a regular file."""
    try:
        _expect_regular(os.stat(path), path)  # noqa: PTH116  asked before it is opened: opening a device may do something
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no file has such a name"
        raise SourceUnavailable(f"the feed's file can not be read: {why}: {path!r}") from error
    stream = os.fdopen(descriptor, "rb")
    try:
        return _source(stream, path, known)
    except BaseException:
        stream.close()
        raise


def _source(stream: BinaryIO, path: str, known: Validators | None) -> Source:
    status = os.fstat(stream.fileno())
    _expect_regular(status, path)
    validators = Validators(str(status.st_size), str(status.st_mtime_ns))
    if validators == known:
        stream.close()
        return Source(None, validators, 0)
    return Source(stream, validators, status.st_size)


def _expect_regular(status: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        what = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise SourceUnavailable(f"the feed's file can not be read: it is {what}: {path!r}")
