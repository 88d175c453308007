"""A web server that says, on each connection, exactly what a test wants it to say."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET


class Exchange:
    """One connection, seen from the server: the request that came, and what is said to it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.line = ""
        self.headers: dict[str, str] = {}
        self._reader = reader
        self._writer = writer

    @property
    def path(self) -> str:
        """What was asked for."""
        return self.line.split(" ")[1]

    async def hear(self) -> None:
        """Read the request."""
        self.line, *rest = (await self._reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        self.headers = {name.lower(): value for name, _, value in (header.partition(": ") for header in rest)}

    async def say(self, words: bytes) -> None:
        """Send; waits while the other side does not read."""
        self._writer.write(words)
        await self._writer.drain()

    async def answer(self, body: bytes = b"", *, status: str = "200 OK", **headers: str) -> None:
        """A complete answer; ``content_length=""`` leaves that header out."""
        named = {"content_length": str(len(body)), **headers}
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in named.items() if value)
        await self.say(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body)

    async def redirect(self, location: str) -> None:
        """To another place."""
        await self.answer(status="302 Found", location=location)

    async def gone(self) -> None:
        """Wait until the client has gone."""
        while await self._reader.read(1 << 16):
            pass

    def reset(self) -> None:
        """End it so that what was under way is lost as well."""
        self._writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


Script = Callable[[Exchange], Awaitable[None]]


@dataclass
class Web:
    """A running server: where it listens, how many connections came, and what they asked."""

    port: int
    connections: int = 0
    heard: list[Exchange] = field(default_factory=list)


@asynccontextmanager
async def web(
    script: Script,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    listens_first: bool = True,
) -> AsyncIterator[Web]:
    """Follows ``script`` on each connection, after its request was read, and closes it at the script's end."""
    found, busy = Web(0), set[asyncio.Task[None]]()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        exchange = Exchange(reader, writer)
        try:
            if listens_first:
                await exchange.hear()
                found.heard.append(exchange)
            await script(exchange)
        except (EOFError, OSError):
            pass
        finally:
            writer.close()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.connections += 1
        task = asyncio.get_running_loop().create_task(talk(reader, writer))
        busy.add(task)
        task.add_done_callback(busy.discard)

    server = await asyncio.start_server(begin, host, port, ssl=tls)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
        await server.wait_closed()
