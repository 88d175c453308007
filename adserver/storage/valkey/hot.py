"""What the hot path asks of Valkey: functions of the library and a few plain reads, over links instead of a pool."""

import asyncio
from collections.abc import Awaitable
from typing import Protocol

from hiredis import ReplyError

from adserver.storage.valkey.connection import Command
from adserver.storage.valkey.library import Library
from adserver.storage.valkey.node import Node
from adserver.storage.valkey.refusal import is_missing, refusal_of, refused
from adserver.storage.valkey.resp import pack
from adserver.storage.valkey.together import Together

TIMEOUT_S = 2.0
"""How long a call may take whose caller names no deadline."""

Answer = Awaitable[object]
_OF_MANY = {"record_event": "record_events"}
"""Functions that are called so often that all calls of a turn go together, and what does that."""

Key = str | tuple[str, ...]
Argument = str | int | bytes


class Functions(Protocol):
    """Whoever can call the library's functions: over links, or over redis-py's pool."""

    def call(self, function: str, key: Key, *args: Argument, deadline: float | None = None) -> Answer:
        """The function's reply. Raises StoreUnavailable, here or when awaited."""


class Route(Protocol):
    """The way to the node that has a key. ``is_one_place``: that is the same one for all keys."""

    @property
    def is_one_place(self) -> bool: ...

    def send(self, key: str, command: Command, deadline: float) -> Awaitable[object]:
        """The reply; errors of the server are values (``hiredis.ReplyError``). Raises StoreUnavailable."""

    def read(self, key: str, command: bytes, deadline: float) -> Awaitable[object]:
        """The same for a command that only reads: no replica is waited for, so a missing one does not stop it."""

    async def recover(
        self, key: str, command: bytes, error: ReplyError, deadline: float, *, reading: bool = False
    ) -> object:
        """What the command is answered in the end, where ``error`` only says that it was sent to the wrong place."""

    async def up(self) -> None:
        """Wait a moment for the first connection. Raises StoreUnavailable."""

    @property
    def trouble(self) -> str:
        """Why calls would fail; empty when they would not."""

    async def close(self) -> None:
        """End all connections."""


class OneNode(Node):
    """One Valkey has all keys."""

    is_one_place = True

    def send(self, key: str, command: Command, deadline: float) -> Awaitable[object]:
        """Over the link for writes."""
        return self.writes.send(command, deadline)

    def read(self, key: str, command: bytes, deadline: float) -> Awaitable[object]:
        """Over the link for reads."""
        return self.reads.send(command, deadline)

    async def recover(
        self, key: str, command: bytes, error: ReplyError, deadline: float, *, reading: bool = False
    ) -> object:
        """There is no other place."""
        return error


class HotValkey:
    """Every method raises StoreUnavailable, StoreTimeout when it was the ``deadline`` (loop time) that ended it;
    ``ambiguous`` on it tells whether the call may have been carried out nevertheless."""

    def __init__(self, route: Route, library: Library, *, timeout_s: float = TIMEOUT_S) -> None:
        self._route = route
        self._library = library
        self._timeout_s = timeout_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._together = {
            one: Together(library.name(many), self._send, self._in_the_end, timeout_s=timeout_s)
            for one, many in _OF_MANY.items()
        }
        self.up = route.up
        self.close = route.close

    @property
    def trouble(self) -> str:
        """Why calls would fail; empty when they would not."""
        return self._route.trouble

    def call(self, function: str, key: Key, *args: Argument, deadline: float | None = None) -> Answer:
        """Call one function of the library on one key, or on several of one slot. The call is under way when this
        returns, not only when the answer is awaited. Calls of one function on one key leave in the order in which
        they were made.
        """
        if function in self._together and deadline is None and isinstance(key, str) and self._route.is_one_place:
            return self._together[function].call(key, args)
        keys = (key,) if isinstance(key, str) else key
        command = pack(("FCALL", self._library.name(function), len(keys), *keys, *args))
        deadline = deadline or self._late()
        return self._answer(keys[0], command, deadline, self._route.send(keys[0], command, deadline))

    def _send(self, key: str, command: Command, deadline: float) -> Awaitable[object]:
        return self._route.send(key, command, deadline)

    async def _answer(self, key: str, command: bytes, deadline: float, sent: Awaitable[object]) -> object:
        reply = await sent
        if isinstance(reply, ReplyError):
            return await self._in_the_end(key, command, reply, deadline)
        return reply

    async def command(self, name: str, key: str, *args: Argument, deadline: float | None = None) -> object:
        """A plain command that only reads one key. What was answered before it is sent, it sees."""
        command = pack((name, key, *args))
        deadline = deadline or self._late()
        reply = await self._route.read(key, command, deadline)
        if isinstance(reply, ReplyError):
            reply = await self._route.recover(key, command, reply, deadline, reading=True)
            if isinstance(reply, ReplyError):
                raise refusal_of(reply)
        return reply

    def put(self, key: str, value: str | bytes, ttl_s: int, *, deadline: float | None = None) -> Answer:
        """Write one string, which is gone again after ``ttl_s`` seconds. Under way as soon as this returns."""
        command = pack(("SET", key, value, "EX", ttl_s))
        deadline = deadline or self._late()
        return self._answer(key, command, deadline, self._route.send(key, command, deadline))

    async def _in_the_end(self, key: str, command: bytes, error: ReplyError, deadline: float) -> object:
        reply = await self._route.recover(key, command, error, deadline)
        if is_missing(reply):
            # A server that came back empty, or a primary that was a replica when we connected.
            await self._load(key, deadline)
            reply = await self._once_more(key, command, deadline)
        if isinstance(reply, ReplyError):
            raise refusal_of(reply)
        return reply

    async def _load(self, key: str, deadline: float) -> None:
        command = pack(("FUNCTION", "LOAD", "REPLACE", self._library.source))
        reply = await self._once_more(key, command, deadline)
        if isinstance(reply, ReplyError) and "already exists" not in str(reply):
            raise refused(str(refusal_of(reply)))  # whatever is wrong with the library, the function was not called

    async def _once_more(self, key: str, command: bytes, deadline: float) -> object:
        reply = await self._route.send(key, command, deadline)
        return await self._route.recover(key, command, reply, deadline) if isinstance(reply, ReplyError) else reply

    def _late(self) -> float:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop.time() + self._timeout_s


def greeting(library: Library) -> tuple[bytes, ...]:
    """What each new connection begins with: the library is there, whatever happened to the server meanwhile."""
    return (pack(("FUNCTION", "LOAD", library.source)),)
