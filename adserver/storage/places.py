"""Somewhere to keep files: a folder, or a URL that fsspec knows (``s3://bucket/folder``)."""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

_DRAFT_LIVES_S = 86_400


class Place:
    """Flat: names without folders. All methods raise OSError and block.

    fsspec, and what it needs for a URL (such as s3fs), is imported only where a URL is given.
    """

    def __init__(self, place: str | Path) -> None:
        self._folder = None if "://" in str(place) else Path(place)
        self._url = str(place).rstrip("/")
        self._filesystem: Any = None

    def open(self, name: str) -> IO[bytes]:
        """For reading. Raises FileNotFoundError."""
        if self._folder is not None:
            return (self._folder / name).open("rb")
        with _as_os_error():
            return cast("IO[bytes]", self._remote.open(f"{self._url}/{name}", "rb"))

    def names(self) -> list[str]:
        """What is there; nothing where the place itself is not."""
        if self._folder is not None:
            return [path.name for path in self._folder.glob("*")] if self._folder.is_dir() else []
        try:
            with _as_os_error():
                found = self._remote.ls(self._url, detail=False)
        except FileNotFoundError:
            return []
        return [str(path).rpartition("/")[2] for path in found]

    def remove(self, name: str) -> None:
        """Fine when it is gone already."""
        if self._folder is not None:
            (self._folder / name).unlink(missing_ok=True)
            return
        with _as_os_error():
            self._remote.rm(f"{self._url}/{name}")

    def drafts(self) -> Path:
        """The folder to write in what ``put`` then moves: on the same disk where that is possible."""
        if self._folder is None:
            return Path(tempfile.gettempdir())
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._folder

    def drop_old_drafts(self) -> None:
        """Those that nobody has written to for a day."""
        for path in self._folder.glob("*.new") if self._folder is not None else ():
            if path.stat().st_mtime < time.time() - _DRAFT_LIVES_S:
                path.unlink(missing_ok=True)

    def put(self, draft: Path, name: str) -> None:
        """Move a finished file here, in the place of one of that name."""
        if self._folder is not None:
            draft.replace(self._folder / name)
            return
        with _as_os_error():
            self._remote.put_file(str(draft), f"{self._url}/{name}")

    @property
    def _remote(self) -> Any:
        if self._filesystem is None:
            import fsspec  # type: ignore[import-untyped]

            self._filesystem, _ = fsspec.core.url_to_fs(self._url)
        return self._filesystem


@contextlib.contextmanager
def _as_os_error() -> Iterator[None]:
    """Every store behind fsspec has errors of its own."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
