"""A picture's URL becomes a picture: from memory, from the store, or made of what the shop has.

Nothing here may hold up an ad: disks are waited for in threads, pictures are decoded in other processes, and whoever
has waited long enough gets the placeholder while the work goes on.
"""

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import NamedTuple, Protocol

from adserver.creative.picture_order import PictureRefused
from adserver.creative.picture_placeholder import placeholder
from adserver.service.picture_links import PictureLinks, PictureRequest
from adserver.service.picture_pool import PicturesBusy
from adserver.service.shop_pictures import ShopPictures, ShopResting
from adserver.storage.interfaces import SourceUnavailable
from adserver.telemetry import PICTURES

WAIT_S = 4.5
"""How long a visitor waits for a picture in the making."""

MAX_UNDER_WAY = 256
"""Pictures in the making per worker, most of them waiting for their shop."""

MEMORY_BYTES = 32 * 1024**2
"""Made pictures that each worker keeps in memory."""

YEAR_S = 31_536_000
OTHER_PICTURE_S = 3_600
MISSING_S = 3_600

RECIPE = "1"
"""Stands in the names of made pictures: another one, and all are made anew."""

log = logging.getLogger(__name__)

Make = Callable[[bytes, int, int, str], Awaitable[bytes]]


class Outcome(StrEnum):
    """How a request for a picture ended."""

    MEMORY = "memory"
    STORED = "stored"
    MADE = "made"
    OTHER = "other"
    """The shop's first picture can not be shown, its next one can."""
    MISSING = "missing"
    UNAVAILABLE = "unavailable"
    REFUSED = "refused"
    SLOW = "slow"
    BUSY = "busy"


_PLACEHOLDER_S = {
    Outcome.MISSING: MISSING_S,
    Outcome.UNAVAILABLE: 60,
    Outcome.REFUSED: 60,
    Outcome.SLOW: 5,
    Outcome.BUSY: 5,
}
"""How long a placeholder may be cached, in seconds."""


class PictureStore(Protocol):
    """Bytes by name (``made/<hex>``). It never fails: what it can not keep or find is not there."""

    async def read(self, name: str) -> bytes | None:
        """What was written under this name, or None."""

    async def write(self, name: str, body: bytes) -> None:
        """Keep ``body``, whole or not at all."""

    def claim(self, name: str) -> AbstractAsyncContextManager[None]:
        """Only one holds the claim on a name at a time, whichever process of this machine asks."""


class Shown(NamedTuple):
    """A picture or a placeholder. ``max_age`` is in seconds; a year for what never changes."""

    body: bytes
    media_type: str
    etag: str
    max_age: int
    outcome: Outcome


