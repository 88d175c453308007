"""Keep-alive connections to one server: a whole browser's worth of HTTP is not needed, thousands of answers a second
are."""

import asyncio
from collections import deque
from typing import NamedTuple

import httptools

CONNECTIONS = 48
"""Each worker gets its share of them."""

RENEWED_AFTER = 20
"""Requests of one connection. New ones go to the worker that has time for them; and one that had nothing to do for some
seconds is given up by the server anyway."""

USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class Reply(NamedTuple):
    """``cookies`` as a browser sends them back; ``reason``: why something was not counted, empty where it was."""

    status: int
    reason: str
    cookies: str
    body: bytes


class ServerGone(Exception):  # noqa: N818  a state of the world
    """The server hung up, or can not be reached."""


class Client:
    """For an ``async with``; asks are answered by whichever connection is free."""

    def __init__(self, host: str, port: int, *, connections: int = CONNECTIONS) -> None:
        self._host, self._port = host, port
        self._connections = connections
        self._all: set[_Connection] = set()
        self._idle: deque[_Connection] = deque()
        self._waiting: deque[asyncio.Future[_Connection]] = deque()
        self.asked = 0

    async def __aenter__(self) -> "Client":
        for _ in range(self._connections):
            self._idle.append(await self._open())
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self._all:
            connection.close()

    async def get(self, target: str, cookies: str = "") -> Reply:
        """One GET of a path with its query. Raises ServerGone."""
        self.asked += 1
        connection = self._idle.popleft() if self._idle else await self._next()
        head = f"GET {target} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\nUser-Agent: {USER_AGENT}\r\n"
        cookie = f"Cookie: {cookies}\r\n" if cookies else ""
        try:
            if connection.asked >= RENEWED_AFTER or not connection.is_open:
                connection = await self._renew(connection)
            return await connection.ask(f"{head}{cookie}\r\n".encode())
        finally:
            self._give_back(connection)

    async def _renew(self, connection: "_Connection") -> "_Connection":
        connection.close()
        self._all.discard(connection)
        return await self._open()

    @property
    def open_connections(self) -> int:
        """How many of those that have nothing to do are there still."""
        return sum(connection.is_open for connection in self._idle)

    async def _open(self) -> "_Connection":
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(_Connection, self._host, self._port)
        except OSError as error:
            raise ServerGone(str(error)) from error
        self._all.add(connection)
        return connection

    async def _next(self) -> "_Connection":
        turn: asyncio.Future[_Connection] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        return await turn

    def _give_back(self, connection: "_Connection") -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        self._idle.append(connection)


class _Connection(asyncio.Protocol):
    """One question at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answered: asyncio.Future[Reply] | None = None
        self.asked = 0
        self._begin()

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def ask(self, request: bytes) -> "asyncio.Future[Reply]":
        self.asked += 1
        self._answered = asyncio.get_running_loop().create_future()
        if self._transport is not None:
            self._transport.write(request)
        return self._answered

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a TCP connection's is an asyncio.Transport

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(ServerGone("the server hung up"))

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if self._answered is not None and not self._answered.done():
                self._answered.set_exception(ServerGone(f"not HTTP: {error}"))
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        key = name.lower()
        if key == b"x-adserver-reason":
            self._reason = value.decode()
        elif key == b"set-cookie":
            self._cookies.append(value.partition(b";")[0].decode())

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        reply = Reply(self._parser.get_status_code(), self._reason, "; ".join(self._cookies), b"".join(self._body))
        answered, self._answered = self._answered, None
        self._begin()
        if answered is not None and not answered.done():
            answered.set_result(reply)

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._reason = ""
        self._cookies: list[str] = []
        self._body: list[bytes] = []
