"""Fetching feeds and pictures: what services are given."""

import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import replace

import httpcore2

from adserver.storage.fetch.allowed import Allowed
from adserver.storage.fetch.download import TemporaryFeed, expect_ok, is_packed, receive, unpack
from adserver.storage.fetch.file_source import open_file
from adserver.storage.fetch.limits import Limits
from adserver.storage.fetch.names import Resolve, look_up
from adserver.storage.fetch.request import Requests, header
from adserver.storage.fetch.source import MAX_VALIDATOR, Source, Validators
from adserver.storage.fetch.target import read_target
from adserver.storage.interfaces import SourceUnavailable

_SCHEME = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*://")


class Fetcher:
    """Fetches from the public web and from what ``allow`` opens; nothing else is asked, whatever a name resolves to.

    ``resolve`` looks host names up; ``trust`` holds the certificate authorities that are believed, None for the
    system's.
    """

    def __init__(
        self,
        allow: Allowed,
        *,
        resolve: Resolve = look_up,
        limits: Limits | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._requests = Requests(allow, resolve, trust)

    @asynccontextmanager
    async def open_source(self, source: str, *, known: Validators | None = None) -> AsyncIterator[Source]:
        """The feed behind ``source``, an http(s) URL or a path; without a stream when it is still the ``known`` one.

        A feed from the web is on this machine's disk, complete, before it is given. Raises SourceUnavailable.
        """
        if not _SCHEME.match(source):
            opened = open_file(source, known)
        else:
            try:
                opened = await self._download(source, known or Validators())
            except SourceUnavailable as error:
                raise SourceUnavailable(f"the feed could not be fetched: {error}") from error
        if opened.stream is None:
            yield opened
            return
        with closing(opened.stream):
            yield opened

    async def fetch_picture(self, url: str, *, max_bytes: int, timeout_s: float) -> bytes:
        """What is behind ``url``, of at most ``max_bytes``, within ``timeout_s`` seconds. Whether it is a picture is
        not looked at. Raises SourceUnavailable."""
        limits = replace(self._limits, max_bytes=max_bytes, total_s=timeout_s)

        async def read(answer: httpcore2.Response, deadline: float) -> bytes:
            expect_ok(answer)
            packed = is_packed(answer)
            body = bytearray()

            async def keep(piece: bytes) -> None:
                body.extend(piece)

            await receive(answer, limits, deadline, keep)
            return unpack(body, max_bytes) if packed else bytes(body)

        try:
            return await self._requests.get(_without_password(url), {}, limits, read)
        except SourceUnavailable as error:
            raise SourceUnavailable(f"the picture could not be fetched: {error}") from error

    async def _download(self, url: str, known: Validators) -> Source:
        async def read(answer: httpcore2.Response, deadline: float) -> Source:
            validators = _validators(answer)
            if answer.status == 304 and known:
                newer = Validators(validators.etag or known.etag, validators.last_modified or known.last_modified)
                return Source(None, newer, 0)
            expect_ok(answer)
            is_packed(answer)  # gzip is kept as it came: the feed's reader unpacks it, within limits of its own
            feed = TemporaryFeed()
            try:
                size = await receive(answer, self._limits, deadline, feed.keep)
                await feed.rewind()
            except BaseException:
                with suppress(OSError):  # what a full disk did not take may still be in its buffer
                    feed.file.close()
                raise
            return Source(feed.file, validators, size)

        return await self._requests.get(url, _conditions(known), self._limits, read)


def _without_password(url: str) -> str:
    """A picture's URL comes out of a feed, and is public."""
    if read_target(url).authorization:
        raise SourceUnavailable("its address has a user name and a password in it")
    return url


def _conditions(known: Validators) -> dict[str, str]:
    named = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in named.items() if value}


def _validators(answer: httpcore2.Response) -> Validators:
    return Validators(_text(header(answer, b"etag")), _text(header(answer, b"last-modified")))


def _text(value: bytes) -> str:
    """Visible ASCII only; what is longer or has more in it can not be sent back as it came."""
    text = value.decode("latin-1").strip()
    return text if len(text) <= MAX_VALIDATOR and text.isascii() and text.isprintable() else ""
