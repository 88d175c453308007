"""An ad becomes a picture: found where the same one was drawn before, else drawn in a process of its own.

It is kept under the digest of its bytes, so that what is behind an address never changes.
"""

import asyncio
import hashlib
import logging
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from adserver.creative.creative import Creative
from adserver.creative.raster.banner_picture import BannerNotDrawn, BannerPicture, Kind
from adserver.model.line_item import OptionValue
from adserver.service.ad_to_draw import ad_to_draw, worded
from adserver.service.picture_links import PATH
from adserver.service.picture_pool import PicturesBusy
from adserver.service.render_ad import AdData
from adserver.service.show_picture import YEAR_S, Outcome, PictureStore, Shown, ShowPicture
from adserver.telemetry import AD_PICTURES, HotCounter

PRODUCTS_S = 0.8
"""How long an ad waits for the pictures of its products, all of them together; the others are drawn as letters."""

LONGEST_S = 5.0
"""How long anybody waits for a drawing."""

MAX_UNDER_WAY = 128
"""Drawings under way per worker."""

MAX_KNOWN = 5_000
"""Drawings of which a worker knows the address by heart, 1 to 3 KB each."""

KNOWN_S = 600
"""How long it does; then it looks whether the picture is still there."""

_REFUSED_S = 60
"""How long nobody tries again to draw what could not be drawn."""

_LATE_S = 5
"""How long a drawing will do whose product pictures came too late."""

_NAME = re.compile(r"([0-9a-f]{64})\.(png|webp|jpg)")

log = logging.getLogger(__name__)

_Seen = tuple[BannerPicture, tuple[str, ...], tuple[tuple[str, OptionValue], ...]]
"""Everything that can be seen of an ad, and nothing else: what is drawn, where the pictures in it come from, and what
its design is told."""

Draw = Callable[[BannerPicture], Awaitable[bytes]]


EXTENSIONS: Mapping[Kind, str] = {"png": "png", "webp": "webp", "jpeg": "jpg"}
"""How the addresses of each kind end."""

_KINDS = {extension: kind for kind, extension in EXTENSIONS.items()}
_OUTCOMES = ("known", "stored", "drawn", "incomplete", "refused", "failed")
_COUNTED = {outcome: HotCounter(AD_PICTURES.labels(outcome)) for outcome in _OUTCOMES}


class Drawn(NamedTuple):
    """``<digest>.<extension>``, which stands behind ``/media/``; with ``body`` only where that is not kept anywhere.
    Without a name there is no picture."""

    name: str = ""
    body: bytes = b""


