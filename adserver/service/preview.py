"""The contact sheet of banners and each banner in it: looked at, and never counted, billed or claimed."""

import gzip
from asyncio import sleep
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from adserver.creative.creative import Creative
from adserver.creative.manifest import FLUID, SIZES
from adserver.creative.preview_page import PREVIEW_CSP, Note, Reason, Section, Sheet, Shown, note_page, preview_page
from adserver.creative.sample_pictures import SAMPLE_PICTURES
from adserver.model.access import Scope
from adserver.model.hit import Fields, Hit
from adserver.service.live import Live
from adserver.service.preview_banner import Asked, DrawPreview, TooFewError, judge_options
from adserver.service.preview_content import Filling, PreviewContent, RefusedPreviewError
from adserver.service.preview_form import form_of
from adserver.service.preview_wish import BadWishError, Wish, wish_of
from adserver.storage.interfaces import StoreUnavailable

__all__ = ["PREVIEW_CSP", "SAMPLE_PICTURES", "Preview", "Previewed", "about_page", "refused_page", "sheet_url"]

FLUID_BOXES = ((320, 240), (640, 120), (240, 480))
"""Slots in which a fluid banner is looked at."""

_ZIP_LEVEL = 6  # what proxies mostly have


class Previewed(NamedTuple):
    """A document and the Content-Security-Policy that goes with it."""

    html: bytes
    csp: str


class Preview:
    """Both raise ``RefusedPreviewError``. ``hit`` tells the time, and who asks by cookie."""

    def __init__(
        self, live: Live, content: PreviewContent, draw: DrawPreview, creatives: Mapping[str, Creative]
    ) -> None:
        self._live = live
        self._content = content
        self._draw = draw
        self._creatives = creatives
        self._sizes = {name: creative.sizes for name, creative in creatives.items()}

    async def sheet(self, fields: Fields | None, scope: Scope, hit: Hit) -> Previewed:
        """All banners that are wished for, side by side."""
        wish, filling = await self._filled(fields, scope, hit)
        shares = {} if wish.creatives else dict(filling.designs)
        sections = [
            Section(creative.name, creative.about, _percent(shares, creative), shown)
            for creative in self._wanted(wish, filling)
            if (shown := await self._shown(creative, Asked(filling, wish, hit.now), fields or {}))
        ]
        sheet = Sheet(
            ground=wish.ground,
            told=filling.told,
            sections=sections,
            groups=form_of(wish, self._creatives, all_sizes(self._creatives), self._live.snapshot, scope),
            reasons=[Reason(row.line_item, row.reason.replace("_", " "), row.detail) for row in filling.reasons],
        )
        return Previewed(preview_page(sheet), PREVIEW_CSP)

    async def banner(self, fields: Fields | None, scope: Scope, hit: Hit) -> Previewed:
        """One of them, as a document of its own."""
        wish, filling = await self._filled(fields, scope, hit)
        wanted = self._wanted(wish, filling)
        sizes = _sizes(wanted[0], wish, filling) if wanted else ()
        if len(wanted) != 1 or len(sizes) != 1:
            raise _refused(BadWishError("creative and size", "one of each, and a creative that comes in that size"))
        try:
            document = self._draw(Asked(filling, wish, hit.now), wanted[0], sizes[0])
        except TooFewError as few:
            raise RefusedPreviewError(404, "Too few products", str(few)) from few
        return Previewed(document.html, document.csp)

    async def _filled(self, fields: Fields | None, scope: Scope, hit: Hit) -> tuple[Wish, Filling]:
        try:
            wish = wish_of(fields, self._sizes)
            judge_options([self._creatives[name] for name in wish.creatives or self._creatives], wish.options)
            return wish, await self._content(wish, scope, hit)
        except BadWishError as bad:
            raise _refused(bad) from bad
        except StoreUnavailable as away:
            raise RefusedPreviewError(503, "Not now", "Valkey does not answer. Try again in a moment.") from away

    def _wanted(self, wish: Wish, filling: Filling) -> Sequence[Creative]:
        if filling.sample is None and filling.decision is None:
            return ()
        names = wish.creatives or [name for name, _ in filling.designs] or self._creatives
        return [self._creatives[name] for name in names if name in self._creatives]

    async def _shown(self, creative: Creative, asked: Asked, fields: Fields) -> Sequence[Shown]:
        shown: list[Shown] = []
        for size in _sizes(creative, asked.wish, asked.filling):
            shown += self._frames(creative, size, asked, _frame_url(fields, creative.name, size))
            await sleep(0)  # visitors go first
        return shown

    def _frames(self, creative: Creative, size: str, asked: Asked, url: str) -> Sequence[Shown]:
        boxes = FLUID_BOXES if size == FLUID else (_box(size),)
        try:
            document = self._draw(asked, creative, size)
        except TooFewError as few:
            return [Shown(size, boxes[0], "", fault=str(few))]
        zipped = len(gzip.compress(document.html, _ZIP_LEVEL))
        return [Shown(size, box, url, len(document.html), zipped, document.pictures) for box in boxes]


def all_sizes(creatives: Mapping[str, Creative]) -> Sequence[str]:
    """Every size there is, in the order in which people name them."""
    there = {size for creative in creatives.values() for size in creative.sizes}
    return [*(size for size in SIZES if size in there), *sorted(there.difference(SIZES))]


def refused_page(refused: RefusedPreviewError) -> bytes:
    """What is told instead."""
    return note_page(Note(refused.title, refused.lines))


def about_page() -> bytes:
    """Where a banner's small links lead in a preview."""
    return note_page(
        Note(
            "This is a preview",
            (
                "In a real ad this link tells the shopper why the ad is shown, hides a product, or ends such ads.",
                "Here nobody was looked at, so there is nothing to tell: a preview is not counted, not billed and not "
                "remembered.",
            ),
            back="/preview",
        )
    )


def _refused(bad: BadWishError) -> RefusedPreviewError:
    return RefusedPreviewError(400, "This can not be shown", f"{bad.parameter}: expected {bad.expected}.")


def _sizes(creative: Creative, wish: Wish, filling: Filling) -> Sequence[str]:
    wanted = wish.sizes or ((filling.size,) if filling.size else creative.sizes)
    return sorted([size for size in creative.sizes if size in wanted], key=_place)


def _percent(shares: Mapping[str, float], creative: Creative) -> int | None:
    return round(100 * shares[creative.name]) if creative.name in shares else None


def _place(size: str) -> tuple[int, int]:
    """Like stands by like: flat ones first, then by height, and what has no size of its own last."""
    width, height = (10_000, 10_000) if size == FLUID else _box(size)
    return height, -width


def _box(size: str) -> tuple[int, int]:
    width, _, height = size.partition("x")
    return int(width), int(height)


def sheet_url(fields: Fields) -> str:
    """The address of a sheet, root-relative, without what is empty."""
    kept = _kept(fields)
    return f"/preview?{urlencode(kept, doseq=True)}" if kept else "/preview"


def _frame_url(fields: Fields, creative: str, size: str) -> str:
    """The same query for one banner."""
    return f"/preview/ad?{urlencode({**_kept(fields), 'creative': creative, 'size': size}, doseq=True)}"


def _kept(fields: Fields) -> dict[str, Sequence[str]]:
    said = {name: [value for value in values if value] for name, values in fields.items()}
    return {name: values for name, values in said.items() if values}
