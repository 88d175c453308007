"""Connections to addresses that were checked, and to no others.

A name is looked up once. All of its addresses must be permitted, one of them is connected to as a number, so that no
second lookup can give another answer; what was really connected to is compared at the end. Above this the host's name
stays what it was: in the Host header, in the TLS handshake and in the check of the certificate.
"""

import asyncio
import ssl
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

import httpcore2
from httpcore2 import SOCKET_OPTION, AsyncNetworkBackend, AsyncNetworkStream

from adserver.storage.fetch.allowed import Allowed
from adserver.storage.fetch.names import Resolve
from adserver.storage.fetch.networks import Address

MAX_HEAD = 64 * 1024
"""Bytes of an answer before its body, interim answers included."""

MAX_ADDRESSES = 64
"""More addresses than that has no shop."""

_TRIES = 4


class CertificateInvalid(httpcore2.ConnectError):
    """The host showed a certificate that is not believed; the text says why."""


class HeadBudget:
    """Bytes that may still come before the head of the answer is complete."""

    def __init__(self) -> None:
        self.left: int | None = MAX_HEAD

    def lift(self) -> None:
        """The head is complete; the body has limits of its own."""
        self.left = None


class GuardedBackend(AsyncNetworkBackend):
    """The network as httpcore sees it, for one request. ``tcp`` connects to an address it is given as a number."""

    def __init__(
        self, allow: Allowed, resolve: Resolve, head: HeadBudget, tcp: AsyncNetworkBackend | None = None
    ) -> None:
        self._allow = allow
        self._resolve = resolve
        self._head = head
        self._tcp = tcp or httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Raises ConnectError or ConnectTimeout, whatever the reason."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._addresses(host, port)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout from error
        tries = addresses[:_TRIES]
        for address in tries:
            with suppress(httpcore2.ConnectError, httpcore2.ConnectTimeout):
                stream = await self._tcp.connect_tcp(str(address), port, timeout and timeout / len(tries))
                return await self._checked(stream, host, address, port)
        raise httpcore2.ConnectError("no connection")

    async def _addresses(self, host: str, port: int) -> list[Address]:
        """All addresses of the host; one that is not permitted spoils them all."""
        try:
            found = [ip_address(text) for text in await self._texts(host, port)]
        except (OSError, ValueError) as error:
            raise httpcore2.ConnectError("no address") from error
        if not 0 < len(found) <= MAX_ADDRESSES or not all(self._allow.permits(host, a, port) for a in found):
            raise httpcore2.ConnectError("no address that is permitted")
        return found

    async def _texts(self, host: str, port: int) -> Iterable[str]:
        try:
            return [str(ip_address(host))]
        except ValueError:
            return await self._resolve(host, port)

    async def _checked(self, stream: AsyncNetworkStream, host: str, address: Address, port: int) -> AsyncNetworkStream:
        peer = stream.get_extra_info("server_addr")
        if (ip_address(peer[0]), peer[1]) != (address, port) or not self._allow.permits(host, address, port):
            await stream.aclose()
            raise httpcore2.ConnectError("another address")
        return _Bounded(stream, self._head)


class _Bounded(AsyncNetworkStream):
    """A connection that gives up when the head of an answer does not end."""

    def __init__(self, stream: AsyncNetworkStream, head: HeadBudget) -> None:
        self._stream = stream
        self._head = head

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        left = self._head.left
        if left is None:
            return await self._stream.read(max_bytes, timeout)
        if left <= 0:
            raise httpcore2.RemoteProtocolError("the head does not end")
        data = await self._stream.read(min(max_bytes, left), timeout)
        self._head.left = left - len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> AsyncNetworkStream:
        try:
            return _Bounded(await self._stream.start_tls(ssl_context, server_hostname, timeout), self._head)
        except BaseException as error:
            await self._stream.aclose()  # given up in the middle of a handshake, nobody else would close it
            if isinstance(error.__cause__, ssl.SSLCertVerificationError):
                raise CertificateInvalid(error.__cause__.verify_message) from error
            raise

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
