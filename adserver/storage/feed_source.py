"""Where a feed's bytes come from: a file, or a URL fetched into a temporary file."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import httpx

from adserver.storage.interfaces import SourceUnavailable

MAX_BYTES = 4 * 1024**3
MAX_REDIRECTS = 3
MAX_SECONDS = 900.0
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)


@contextmanager
def open_source(source: str) -> Iterator[BinaryIO]:
    """``source`` (an http(s) URL or a path) for reading. Raises SourceUnavailable."""
    if source.startswith(("http://", "https://")):
        with tempfile.TemporaryFile() as file:
            try:
                _fetch(source, file)
            except httpx.HTTPError as error:
                raise SourceUnavailable(f"the feed could not be fetched: {type(error).__name__}") from error
            file.seek(0)
            yield file
        return
    try:
        opened = open(source, "rb")  # noqa: SIM115, PTH123  closed below, and errors of the reader are not ours
    except OSError as error:
        raise SourceUnavailable(f"the feed's file can not be read: {error.strerror}: {source}") from error
    with opened:
        yield opened


def _fetch(url: str, into: BinaryIO) -> None:
    """Redirects are followed by hand: at most three, and never from https to http."""
    deadline = time.monotonic() + MAX_SECONDS
    with httpx.Client(timeout=_TIMEOUT, follow_redirects=False, trust_env=False) as client:
        for _ in range(MAX_REDIRECTS + 1):
            with client.stream("GET", url, headers={"user-agent": "adserver-feed"}) as response:
                if not response.is_redirect:
                    _save(response, into, deadline)
                    return
                target = response.url.join(response.headers["location"])
            if target.scheme != "https" and not (target.scheme == "http" and url.startswith("http://")):
                raise SourceUnavailable(f"the feed's address redirects to {target.scheme}://, expected https://")
            url = str(target)
    raise SourceUnavailable(f"the feed's address redirects more than {MAX_REDIRECTS} times")


def _save(response: httpx.Response, into: BinaryIO, deadline: float) -> None:
    if response.status_code != 200:
        raise SourceUnavailable(f"the feed's address answered with status {response.status_code}, expected 200")
    size = 0
    for chunk in response.iter_bytes():
        size += len(chunk)
        if size > MAX_BYTES:
            raise SourceUnavailable(f"the feed is larger than {MAX_BYTES} bytes")
        if time.monotonic() > deadline:
            raise SourceUnavailable(f"the feed was not complete after {MAX_SECONDS:.0f} seconds")
        into.write(chunk)
    declared = response.headers.get("content-length")
    if declared and "content-encoding" not in response.headers and int(declared) != size:
        raise SourceUnavailable("the feed ended before its announced length")
