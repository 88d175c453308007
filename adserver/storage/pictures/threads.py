"""The threads that wait for disks and buckets, and trouble told once."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)


class PictureThreads:
    """Runs functions; what goes wrong is told in the log when it begins and when it is over."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="pictures")
        self._trouble = ""

    async def run(self, function: Callable[[], T]) -> T:
        """What the function returns or raises."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function)

    async def write(self, function: Callable[[], object]) -> bool:
        """Whether it worked: pictures that can not be kept are shown nevertheless."""
        try:
            await self.run(function)
        except Exception as error:  # each kind of bucket has its own
            kind = f"{type(error).__name__} {getattr(error, 'errno', '')}"
            if kind != self._trouble:
                self._trouble = kind
                log.warning("pictures are shown and not kept: %s", error)
            return False
        if self._trouble:
            self._trouble = ""
            log.info("pictures are kept again")
        return True

    def close(self) -> None:
        """Returns when the last function has ended."""
        self._threads.shutdown(cancel_futures=True)
