"""One fetch: the request, and the redirects it leads to, followed by hand."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TypeVar

import httpcore2

from adserver.storage.fetch.allowed import Allowed
from adserver.storage.fetch.guard import CertificateInvalid, GuardedBackend, HeadBudget
from adserver.storage.fetch.limits import Limits
from adserver.storage.fetch.names import Resolve
from adserver.storage.fetch.target import Target, read_target
from adserver.storage.interfaces import SourceUnavailable

MAX_REDIRECTS = 3

UNREACHABLE = (
    "its address can not be reached, or gives no answer of a web server in time. Private addresses, and ports other "
    "than 80 and 443, are refused unless ADSERVER_FETCH_ALLOW names them"
)
"""Said of a name that nobody knows, an address that is not permitted, a closed port and an open one alike: whoever
writes feed addresses learns nothing about our network from it."""

_REDIRECTS = (301, 302, 303, 307, 308)

_T = TypeVar("_T")

Read = Callable[[httpcore2.Response, float], Awaitable[_T]]
"""Reads an answer until a deadline, a time of the event loop's clock."""


class Requests:
    """Sends requests; keeps no connection, no cookie and no password between two of them."""

    def __init__(self, allow: Allowed, resolve: Resolve, trust: ssl.SSLContext | None) -> None:
        self._allow = allow
        self._resolve = resolve
        self._given_trust = trust

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        """Made when it is first needed: reading all certificate authorities takes a moment."""
        return self._given_trust or httpcore2.default_ssl_context()

    async def get(self, url: str, headers: Mapping[str, str], limits: Limits, read: Read[_T]) -> _T:
        """What ``read`` makes of the answer to a GET of ``url``, redirects followed. Raises SourceUnavailable."""
        deadline = asyncio.get_running_loop().time() + limits.total_s
        target = read_target(url)
        for _ in range(MAX_REDIRECTS + 1):
            async with self._answer(target, headers, limits, deadline) as answer:
                location = header(answer, b"location")
                if answer.status not in _REDIRECTS or not location:
                    return await read(answer, deadline)
                target = target.redirected(location)
        raise SourceUnavailable(f"its address redirects more than {MAX_REDIRECTS} times")

    @asynccontextmanager
    async def _answer(
        self, target: Target, headers: Mapping[str, str], limits: Limits, deadline: float
    ) -> AsyncIterator[httpcore2.Response]:
        """An answer of which the head was read; its connection is closed afterwards."""
        head = HeadBudget()
        backend = GuardedBackend(self._allow, self._resolve, head)
        trust = self._trust if target.scheme == "https" else None
        async with httpcore2.AsyncConnectionPool(
            trust, max_connections=1, max_keepalive_connections=0, network_backend=backend
        ) as pool:
            latest = min(asyncio.get_running_loop().time() + limits.answer_s, deadline)
            try:
                async with asyncio.timeout_at(latest):
                    answer = await pool.handle_async_request(_request(target, headers, limits))
            except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException, TimeoutError) as error:
                raise SourceUnavailable(_why(error)) from error
            head.lift()
            try:
                yield answer
            finally:
                await answer.aclose()


def _request(target: Target, headers: Mapping[str, str], limits: Limits) -> httpcore2.Request:
    named = {"Host": target.host_header, "User-Agent": "adserver", "Accept": "*/*", "Accept-Encoding": "identity"}
    if target.authorization:
        named["Authorization"] = target.authorization
    named |= headers
    return httpcore2.Request(
        "GET",
        httpcore2.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path),
        headers=[(name.encode(), value.encode("latin-1")) for name, value in named.items()],
        extensions={"timeout": {"connect": limits.connect_s, "write": limits.connect_s}},
    )


def _why(error: Exception) -> str:
    """Only a certificate is told apart: it takes a web server, at an address that was permitted, to show one."""
    if isinstance(error, CertificateInvalid):
        return f"its certificate is not valid: {error}"
    return UNREACHABLE


def header(answer: httpcore2.Response, name: bytes) -> bytes:
    """A header's value; its first, where it comes more than once; empty where it is missing."""
    return next((value for key, value in answer.headers if key.lower() == name), b"")
