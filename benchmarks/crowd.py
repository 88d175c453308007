"""Connections that ask a worker in the same turn of its loop, without sockets: they only note what is written."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from time import process_time
from typing import Any

from benchmarks.client import LoadError

_WARM_UP = 300
"""Requests before each measurement that do not count: Python learns anew what it may call without looking it up."""

Connect = Callable[[], asyncio.Protocol]
"""Makes a connection to the worker."""


class _Wire(asyncio.Transport):
    """Leads to nobody; tells when an answer is written, and keeps the last; tells when the worker hangs up."""

    def __init__(self, written: Callable[[], None], closed: Callable[[], None]) -> None:
        super().__init__()
        self._written = written
        self._closed = closed
        self._is_closing = False
        self.answer = b""

    def write(self, data: Any) -> None:
        self.answer = data
        self._written()

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        self._is_closing = True
        self._closed()

    abort = close

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("192.0.2.1", 50_000), "sockname": ("192.0.2.2", 80)}.get(name, default)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """All is written at once."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Crowd:
    """``count`` connections that ask together, for a ``with``; ``requests`` begin again when they are used up."""

    def __init__(self, connect: Connect, count: int, requests: Sequence[bytes]) -> None:
        self._requests = itertools.cycle(requests)
        self._missing = 0
        self._answered: asyncio.Future[None] | None = None
        self._is_broken = False
        self._wires = [_Wire(self._count_down, self._break_off) for _ in range(count)]
        self._protocols = [connect() for _ in range(count)]

    def __enter__(self) -> "Crowd":
        for protocol, wire in zip(self._protocols, self._wires, strict=True):
            protocol.connection_made(wire)
        return self

    def __exit__(self, *_: object) -> None:
        for protocol in self._protocols:
            protocol.connection_lost(None)

    async def cost_us(self, requests: int) -> float:
        """Processor time of this process per request, after some that do not count. Raises LoadError."""
        await self.ask(_WARM_UP)
        began = process_time()
        asked = await self.ask(requests)
        spent = process_time() - began
        self._check()
        return spent / asked * 1e6

    async def ask(self, requests: int) -> int:
        """At least so many; how many they were. Raises LoadError."""
        turns = -(-requests // len(self._wires))
        for _ in range(turns):
            if self._is_broken:
                raise LoadError("the worker hung up")
            self._missing = len(self._wires)
            self._answered = asyncio.get_running_loop().create_future()
            for protocol, request in zip(self._protocols, self._requests, strict=False):
                protocol.data_received(request)
            await self._answered
        return turns * len(self._wires)

    def _count_down(self) -> None:
        self._missing -= 1
        if not self._missing and self._answered is not None and not self._answered.done():
            self._answered.set_result(None)

    def _break_off(self) -> None:
        """Whoever waits goes on, and finds out."""
        self._is_broken = True
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(None)

    def _check(self) -> None:
        for wire in self._wires:
            head, _, _ = wire.answer.partition(b"\r\n\r\n")
            if self._is_broken or not head.startswith(b"HTTP/1.1 200") or b"\r\nx-adserver-reason:" in head:
                raise LoadError(f"not what was asked for: {head[:1_000]!r}")
