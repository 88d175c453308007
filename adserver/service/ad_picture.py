"""A picture stands for an ad: in a mail, or in a slot without JavaScript. Its link is tied to it by the visitor and a
cachebuster, as neither can hold a token of the other."""

from contextlib import suppress
from typing import NamedTuple

from adserver.collect.mail_proxy import reader_behind
from adserver.creative.raster.banner_picture import Kind
from adserver.model.decision import NoAd
from adserver.model.hit import Hit
from adserver.model.reason import NoAdReason, TokenReason
from adserver.service.draw_ad import DrawAd
from adserver.service.record_token import Asker, RecordImpression
from adserver.service.serve_ad import AdRequest, ServeAd
from adserver.storage.interfaces import StoreUnavailable, TieStore

__all__ = ["Kind", "PictureRequest", "Pictured", "ServePicture"]


class PictureRequest(NamedTuple):
    """``cachebuster``: what the picture and its link have in common. ``density``: 1 or 2 pixels per CSS pixel.
    ``cross_site``: the browser says that a page of another site has asked."""

    hit: Hit
    placement: str
    cachebuster: str
    kind: Kind
    density: int = 1
    cross_site: bool = False


class Pictured(NamedTuple):
    """Where the picture is; ``body`` is the picture itself where it could not be kept. ``reason`` is None when its
    impression was counted."""

    url: str
    body: bytes
    reason: TokenReason | None


class ServePicture:
    """Decides as for any other slot. The impression is counted when the picture is answered: whoever loads it shows it,
    and tells nothing more. ``base_url`` goes before the path of a picture."""

    def __init__(
        self,
        serve_ad: ServeAd,
        draw_ad: DrawAd,
        *,
        record_impression: RecordImpression,
        ties: TieStore,
        base_url: str,
    ) -> None:
        self._serve_ad = serve_ad
        self._draw_ad = draw_ad
        self._record_impression = record_impression
        self._ties = ties
        self._media = f"{base_url}/media/"
        self.refuse = serve_ad.refuse

    async def __call__(self, request: PictureRequest) -> Pictured | NoAdReason | None:
        """The picture, or why there is no ad; None where there is an ad that can not be drawn now."""
        hit = request.hit._replace(user_agent=reader_behind(request.hit.user_agent))
        if request.cross_site and self._serve_ad.is_elsewhere(request.placement, hit):
            # A page can tell whether a picture loads, and so whether its reader has been in some shop.
            hit = hit._replace(claims=())
        (data,) = await self._serve_ad.data(AdRequest(hit, [request.placement]))
        if isinstance(data, NoAd):
            return data.reason
        drawn = self._draw_ad.known(data, request.kind, request.density, hit.now)
        if drawn is None:
            drawn = await self._draw_ad(data, request.kind, request.density, hit.now)
        if not drawn.name:
            return None
        visitor = self._serve_ad.visitor_of(hit)
        try:
            await self._ties.tie(visitor, request.placement, request.cachebuster, data.click_url)
        except StoreUnavailable:  # an ad whose link leads nowhere is not to be paid
            return NoAdReason.STORE_UNAVAILABLE
        asker = Asker(hit.prefetch, hit.user_agent)
        reason = await self._record_impression(data.impression_token, hit.now, asker)
        return Pictured(self._media + drawn.name, drawn.body, reason)

    async def click_url(self, hit: Hit, placement: str, cachebuster: str) -> str:
        """Where a click on that picture goes; empty where none is known. Somebody who clicks with a cookie may have got
        the picture through a proxy, without one."""
        visitor = self._serve_ad.visitor_of(hit)
        with suppress(StoreUnavailable):
            found = await self._ties.tied(visitor, placement, cachebuster) if visitor else ""
            return found or await self._ties.tied("", placement, cachebuster)
        return ""