class ShowPicture:
    """Answers ``/media/<signed>``."""

    def __init__(self, links: PictureLinks, shops: ShopPictures, store: PictureStore, make: Make) -> None:
        self._links = links
        self._shops = shops
        self._store = store
        self._make = make
        self._kept = _Memory()
        self._under_way: dict[tuple[str, str], asyncio.Task[Shown]] = {}

    async def __call__(self, signed: str, *, webp: bool, now: float) -> Shown | None:
        """The picture for a client that takes WebP or only JPEG; None for a URL that is not ours, or too old."""
        request = self._links.read(signed, now)
        if request is None:
            return None
        kind = "webp" if webp else "jpeg"
        shown = self._kept.get((signed, kind)) or await self._looked_for(signed, request, kind)
        PICTURES.labels(shown.outcome).inc()
        return shown

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _looked_for(self, signed: str, request: PictureRequest, kind: str) -> Shown:
        """Whoever asks for what is under way waits for it, at most WAIT_S."""
        if not request.sources:
            return _placeholder(request, Outcome.MISSING)
        task = self._under_way.get((signed, kind))
        if task is None:
            if len(self._under_way) >= MAX_UNDER_WAY:
                return _placeholder(request, Outcome.BUSY)
            task = asyncio.create_task(self._shown(signed, request, kind))
            self._under_way[signed, kind] = task
            task.add_done_callback(lambda _: self._under_way.pop((signed, kind), None))
        done, _ = await asyncio.wait({task}, timeout=WAIT_S)
        return task.result() if done else _placeholder(request, Outcome.SLOW)

    async def _shown(self, signed: str, request: PictureRequest, kind: str) -> Shown:
        why = Outcome.UNAVAILABLE
        began = time.monotonic()
        for place, source in enumerate(request.sources):
            try:
                body, outcome = await self._picture(source, request, kind)
            except PicturesBusy:
                return _placeholder(request, Outcome.BUSY)
            except (SourceUnavailable, PictureRefused) as error:
                why = Outcome.REFUSED if isinstance(error, PictureRefused) else Outcome.UNAVAILABLE
                if isinstance(error, ShopResting) or time.monotonic() - began > WAIT_S / 2:
                    break  # its other pictures will not come quicker
            except Exception:
                log.exception("a picture could not be made")
            else:
                shown = _picture(body, kind, outcome, first=place == 0)
                if place == 0:
                    self._kept.put((signed, kind), shown._replace(outcome=Outcome.MEMORY))
                return shown
        return _placeholder(request, why)

    async def _picture(self, source: str, request: PictureRequest, kind: str) -> tuple[bytes, Outcome]:
        """Raises PicturesBusy, PictureRefused, SourceUnavailable."""
        seen = f"seen/{_digest(f'{request.week} {source}'.encode())}"
        stored = await self._stored(seen, request, kind)
        if stored:
            return stored, Outcome.STORED
        self._shops.check(source)
        async with self._store.claim(seen):
            stored = await self._stored(seen, request, kind)
            if stored:
                return stored, Outcome.STORED
            return await self._made(source, seen, request, kind), Outcome.MADE

    async def _stored(self, seen: str, request: PictureRequest, kind: str) -> bytes | None:
        original = await self._store.read(seen)
        return await self._store.read(_made_name(original.decode(), request, kind)) if original else None

    async def _made(self, source: str, seen: str, request: PictureRequest, kind: str) -> bytes:
        """Of the shop's picture as we have it, else as the shop has it now. What could not be read is not kept."""
        known = await self._store.read(seen)
        raw = await self._store.read(f"original/{known.decode()}") if known else None
        fetched = raw is None
        if raw is None:
            raw = await self._shops.fetch(source)
        try:
            body = await self._make(raw, request.width, request.height, kind)
        except PictureRefused as error:
            log.info("a shop's picture can not be shown: %s: %s", error, source)
            self._shops.remember_refused(source, error.refusal)
            raise
        original = known.decode() if known and not fetched else await asyncio.to_thread(_digest, raw)
        await self._store.write(_made_name(original, request, kind), body)
        if fetched:
            await self._store.write(f"original/{original}", raw)
            await self._store.write(seen, original.encode())
        return body


class _Memory:
    """The pictures asked for last, up to MEMORY_BYTES."""

    def __init__(self) -> None:
        self._shown: OrderedDict[tuple[str, str], Shown] = OrderedDict()
        self._bytes = 0

    def get(self, key: tuple[str, str]) -> Shown | None:
        shown = self._shown.get(key)
        if shown is not None:
            self._shown.move_to_end(key)
        return shown

    def put(self, key: tuple[str, str], shown: Shown) -> None:
        old = self._shown.pop(key, None)
        self._bytes += _weight(key, shown) - (_weight(key, old) if old else 0)
        self._shown[key] = shown
        while self._bytes > MEMORY_BYTES:
            self._bytes -= _weight(*self._shown.popitem(last=False))


def _weight(key: tuple[str, str], shown: Shown) -> int:
    return len(shown.body) + len(key[0]) + 600


def _picture(body: bytes, kind: str, outcome: Outcome, *, first: bool) -> Shown:
    if first:
        return Shown(body, f"image/{kind}", _digest(body)[:32], YEAR_S, outcome)
    return Shown(body, f"image/{kind}", _digest(body)[:32], OTHER_PICTURE_S, Outcome.OTHER)


def _placeholder(request: PictureRequest, why: Outcome) -> Shown:
    body = placeholder(request.letter, request.color)
    return Shown(body, "image/svg+xml", _digest(body)[:32], _PLACEHOLDER_S[why], why)


def _made_name(original: str, request: PictureRequest, kind: str) -> str:
    return f"made/{_digest(f'{RECIPE} {original} {request.width} {request.height} {kind}'.encode())}"


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
