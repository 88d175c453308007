"""One node or a cluster: the URL does not tell, the server does."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from hiredis import ReplyError

from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.valkey.address import Address, address_of
from adserver.storage.valkey.cluster import Cluster
from adserver.storage.valkey.connection import Command
from adserver.storage.valkey.hot import OneNode, Route, greeting
from adserver.storage.valkey.library import Library
from adserver.storage.valkey.link import BACKOFF_S, CONNECT_S, Link
from adserver.storage.valkey.mode import detect
from adserver.storage.valkey.node import Node
from adserver.storage.valkey.refusal import refused

Send = Callable[[str, Command, float], Awaitable[object]]
Read = Callable[[str, bytes, float], Awaitable[object]]


def route_to(url: str, library: Library, *, replicas: int = 0) -> Route:
    """The way to all keys of the Valkey at ``url``, which may be any node of a cluster; not connected before ``up``.

    ``replicas``: how many must have a write before it is answered.
    """
    address = address_of(url)
    open_links = partial(_links, library, replicas)
    return OneNode(*open_links(address)) if address.path else AnyRoute(url, address, open_links)


def _links(library: Library, replicas: int, address: Address) -> tuple[Link, Link]:
    writes = Link(address, greeting=greeting(library), replicas=replicas)
    return writes, Link(address) if replicas else writes


class AnyRoute:
    """Finds out on the first connection, and goes on trying until it knows. Then ``send`` and ``read`` are the found
    route's own."""

    def __init__(self, url: str, address: Address, open_links: Callable[[Address], tuple[Link, Link]]) -> None:
        self._url = url
        self._address = address
        self._open_links = open_links
        self._found: Route | None = None
        self._why = "Valkey did not answer: not connected yet"
        self._finder: asyncio.Task[None] | None = None
        self.send: Send = self._not_yet
        self.read: Read = self._not_yet
        self.is_one_place = False

    def _not_yet(self, key: str, command: Command, deadline: float) -> Awaitable[object]:
        raise refused(self._why)

    async def recover(
        self, key: str, command: bytes, error: ReplyError, deadline: float, *, reading: bool = False
    ) -> object:
        """As the found route does it."""
        if self._found is None:
            return error
        return await self._found.recover(key, command, error, deadline, reading=reading)

    async def up(self) -> None:
        """Wait a moment for the first connection. Raises StoreUnavailable."""
        if self._finder is None:
            self._finder = asyncio.get_running_loop().create_task(self._find())
        await asyncio.wait([self._finder], timeout=CONNECT_S)
        if self._found is None:
            raise refused(self._why)
        await self._found.up()

    @property
    def trouble(self) -> str:
        """Why calls would fail; empty when they would not."""
        return self._why if self._found is None else self._found.trouble

    async def close(self) -> None:
        """End all connections."""
        if self._finder is not None:
            self._finder.cancel()
            await asyncio.gather(self._finder, return_exceptions=True)
        if self._found is not None:
            await self._found.close()
        self._why = "the link is closed"
        self._found, self.send, self.read = None, self._not_yet, self._not_yet

    async def _find(self) -> None:
        pause, longest = BACKOFF_S
        while self._found is None:
            try:
                clustered = await detect(self._url)
            except StoreUnavailable as error:
                self._why = str(error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, longest)
                continue
            self._found = (
                Cluster(self._address, lambda address: Node(*self._open_links(address)))
                if clustered
                else OneNode(*self._open_links(self._address))
            )
            self.send, self.read, self.is_one_place = self._found.send, self._found.read, self._found.is_one_place
            await asyncio.gather(self._found.up(), return_exceptions=True)  # connect, though nobody may wait for it
