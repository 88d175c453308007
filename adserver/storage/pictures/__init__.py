"""Where pictures are kept: a folder, bounded in bytes, or any place that fsspec knows by URL."""

from pathlib import Path

from adserver.storage.pictures.bucket import PictureBucket
from adserver.storage.pictures.folder import PictureFolder

__all__ = ["PictureBucket", "PictureFolder", "open_pictures"]


def open_pictures(where: str, default: Path, *, max_bytes: int) -> PictureFolder | PictureBucket:
    """``where`` is a path, a URL (``s3://bucket/folder``), or empty for ``default``. ``max_bytes`` bounds a folder.

    Claims lie in ``default`` in any case: they are this machine's. Raises ValueError for a URL that nothing is
    installed for.
    """
    claims = default / "claims"
    if "://" in where and not where.startswith("file://"):
        return PictureBucket(where, claims)
    return PictureFolder(Path(where.removeprefix("file://")) if where else default, claims, max_bytes=max_bytes)