class DrawAd:
    """``recipe`` names how pictures are drawn: with another one, all are drawn anew."""

    def __init__(
        self,
        creatives: Mapping[str, Creative],
        show_picture: ShowPicture,
        store: PictureStore,
        draw: Draw,
        *,
        recipe: str,
    ) -> None:
        self._creatives = creatives
        self._show_picture = show_picture
        self._store = store
        self._draw = draw
        self._recipe = recipe
        self._known: OrderedDict[_Seen, tuple[Drawn, float]] = OrderedDict()
        self._under_way: dict[_Seen, asyncio.Task[Drawn]] = {}

    def known(self, data: AdData, kind: Kind, density: int, now: float) -> Drawn | None:
        """Where this very picture is, or that it is not drawn for now, if this worker knows it by heart."""
        found = self._known.get(_seen(data, kind, density, now))
        if found is None or now >= found[1]:
            return None
        _COUNTED["known" if found[0].name else "refused"].inc()
        return found[0]

    async def __call__(self, data: AdData, kind: Kind, density: int, now: float) -> Drawn:
        """The picture of an ad at ``now`` (seconds since 1970). Whoever asks for what is under way waits for it; the
        drawing goes on when nobody waits any more."""
        seen = _seen(data, kind, density, now)
        task = self._under_way.get(seen)
        if task is None:
            if len(self._under_way) >= MAX_UNDER_WAY:
                _COUNTED["failed"].inc()
                return Drawn()
            task = asyncio.create_task(self._found_or_drawn(seen, data, now))
            self._under_way[seen] = task
            task.add_done_callback(lambda _: self._under_way.pop(seen, None))
        done, _ = await asyncio.wait({task}, timeout=LONGEST_S)
        return task.result() if done and not task.cancelled() else Drawn()

    async def shown(self, name: str) -> Shown | None:
        """What stands behind ``/media/<name>``; None where it is no name of a drawing, or no longer kept."""
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        digest, extension = match.groups()
        body = await self._store.read(_place(name))
        if body is None or await asyncio.to_thread(_digest, body) != digest:
            return None
        return Shown(body, f"image/{_KINDS[extension]}", digest[:32], YEAR_S, Outcome.STORED)

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _found_or_drawn(self, seen: _Seen, data: AdData, now: float) -> Drawn:
        name = f"shown/{_digest(repr((self._recipe, seen)).encode('utf-8', 'replace'))}"
        drawn, lasting, outcome = Drawn(), _LATE_S, "failed"
        try:
            stored = await self._stored(name)
            if stored:
                drawn, lasting, outcome = stored, YEAR_S, "stored"
            else:
                drawn, lasting = await self._drawn(name, seen[0], data, now)
                outcome = "drawn" if lasting == YEAR_S else "incomplete"
        except BannerNotDrawn as error:
            log.warning("%s in %s is not drawn as a picture: %s", data.creative, data.size, error)
            lasting, outcome = _REFUSED_S, "refused"
        except PicturesBusy:
            lasting = 1
        except Exception:
            log.exception("an ad could not be drawn")
        _COUNTED[outcome].inc()
        if not drawn.body:
            self._remember(seen, drawn, now + min(lasting, KNOWN_S))
        return drawn

    async def _stored(self, seen: str) -> Drawn | None:
        name = await self._store.read(seen)
        shown = await self.shown(name.decode()) if name else None
        return Drawn(name.decode()) if name and shown else None

    async def _drawn(self, seen: str, banner: BannerPicture, data: AdData, now: float) -> tuple[Drawn, int]:
        """Also for how many seconds it will do: one that lacks a picture of a product is soon drawn again."""
        pictures, lasting = await self._product_pictures(data, banner.density, now)
        banner = await asyncio.to_thread(worded, banner, data, self._creatives[data.creative], now)
        tiles = [tile._replace(picture=body) for tile, body in zip(banner.tiles, pictures, strict=True)]
        body = await self._draw(banner._replace(tiles=tuple(tiles)))
        digest = await asyncio.to_thread(_digest, body)
        name = f"{digest}.{EXTENSIONS[banner.kind]}"
        await self._store.write(_place(name), body)
        if await self._store.read(_place(name)) is None:
            return Drawn(name, body), lasting
        if lasting == YEAR_S:
            await self._store.write(seen, name.encode())
        return Drawn(name), lasting

    async def _product_pictures(self, data: AdData, density: int, now: float) -> tuple[list[bytes | None], int]:
        """Of each tile, in the order of the tiles; and the shortest time for which one of them will do."""
        tasks = [
            asyncio.create_task(self._show_picture(url.rpartition(PATH)[2], webp=False, now=now)) if url else None
            for url in (
                tile.picture and (tile.picture.url_2x if density > 1 else tile.picture.url) for tile in data.tiles
            )
        ]
        wanted = [task for task in tasks if task]
        if wanted:
            _, late = await asyncio.wait(wanted, timeout=PRODUCTS_S)
            for task in late:
                task.cancel()
        found = [_product_picture(task) if task else (None, YEAR_S) for task in tasks]
        return [body for body, _ in found], min([lasting for _, lasting in found], default=YEAR_S)

    def _remember(self, seen: _Seen, drawn: Drawn, until: float) -> None:
        self._known[seen] = drawn, until
        self._known.move_to_end(seen)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)


def _seen(data: AdData, kind: Kind, density: int, now: float) -> _Seen:
    banner = ad_to_draw(data, kind, density, now)
    return banner, tuple([tile.picture.url if tile.picture else "" for tile in data.tiles]), (*data.options.items(),)


def _product_picture(task: "asyncio.Task[Shown | None]") -> tuple[bytes | None, int]:
    """What was made of the shop's picture, and for how many seconds it will do; a letter of ours is none."""
    if not task.done() or task.cancelled() or task.exception() is not None:
        return None, _LATE_S
    shown = task.result()
    if shown is None or shown.outcome is Outcome.MISSING:
        return None, YEAR_S
    return (None if shown.media_type == "image/svg+xml" else shown.body), shown.max_age


def _place(name: str) -> str:
    """Apart from the pictures of products, whose room it does not take; nobody gets one under a name of his own."""
    return f"drawn/{_digest(name.encode())}"


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
