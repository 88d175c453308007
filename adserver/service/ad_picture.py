"""A picture stands for an ad: in a mail, or in a slot without JavaScript. Its link is tied to it by the visitor and a
cachebuster, as neither can hold a token of the other."""

from base64 import urlsafe_b64encode
from contextlib import suppress
from dataclasses import replace
from hashlib import blake2b
from typing import NamedTuple

from adserver.collect.mail_proxy import READER, is_mail_proxy
from adserver.creative.raster.banner_picture import Kind
from adserver.model.decision import NoAd
from adserver.model.hit import Hit
from adserver.model.reason import NoAdReason, TokenReason
from adserver.service.draw_ad import DrawAd, Drawn
from adserver.service.record_token import Asker, RecordImpression
from adserver.service.render_ad import AdData
from adserver.service.serve_ad import AdRequest, ServeAd
from adserver.service.take_back_ad import TakeBackAd
from adserver.storage.interfaces import StoreUnavailable, Tied, TieStore
from adserver.tracking.token import TokenKind, Tokens

__all__ = ["ClickPicture", "Kind", "PictureRequest", "Pictured", "ServePicture"]

_NOBODY_SAW_IT = {TokenReason.PREFETCH, TokenReason.BOT}

_DECISION_BYTES = 12
"""Of the id of a decision: 16 characters, as all others have."""


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
        take_back: TakeBackAd,
        ties: TieStore,
        tokens: Tokens,
        base_url: str,
    ) -> None:
        self._serve_ad = serve_ad
        self._draw_ad = draw_ad
        self._record_impression = record_impression
        self._take_back = take_back
        self._ties = ties
        self._tokens = tokens
        self._media = f"{base_url}/media/"
        self.refuse = serve_ad.refuse

    async def __call__(self, request: PictureRequest) -> Pictured | NoAdReason | None:
        """The picture, or why there is no ad; None where there is an ad that can not be drawn now."""
        hit = _reader(request.hit)
        if request.cross_site and self._serve_ad.is_elsewhere(request.placement, hit):
            # A page can tell whether a picture loads, and so whether its reader has been in some shop.
            hit = hit._replace(claims=())
        (data,) = await self._serve_ad.data(AdRequest(hit, [request.placement]))
        if isinstance(data, NoAd):
            return data.reason
        try:
            drawn = await self._tied_drawing(request, hit, data)
        except BaseException:
            await self._take_back(data.impression_token)
            raise
        if not isinstance(drawn, Drawn):
            await self._take_back(data.impression_token)
            return drawn
        asker = Asker(hit.prefetch, hit.user_agent)
        reason = await self._record_impression(data.impression_token, hit.now, asker, alone=True)
        if reason in _NOBODY_SAW_IT:
            await self._take_back(data.impression_token)
        return Pictured(self._media + drawn.name, drawn.body, reason)

    async def _tied_drawing(self, request: PictureRequest, hit: Hit, data: AdData) -> Drawn | NoAdReason | None:
        """What can be shown, with a link that leads somewhere: else it is not to be paid."""
        drawn = self._draw_ad.known(data, request.kind, request.density, hit.now)
        if drawn is None:
            drawn = await self._draw_ad(data, request.kind, request.density, hit.now)
        if not drawn.name:
            return None
        try:
            await self._tie(request, hit, data)
        except StoreUnavailable:
            return NoAdReason.STORE_UNAVAILABLE
        return drawn

    async def _tie(self, request: PictureRequest, hit: Hit, data: AdData) -> None:
        """Strangers are tied to what is the same for all who were shown the same: that is kept once."""
        visitor = self._serve_ad.visitor_of(hit)
        click = data.click_url.rpartition("/")[2]
        if not visitor:
            token = self._tokens.read(click, TokenKind.CLICK)
            click = self._tokens.mint(replace(token, decision="", expires=0)) if token else ""
        await self._ties.tie(visitor, request.placement, request.cachebuster, click, hit.now)


class ClickPicture:
    """Finds where a click on a picture goes. ``click_ttl_s``: for how long clicks count."""

    def __init__(self, serve_ad: ServeAd, *, ties: TieStore, tokens: Tokens, base_url: str, click_ttl_s: int) -> None:
        self._visitor_of = serve_ad.visitor_of
        self._ties = ties
        self._tokens = tokens
        self._clicks = f"{base_url}/c/"
        self._click_ttl_s = click_ttl_s

    async def __call__(self, hit: Hit, placement: str, cachebuster: str) -> str:
        """The URL; empty where none is known. Somebody who clicks with a cookie may have got the picture through a
        proxy, without one."""
        visitor = self._visitor_of(hit)
        with suppress(StoreUnavailable):
            found = await self._ties.tied(visitor, placement, cachebuster, hit.now) if visitor else None
            if found is not None:
                return self._clicks + found.click
            found = await self._ties.tied("", placement, cachebuster, hit.now)
            return self._of_stranger(found, placement, cachebuster) if found is not None else ""
        return ""

    def _of_stranger(self, tied: Tied, placement: str, cachebuster: str) -> str:
        """Its decision gets its id only now: the same for each click on the same picture, so that one is counted."""
        token = self._tokens.read(tied.click, TokenKind.CLICK)
        if token is None:
            return ""
        told = f"{placement}\n{cachebuster}\n{tied.at}\n{tied.click}".encode("utf-8", "replace")
        decision = urlsafe_b64encode(blake2b(told, digest_size=_DECISION_BYTES).digest()).decode()
        return self._clicks + self._tokens.mint(replace(token, decision=decision, expires=tied.at + self._click_ttl_s))


def _reader(hit: Hit) -> Hit:
    """Behind a proxy of a mail provider sits a person, of whom no more is known: neither the program nor the place."""
    return hit._replace(user_agent=READER, address="") if is_mail_proxy(hit.user_agent) else hit
