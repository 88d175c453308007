"""Somebody asks why an ad was shown: what its token remembers, and what is known of who asks."""

from asyncio import get_running_loop
from typing import NamedTuple

from adserver.creative.why_page import Browser, Seen, ShownProduct, WhyAd, why_page
from adserver.model.account import Accounts
from adserver.model.cap import Level
from adserver.model.consent import Verdict, judge
from adserver.model.decision import Why
from adserver.model.hit import Hit
from adserver.model.line_item import LineItem
from adserver.model.product import Product
from adserver.model.profile import EPOCH, Profile, Shopping, counter_of
from adserver.service.live import Live
from adserver.storage.interfaces import CatalogReader, StoreUnavailable, VisitorStore
from adserver.tracking.token import Token, TokenKind, Tokens
from adserver.tracking.trace import Trace, read_trace
from adserver.tracking.visitor import VisitorCookies

DEADLINE_S = 1.0

_NOBODY = Profile()


class _Shown(NamedTuple):
    """An ad, as its token tells; ``decided_at`` in seconds since EPOCH."""

    token: Token
    trace: Trace
    decided_at: int


class ExplainToVisitor:
    """Tokens of impressions answer it, for as long as the clicks of their ads land (``told_for_s`` seconds from the
    decision, which was ``impression_s`` before they expire)."""

    def __init__(
        self,
        live: Live,
        *,
        tokens: Tokens,
        visitors: VisitorStore,
        catalogs: CatalogReader,
        cookies: VisitorCookies,
        impression_s: int,
        told_for_s: int,
    ) -> None:
        self._live = live
        self._tokens = tokens
        self._visitors = visitors
        self._catalogs = catalogs
        self._cookies = cookies
        self._impression_s = impression_s
        self._told_for_s = told_for_s

    async def __call__(self, text: str, hit: Hit) -> bytes | None:
        """The page; None for a token that is not ours or too old, or whose advertiser is gone."""
        token = self._tokens.read(text, TokenKind.IMPRESSION)
        snapshot = self._live.snapshot
        if token is None or snapshot is None or token.advertiser not in snapshot.accounts.advertisers:
            return None
        decided_at = token.expires - self._impression_s
        if not decided_at <= hit.now + 60 or hit.now > decided_at + self._told_for_s:
            return None
        try:
            trace = read_trace(token.trace)
        except ValueError:
            return None
        deadline = get_running_loop().time() + DEADLINE_S
        shown = _Shown(token, trace, decided_at - EPOCH)
        profile = await self._profile(hit, deadline)
        return why_page(await self._why(shown, snapshot.accounts, profile, deadline))

    async def _profile(self, hit: Hit, deadline: float) -> Profile | Browser:
        """What is known of the browser that asks, or why nothing is; read only where it does not object."""
        if judge(hit.signals).verdict is Verdict.REFUSED:
            return Browser.OBJECTS
        visitor = self._cookies.visitor_of(hit.claims)
        try:
            profile = await self._visitors.read_visitor(visitor, int(hit.now), deadline) if visitor else _NOBODY
        except StoreUnavailable:
            return Browser.NOT_READ
        return Browser.NOT_KNOWN if profile == _NOBODY else profile

    async def _why(self, shown: "_Shown", accounts: Accounts, read: Profile | Browser, deadline: float) -> WhyAd:
        token, trace, decided_at = shown
        profile, browser = (_NOBODY, read) if isinstance(read, Browser) else (read, Browser.KNOWN)
        advertiser = accounts.advertisers[token.advertiser]
        try:
            products = await self._catalogs.products(advertiser.ref, [name for name, _ in trace.products], deadline)
        except StoreUnavailable:
            products = {}
        shopping = profile.shopping.get(advertiser.ref, Shopping())
        line_item = accounts.line_items.get(token.line_item)
        return WhyAd(
            advertiser=advertiser.name,
            decided_at=decided_at,
            products=[_product(name, why, products.get(name), shopping) for name, why in trace.products],
            browser=browser,
            seen=_seen(line_item, profile) if line_item else (),
            consent=profile.receipt,
            passed=trace.passed,
            by_list=bool(line_item and line_item.include_lists),
            by_place=bool(line_item and line_item.geo),
        )


def _product(name: str, why: Why, product: Product | None, shopping: Shopping) -> ShownProduct:
    names = (name, product.item_group_id) if product and product.item_group_id else (name,)
    times = shopping.carted if why is Why.CART else shopping.viewed
    return ShownProduct(product.title if product else name, why, max((times.get(one, 0) for one in names), default=0))


def _seen(line_item: LineItem, profile: Profile) -> list[Seen]:
    windows = profile.frequency.get(counter_of(Level.LINE_ITEM, line_item.ref), ())
    limits = {cap.window_s: cap.limit for cap in line_item.caps if cap.per is Level.LINE_ITEM}
    return [Seen(w.count, limits[w.window_s], w.window_s) for w in windows if w.window_s in limits]
