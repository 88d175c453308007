"""Waiting for something in an asynchronous test."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import cast


async def eventually(
    condition: Callable[[], object] | Callable[[], Awaitable[object]], *, within: float = 20.0, what: str = "it"
) -> None:
    """Ask again and again until the answer is true."""
    deadline = time.monotonic() + within
    while True:
        answer = condition()
        if asyncio.iscoroutine(answer):
            answer = await cast("Awaitable[object]", answer)
        if answer:
            return
        assert time.monotonic() < deadline, f"{what} did not come true within {within} s"
        await asyncio.sleep(0.005)  # between two questions, not instead of one
