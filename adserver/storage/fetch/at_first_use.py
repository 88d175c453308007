"""Fetching pictures, for workers: many never fetch one, and what it needs takes long to load."""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adserver.storage.fetch.fetcher import Fetcher


class FetcherAtFirstUse:
    """As ``Fetcher(Allowed.parse(allow))``, which is made when the first picture is asked for."""

    def __init__(self, allow: str) -> None:
        self._allow = allow
        self._fetcher: Fetcher | None = None
        self._making = asyncio.Lock()

    async def fetch_picture(self, url: str, *, max_bytes: int, timeout_s: float) -> bytes:
        """What ``Fetcher.fetch_picture`` does."""
        async with self._making:
            if self._fetcher is None:
                self._fetcher = await asyncio.to_thread(_fetcher, self._allow)  # visitors are answered meanwhile
        return await self._fetcher.fetch_picture(url, max_bytes=max_bytes, timeout_s=timeout_s)


def _fetcher(allow: str) -> "Fetcher":
    from adserver.storage.fetch.allowed import Allowed
    from adserver.storage.fetch.fetcher import Fetcher

    return Fetcher(Allowed.parse(allow))
