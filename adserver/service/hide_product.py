"""Somebody does not want to see a product of an ad again, or does after all."""

from asyncio import get_running_loop
from enum import Enum

from adserver.model.hit import Hit
from adserver.service.told_ad import ReadAd, ToldAd
from adserver.storage.interfaces import CatalogReader, StoreUnavailable, VisitorStore

DEADLINE_S = 1.0
"""For so long the catalog is asked what else is the same product."""


class Hiding(Enum):
    """What became of the wish. ``DONE`` also where it had been done before. ``NOT_KNOWN``: whoever asks is not the
    visitor whose ad it was, as far as this server knows."""

    DONE = "done"
    NOT_KNOWN = "not_known"
    NO_AD = "no_ad"
    NOT_IN_IT = "not_in_it"
    NOT_NOW = "not_now"


class HideProduct:
    """It is kept in the visitor's profile, for as long as that lives, and nowhere else: nothing is counted. Only what
    the ad itself has shown can be hidden, with all sizes and colours of it, and only by the visitor whose ad it was."""

    def __init__(self, read_ad: ReadAd, visitors: VisitorStore, catalogs: CatalogReader) -> None:
        self._read_ad = read_ad
        self._visitors = visitors
        self._catalogs = catalogs

    async def __call__(self, text: str, product: str, hit: Hit, *, hide: bool = True) -> Hiding:
        """``text`` is the token of the ad's impression. With ``hide`` False it may be shown again."""
        ad = self._read_ad(text, hit.now)
        if ad is None:
            return Hiding.NO_AD
        if product not in {name for name, _ in ad.trace.products}:
            return Hiding.NOT_IN_IT
        visitor = self._read_ad.owner(ad, hit)
        if not visitor:
            return Hiding.NOT_KNOWN
        try:
            known = await self._write(ad, visitor, product, hit.now, hide=hide)
        except StoreUnavailable:
            return Hiding.NOT_NOW
        return Hiding.DONE if known else Hiding.NOT_KNOWN

    async def _write(self, ad: ToldAd, visitor: str, product: str, now: float, *, hide: bool) -> bool:
        """Whether anything is known of the visitor; nothing is written of one of whom nothing is."""
        ref = ad.advertiser.ref
        found = await self._catalogs.products(ref, [product], get_running_loop().time() + DEADLINE_S)
        group = found[product].item_group_id if product in found else ""
        if hide:
            return await self._visitors.hide(visitor, ref, product, now, group)
        await self._visitors.unhide(visitor, ref, product, group)
        return True
