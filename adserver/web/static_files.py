"""The two scripts, read and compressed once at the start."""

import gzip
import hashlib
from dataclasses import dataclass
from importlib.resources import files

from adserver.web.context import Context
from adserver.web.responses import CROSS_ORIGIN, NOSNIFF, Answer, Headers, method_not_allowed

_SCRIPT_AGE_S = 3_600


@dataclass(frozen=True, slots=True)
class StaticScript:
    """One script: its bytes, plain and gzipped, under an ETag. Paths are fixed; nothing is looked up on the disk."""

    plain: bytes
    zipped: bytes
    etag: bytes

    @classmethod
    def load(cls, name: str) -> "StaticScript":
        """``name`` in ``adserver/web/static``."""
        plain = read_static(name)
        return cls(plain, gzip.compress(plain, 9, mtime=0), f'"{hashlib.sha256(plain).hexdigest()[:16]}"'.encode())

    async def __call__(self, context: Context) -> Answer:
        """The script, or 304."""
        if context.method != "GET":
            return method_not_allowed()
        headers: Headers = [
            (b"cache-control", f"public, max-age={_SCRIPT_AGE_S}".encode()),
            (b"etag", self.etag),
            (b"vary", b"Accept-Encoding"),
            NOSNIFF,
            CROSS_ORIGIN,
        ]
        if context.head.headers.get(b"if-none-match") == self.etag:
            return Answer(304, headers)
        zipped = b"gzip" in context.head.headers.get(b"accept-encoding", b"").lower()
        body = self.zipped if zipped else self.plain
        headers += [
            (b"content-type", b"text/javascript; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
        ]
        if zipped:
            headers.append((b"content-encoding", b"gzip"))
        return Answer(200, headers, body)


def read_static(name: str) -> bytes:
    """A file of ``adserver/web/static``."""
    return files("adserver.web").joinpath("static", name).read_bytes()
