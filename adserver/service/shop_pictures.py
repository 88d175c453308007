"""The shops' pictures, fetched with regard for the shops: few at once, and not again and again what is not there."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol, TypeVar
from urllib.parse import urlsplit
from zlib import crc32

from adserver.creative.picture_order import PictureRefused, Refusal
from adserver.storage.interfaces import SourceUnavailable

MAX_BYTES = 8_000_000
"""Of one picture of a shop."""

TIMEOUT_S = 4.0
"""For one picture, from the look-up of its host to its last byte."""

AT_ONCE = 8
"""Pictures that one worker fetches at a time: with MAX_BYTES it bounds their memory."""

AT_ONCE_PER_SHOP = 4

STALLS = 3
"""Pictures in a row that did not come in time, ..."""

REST_S = 10.0
"""... and their shop is left alone for so long."""

UNAVAILABLE_S = 60.0
REFUSED_S = 600.0
"""How long a picture that was not there, or could not be shown, is not asked for again."""

_LANES = 64
_MOST_REMEMBERED = 10_000

T = TypeVar("T")

log = logging.getLogger(__name__)


class ShopResting(SourceUnavailable):
    """The shop has just kept us waiting."""


class Fetcher(Protocol):
    """The guarded way to the web."""

    async def fetch_picture(self, url: str, *, max_bytes: int, timeout_s: float) -> bytes:
        """What is there. Raises SourceUnavailable."""


class ShopPictures:
    """Fetches. ``clock`` gives seconds that only go forward."""

    def __init__(self, fetcher: Fetcher, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._all = asyncio.Semaphore(AT_ONCE)
        # Shops share a lane here and there; there is no list of shops to keep.
        self._lanes = [asyncio.Semaphore(AT_ONCE_PER_SHOP) for _ in range(_LANES)]
        self._refused: dict[str, float] = {}
        self._unavailable: dict[str, float] = {}
        self._stalls: dict[str, int] = {}
        self._resting: dict[str, float] = {}

    def check(self, source: str) -> None:
        """Raises what ``fetch`` would raise without asking."""
        now = self._clock()
        if self._refused.get(source, 0) > now:
            raise PictureRefused(Refusal.NOT_A_PICTURE)
        if self._unavailable.get(source, 0) > now:
            raise SourceUnavailable("it was not there a moment ago")
        if self._resting.get(_host(source), 0) > now:
            raise ShopResting("its shop did not answer in time a moment ago")

    async def fetch(self, source: str) -> bytes:
        """What the shop has at ``source``. Raises SourceUnavailable, PictureRefused."""
        async with self._lanes[crc32(_host(source).encode()) % _LANES], self._all:
            self.check(source)
            began = self._clock()
            try:
                raw = await self._fetcher.fetch_picture(source, max_bytes=MAX_BYTES, timeout_s=TIMEOUT_S)
            except SourceUnavailable as error:
                log.info("a shop's picture can not be shown: %s: %s", error, source)
                now = self._clock()
                _remember(self._unavailable, source, now + UNAVAILABLE_S)
                if now - began >= TIMEOUT_S * 0.9:
                    self._stalled(_host(source), now)
                raise
            self._stalls.pop(_host(source), None)
            return raw

    def _stalled(self, host: str, now: float) -> None:
        stalls = self._stalls.get(host, 0) + 1
        _remember(self._stalls, host, stalls)
        if stalls >= STALLS:
            _remember(self._resting, host, now + REST_S)

    def remember_refused(self, source: str, refusal: Refusal) -> None:
        """It is there, and can not be shown. A busy machine may have made a picture look harmful."""
        lasts = UNAVAILABLE_S if refusal is Refusal.HARMFUL else REFUSED_S
        _remember(self._refused, source, self._clock() + lasts)


def _host(source: str) -> str:
    try:
        return urlsplit(source).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


def _remember(what: dict[str, T], key: str, value: T) -> None:
    if len(what) >= _MOST_REMEMBERED:
        what.clear()
    what[key] = value
