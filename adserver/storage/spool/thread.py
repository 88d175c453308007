"""The thread that works with the spool's files: what waits for a disk never waits on the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class InThread:
    """Runs functions one after the other."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")

    async def __call__(self, function: Callable[[], T]) -> T:
        """What the function returns or raises."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    def close(self) -> None:
        """Returns when the last function has ended."""
        self._thread.shutdown()
