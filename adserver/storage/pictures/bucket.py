"""Pictures in any place that fsspec knows by its URL: S3, Google Cloud Storage, a share of the network.

How much it holds is bounded where it is: by a lifecycle rule of the bucket.
"""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from adserver.storage.pictures.claims import Claims
from adserver.storage.pictures.seal import sealed, unsealed
from adserver.storage.pictures.threads import PictureThreads


class PictureBucket:
    """A PictureStore."""

    def __init__(self, url: str, claims: Path) -> None:
        """Raises ValueError for a URL that nothing is installed for."""
        import fsspec  # type: ignore[import-untyped]  # megabytes that a folder does not need

        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except ImportError as error:
            raise ValueError(f"{url.partition('://')[0]}:// needs one more package: {error}") from error
        self._threads = PictureThreads()
        self._claims = Claims(claims, self._threads)

    async def read(self, name: str) -> bytes | None:
        """What was written under this name, or None."""
        return await self._threads.run(lambda: self._read(name))

    async def write(self, name: str, body: bytes) -> None:
        """Keep ``body``, whole or not at all."""
        await self._threads.write(lambda: self._write(name, body))

    def claim(self, name: str) -> AbstractAsyncContextManager[None]:
        """Only one holds the claim on a name at a time, whichever process of this machine asks."""
        return self._claims.claim(name)

    def close(self) -> None:
        """Returns when the last read or write has ended."""
        self._threads.close()

    def _read(self, name: str) -> bytes | None:
        try:
            kept: bytes = self._files.cat_file(self._path(name))
        except Exception:  # each kind of bucket has its own
            return None
        return unsealed(kept)

    def _write(self, name: str, body: bytes) -> None:
        path = self._path(name)
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._files.pipe_file(path, sealed(body))

    def _path(self, name: str) -> str:
        kind, _, digest = name.partition("/")
        return f"{self._root}/{kind}/{digest[:2]}/{digest}"
