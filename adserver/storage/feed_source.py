"""Where a feed's bytes come from: a file, or a URL fetched into a temporary file."""

import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import BinaryIO

import httpx

from adserver.storage.interfaces import SourceUnavailable

MAX_BYTES = 4 * 1024**3
MAX_REDIRECTS = 3
MAX_SECONDS = 900.0
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)


@asynccontextmanager
async def open_source(source: str) -> AsyncIterator[BinaryIO]:
    """``source`` (an http(s) URL or a path) for reading. Raises SourceUnavailable.

    A slow address keeps nobody else waiting, and can be given up at any time.
    """
    if source.startswith(("http://", "https://")):
        with tempfile.TemporaryFile() as file:
            try:
                await _fetch(source, file)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise SourceUnavailable(f"the feed could not be fetched: {_why(error)}") from error
            file.seek(0)
            yield file
        return
    with _open_file(source) as file:
        yield file


def _open_file(path: str) -> BinaryIO:
    try:
        return open(path, "rb")  # noqa: PTH123  a path as it was given
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SourceUnavailable(f"the feed's file can not be read: {why}: {path}") from error


def _why(error: httpx.HTTPError | httpx.InvalidURL) -> str:
    if isinstance(error, httpx.ConnectError):
        return "nobody answers at its address"
    if isinstance(error, httpx.TimeoutException):
        return "its address did not answer in time"
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError):
        return "the connection broke off before the end"
    return type(error).__name__


async def _fetch(url: str, into: BinaryIO) -> None:
    """Redirects are followed by hand: at most three, and never from https to http."""
    deadline = time.monotonic() + MAX_SECONDS
    async with httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False, trust_env=False) as client:
        for _ in range(MAX_REDIRECTS + 1):
            async with client.stream("GET", url, headers={"user-agent": "adserver-feed"}) as response:
                if not response.has_redirect_location:
                    await _save(response, into, deadline)
                    return
                target = response.url.join(response.headers["location"])
            if target.scheme != "https" and not (target.scheme == "http" and url.startswith("http://")):
                raise SourceUnavailable(f"the feed's address redirects to {target.scheme}://, expected https://")
            url = str(target)
    raise SourceUnavailable(f"the feed's address redirects more than {MAX_REDIRECTS} times")


async def _save(response: httpx.Response, into: BinaryIO, deadline: float) -> None:
    if response.status_code != 200:
        raise SourceUnavailable(f"the feed's address answered with status {response.status_code}, expected 200")
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > MAX_BYTES:
            raise SourceUnavailable(f"the feed is larger than {MAX_BYTES} bytes")
        if time.monotonic() > deadline:
            raise SourceUnavailable(f"the feed was not complete after {MAX_SECONDS:.0f} seconds")
        into.write(chunk)
    declared = response.headers.get("content-length")
    if declared and "content-encoding" not in response.headers and int(declared) != size:
        raise SourceUnavailable("the feed ended before its announced length")
