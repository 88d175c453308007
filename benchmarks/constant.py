"""The least that a server in Python does: uvloop reads, httptools parses, an answer that is always the same is written.

It asks nobody and decides nothing. What it costs is the socket, the loop and the parser: no server of this kind costs
less, whatever it does.

``python -m benchmarks.constant FD`` serves on an inherited listening socket.
"""

import asyncio
import socket
import sys

import httptools
import uvloop

from benchmarks.naive import GIF

AD_BYTES = 9_800
"""As long as a banner of four products."""


def _answer(media_type: str, body: bytes) -> bytes:
    lines = (
        "HTTP/1.1 200 OK",
        f"content-type: {media_type}",
        f"content-length: {len(body)}",
        "cache-control: no-store",
    )
    return "\r\n".join((*lines, "", "")).encode() + body


_PIXEL = _answer("image/gif", GIF)
_AD = _answer("text/html; charset=utf-8", b" " * AD_BYTES)


class Constant(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A new one."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Some of a request, or of several."""
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """The request target."""
        self._url = url

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._transport.write(_PIXEL if self._url.startswith(b"/pixel") else _AD)  # type: ignore[attr-defined]


async def serve(listening: socket.socket) -> None:
    """Until it is ended."""
    server = await asyncio.get_running_loop().create_server(Constant, sock=listening)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(socket.socket(fileno=int(sys.argv[1]))))
