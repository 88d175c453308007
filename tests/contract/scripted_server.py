"""A server that says, on each connection, exactly what a test wants it to say."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from socket import SO_LINGER, SOL_SOCKET
from typing import cast

import hiredis


class Conversation:
    """One connection, seen from the server. ``number`` counts them, from 0; ``pieces`` what came in one read each."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.pieces = 0
        self._reader = reader
        self._writer = writer
        self._parser = hiredis.Reader()

    async def command(self) -> list[bytes]:
        """The next command. Raises EOFError when the client has gone."""
        while (command := self._parser.gets()) is False:
            piece = await self._reader.read(1 << 20)
            if not piece:
                raise EOFError
            self.pieces += 1
            self._parser.feed(piece)
        return cast("list[bytes]", command)

    async def commands(self, number: int) -> list[list[bytes]]:
        """The next ``number`` commands."""
        return [await self.command() for _ in range(number)]

    async def greet(self) -> None:
        """Accept everything up to the PING that ends a greeting."""
        while (await self.command())[0] != b"PING":
            self.say(b"+OK\r\n")
        self.say(b"+PONG\r\n")

    async def echo(self) -> None:
        """Answer each ECHO with what it says, until the client goes."""
        while True:
            word = (await self.command())[-1]
            self.say(b"$%d\r\n%b\r\n" % (len(word), word))

    def say(self, words: bytes) -> None:
        """Send, at once."""
        self._writer.write(words)

    async def trickle(self, words: bytes) -> None:
        """Send byte by byte, each in a write of its own."""
        for position in range(len(words)):
            self._writer.write(words[position : position + 1])
            await self._writer.drain()
            await asyncio.sleep(0)

    def reset(self) -> None:
        """End it so that what was under way is lost as well."""
        self._writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def gone(self) -> None:
        """Wait until the client has gone."""
        while await self._reader.read(1 << 20):
            pass


Script = Callable[[Conversation], Awaitable[None]]


@asynccontextmanager
async def scripted(script: Script, port: int = 0) -> AsyncIterator[str]:
    """The URL of a server that follows ``script`` on each connection and closes it at the script's end."""
    number, busy = 0, set[asyncio.Task[None]]()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal number
        conversation, number = Conversation(number, reader, writer), number + 1
        try:
            await script(conversation)
        except (EOFError, OSError):
            pass
        finally:
            writer.close()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(talk(reader, writer))
        busy.add(task)
        task.add_done_callback(busy.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", port)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
        await server.wait_closed()
