"""The links to one Valkey that has keys."""

import asyncio
from collections.abc import Awaitable

from adserver.storage.valkey.connection import Command
from adserver.storage.valkey.link import Link
from adserver.storage.valkey.refusal import refused


class Node:
    """``writes``: what is called over it may have to be on replicas before it is answered. ``reads``: waits for nobody
    but the node itself; the same link where nothing waits for replicas.

    What was answered over the one is there for whoever asks over the other: behind both is one server.
    """

    def __init__(self, writes: Link, reads: Link | None = None) -> None:
        self.writes = writes
        self.reads = reads or writes

    def start(self) -> None:
        """Begin to connect, and go on trying until ``close``."""
        self.writes.start()
        self.reads.start()

    async def up(self) -> None:
        """Wait for the connections, as long as one attempt may take. Raises StoreUnavailable."""
        for outcome in await asyncio.gather(self.writes.up(), self.reads.up(), return_exceptions=True):
            if outcome is not None:
                raise outcome

    @property
    def trouble(self) -> str:
        """Why calls, or some of them, would fail; empty when they would not."""
        return self.writes.trouble or self.reads.trouble

    async def close(self) -> None:
        """End the connections."""
        await asyncio.gather(self.writes.close(), self.reads.close())


class Nobody:
    """Has the slots that no node is known for."""

    def __init__(self, why: str) -> None:
        self.trouble = why
        self.writes = self.reads = self

    def send(self, _command: Command, _deadline: float) -> Awaitable[object]:
        """Raises StoreUnavailable."""
        raise refused(self.trouble)

    async def up(self, _within_s: float) -> None:
        """Raises StoreUnavailable."""
        raise refused(self.trouble)
