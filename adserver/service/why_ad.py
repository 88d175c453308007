"""Somebody asks why an ad was shown: what its token remembers, and what is known of who asks."""

from asyncio import get_running_loop
from collections.abc import Set

from adserver.creative.why_page import Browser, Seen, ShownProduct, WhyAd, why_page
from adserver.model.cap import Level
from adserver.model.consent import Verdict, judge
from adserver.model.decision import Why
from adserver.model.hit import Hit
from adserver.model.line_item import LineItem
from adserver.model.product import Product
from adserver.model.profile import Profile, Shopping, counter_of
from adserver.service.told_ad import ReadAd, ToldAd
from adserver.storage.interfaces import CatalogReader, StoreUnavailable, VisitorStore

DEADLINE_S = 1.0

_NOBODY = Profile()


class ExplainToVisitor:
    """Tokens of impressions answer it, for as long as ``read_ad`` knows them."""

    def __init__(self, read_ad: ReadAd, visitors: VisitorStore, catalogs: CatalogReader) -> None:
        self._read_ad = read_ad
        self._visitors = visitors
        self._catalogs = catalogs

    async def __call__(self, text: str, hit: Hit, language: str = "en") -> bytes | None:
        """The page in one of the pages' languages; None for a token that is not ours or too old, or whose advertiser is
        gone."""
        ad = self._read_ad(text, hit.now)
        if ad is None:
            return None
        deadline = get_running_loop().time() + DEADLINE_S
        owner = self._read_ad.owner(ad, hit)
        profile = await self._profile(owner or self._read_ad.asker(hit), hit, deadline)
        hidden = profile.hidden.get(ad.advertiser.ref, frozenset()) if owner and isinstance(profile, Profile) else None
        return why_page(await self._why(ad, profile, hidden, deadline), language)

    async def _profile(self, visitor: str, hit: Hit, deadline: float) -> Profile | Browser:
        """What is known of the browser that asks, or why nothing is; read only where it does not object."""
        if judge(hit.signals).verdict is Verdict.REFUSED:
            return Browser.OBJECTS
        try:
            profile = await self._visitors.read_visitor(visitor, int(hit.now), deadline) if visitor else _NOBODY
        except StoreUnavailable:
            return Browser.NOT_READ
        return Browser.NOT_KNOWN if profile == _NOBODY else profile

    async def _why(self, ad: ToldAd, read: Profile | Browser, hidden: Set[str] | None, deadline: float) -> WhyAd:
        """``hidden``: what of the advertiser's products is, for who asks; None where the ad was not for that one."""
        profile, browser = (_NOBODY, read) if isinstance(read, Browser) else (read, Browser.KNOWN)
        names = [name for name, _ in ad.trace.products]
        try:
            products = await self._catalogs.products(ad.advertiser.ref, names, deadline)
        except StoreUnavailable:
            products = {}
        shopping = profile.shopping.get(ad.advertiser.ref, Shopping())
        line_item = ad.accounts.line_items.get(ad.token.line_item)
        return WhyAd(
            advertiser=ad.advertiser.name,
            decided_at=ad.decided_at,
            products=[
                _product(name, why, products.get(name), shopping, hidden or frozenset())
                for name, why in ad.trace.products
            ],
            browser=browser,
            seen=_seen(line_item, profile) if line_item else (),
            consent=profile.receipt,
            passed=ad.trace.passed,
            by_list=bool(line_item and line_item.include_lists),
            by_place=bool(line_item and line_item.geo),
            can_hide=hidden is not None,
        )


def _product(name: str, why: Why, product: Product | None, shopping: Shopping, hidden: Set[str]) -> ShownProduct:
    names = (name, product.item_group_id) if product and product.item_group_id else (name,)
    times = shopping.carted if why is Why.CART else shopping.viewed
    at = max((times.get(one, 0) for one in names), default=0)
    return ShownProduct(product.title if product else name, why, at, name, not hidden.isdisjoint(names))


def _seen(line_item: LineItem, profile: Profile) -> list[Seen]:
    windows = profile.frequency.get(counter_of(Level.LINE_ITEM, line_item.ref), ())
    limits = {cap.window_s: cap.limit for cap in line_item.caps if cap.per is Level.LINE_ITEM}
    return [Seen(w.count, limits[w.window_s], w.window_s) for w in windows if w.window_s in limits]
