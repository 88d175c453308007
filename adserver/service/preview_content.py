"""What a preview is filled with: odd content, products of a shop, or what somebody would get. Nothing is counted."""

from asyncio import get_running_loop
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from adserver.creative.samples import SAMPLES, Sample
from adserver.decision.explain import Explained
from adserver.model.access import Scope, ScopeKind
from adserver.model.account import Accounts, Advertiser, Campaign, Placement
from adserver.model.consent import Signals
from adserver.model.decision import HOUSE_CREATIVE, Decision, Why
from adserver.model.hit import Hit
from adserver.model.line_item import LineItem
from adserver.model.product import Availability, Product
from adserver.model.profile import EPOCH, Profile, Shopping
from adserver.model.segment import Rung
from adserver.service.explain_ad import ExplainAd
from adserver.service.explanation import Explanation, NotExplained
from adserver.service.live import Live
from adserver.service.preview_wish import DEFAULT_SAMPLE, MAX_PRODUCTS, THIS_BROWSER, BadWishError, Wish
from adserver.storage.interfaces import CatalogReader

DEADLINE_S = 2.0
SOME = 6
"""Products where nobody says how many: the most that a design shows."""

PREVIEW = "preview"
"""The id of what is made up: a decision, a line item."""

_RUNG_WHY: Mapping[str, Why] = {Rung.CART_ABANDONER: Why.CART, Rung.PRODUCT_VIEWER: Why.VIEWED}
_RUNGS = frozenset(Rung)
_GRANTED = Signals(declared="1")


class RefusedPreviewError(Exception):
    """Nothing to look at: an HTTP status, and why in words that name what may be named."""

    def __init__(self, status: int, title: str, *lines: str) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.lines = lines


class Shelves(CatalogReader, Protocol):
    """Catalogs of which one need not know an id to see something."""

    async def some_ids(self, ref: int, count: int, deadline: float | None = None) -> Sequence[str]:
        """About ``count`` ids of the current catalog of ``ref``, the same ones each time; fewer where it has fewer."""


class Filling(NamedTuple):
    """Either of ``sample`` and ``decision`` is there, or neither: nothing would be shown. ``told`` is said of it, in
    sentences; ``reasons`` of every line item. ``designs`` with the share of ads that each gets, and ``size``: those
    that were decided for, empty where all will do."""

    sample: Sample | None = None
    decision: Decision | None = None
    told: Sequence[str] = ()
    reasons: Sequence[Explained] = ()
    designs: Sequence[tuple[str, float]] = ()
    size: str = ""


class PreviewContent:
    """``explain`` decides without dice, so that a sheet and its frames show the same."""

    def __init__(self, live: Live, catalogs: Shelves, explain: ExplainAd) -> None:
        self._live = live
        self._catalogs = catalogs
        self._explain = explain

    async def __call__(self, wish: Wish, scope: Scope, hit: Hit) -> Filling:
        """Raises ``BadWishError``, ``RefusedPreviewError`` and StoreUnavailable."""
        accounts = self._live.snapshot.accounts if self._live.snapshot else Accounts()
        if wish.placement:
            return await self._of_placement(accounts, wish, scope, hit)
        if wish.advertiser:
            advertiser = advertiser_of(accounts, wish, scope)
            return await self._of_products(accounts, advertiser, wish)
        sample = SAMPLES[wish.sample or DEFAULT_SAMPLE]
        return Filling(sample=sample, told=[f"Made-up content: {sample.about}."])

    async def _of_products(self, accounts: Accounts, advertiser: Advertiser, wish: Wish) -> Filling:
        products = await self._products(advertiser, wish)
        why = _made_up_why(accounts, advertiser, wish.segment)
        decision = Decision(
            id=PREVIEW,
            placement=Placement(id=PREVIEW, publisher=PREVIEW, size=""),
            line_item=LineItem(id=PREVIEW, campaign=PREVIEW, creative=""),
            campaign=Campaign(id=PREVIEW, advertiser=advertiser.id),
            advertiser=advertiser,
            products=products,
            why=(why,) * len(products),
        )
        somebody = f" Somebody in {wish.segment} would have seen them like this." if wish.segment else ""
        return Filling(decision=decision, told=[f"Products of the catalog of {advertiser.id}.{somebody}"])

    async def _products(self, advertiser: Advertiser, wish: Wish) -> tuple[Product, ...]:
        deadline = get_running_loop().time() + DEADLINE_S
        if wish.products:
            found = await self._catalogs.products(advertiser.ref, wish.products, deadline)
            for number, product in enumerate(wish.products, 1):
                if product not in found:
                    raise BadWishError(
                        "product", f"ids of the catalog of {advertiser.id}; number {number} is not there"
                    )
            return tuple(found.values())
        count = wish.how_many or SOME
        ids = await self._catalogs.some_ids(advertiser.ref, 10 * MAX_PRODUCTS, deadline)
        found = await self._catalogs.products(advertiser.ref, ids, deadline)
        there = sorted(found.values(), key=lambda product: product.availability is not Availability.IN_STOCK)
        if not there:
            raise RefusedPreviewError(
                404, "No products", f"The catalog of {advertiser.id} is empty: import its feed first."
            )
        return tuple(there[:count])

    async def _of_placement(self, accounts: Accounts, wish: Wish, scope: Scope, hit: Hit) -> Filling:
        placement = placement_of(accounts, wish, scope)
        visitor, profile, segment = "", None, ""
        now = Hit(hit.now)
        if wish.visitor:
            _only_operators(scope, "visitor")
            visitor = "" if wish.visitor == THIS_BROWSER else wish.visitor
            now = now if visitor else hit._replace(fields={})
        elif wish.segment:
            advertiser = advertiser_of(accounts, wish, scope)
            _made_up_why(accounts, advertiser, wish.segment)  # refuses a segment of somebody else
            profile = _made_up_profile(advertiser, wish, await self._products(advertiser, wish), hit.now)
            segment, now = wish.segment, now._replace(signals=_GRANTED)
        found = await self._explain(placement.id, now, visitor, made_up=profile, segment=segment)
        if isinstance(found, NotExplained):
            raise RefusedPreviewError(503, "Not now", f"{found.value[0].upper()}{found.value[1:]}.")
        return _decided(accounts, placement, found, _who(wish))


def advertiser_of(accounts: Accounts, wish: Wish, scope: Scope) -> Advertiser:
    """The advertiser wished for; one that is not there is told to operators only."""
    if not scope.covers(ScopeKind.ADVERTISER, wish.advertiser):
        raise RefusedPreviewError(403, "Not yours", "advertiser: a key of this advertiser is needed, or an operator's.")
    found = accounts.advertisers.get(wish.advertiser)
    if found is None:
        raise BadWishError("advertiser", "the id of an advertiser; there is no such one")
    return found


def placement_of(accounts: Accounts, wish: Wish, scope: Scope) -> Placement:
    """The same of a placement."""
    found = accounts.placements.get(wish.placement)
    if not scope.covers(ScopeKind.PUBLISHER, found.publisher if found else ""):
        raise RefusedPreviewError(
            403, "Not yours", "placement: a key of this placement's publisher is needed, or an operator's."
        )
    if found is None:
        raise BadWishError("placement", "the id of a placement; there is no such one")
    return found


def _only_operators(scope: Scope, parameter: str) -> None:
    if scope.kind is not ScopeKind.OPERATOR:
        raise RefusedPreviewError(403, "Not yours", f"{parameter}: only an operator's key may name one.")


def _made_up_why(accounts: Accounts, advertiser: Advertiser, segment: str) -> Why:
    """Why somebody of that segment is shown a product."""
    own = accounts.segments.get(segment)
    if segment and segment not in _RUNGS and (own is None or own.advertiser != advertiser.id):
        raise BadWishError("segment", f"one of {', '.join(Rung)}, or the id of a segment of {advertiser.id}")
    return _RUNG_WHY.get(segment, Why.BEST_SELLER if segment in (Rung.VISITOR, Rung.PAST_BUYER) else Why.VIEWED)


def _made_up_profile(advertiser: Advertiser, wish: Wish, products: Sequence[Product], now: float) -> Profile:
    """Of somebody who has done within the last hour what puts one on that rung."""
    hour_ago = int(now) - EPOCH - 3_600
    times = {product.id: hour_ago + 60 * place for place, product in enumerate(reversed(products))}
    match wish.segment:
        case Rung.VISITOR:
            shopping = Shopping(visited_at=hour_ago)
        case Rung.CART_ABANDONER:
            shopping = Shopping(viewed=times, carted=times)
        case Rung.PAST_BUYER:
            first = next(iter(times))
            shopping = Shopping(viewed=times, bought={first: times[first]})
        case _:
            shopping = Shopping(viewed=times)
    return Profile(shopping={advertiser.ref: shopping})


def _who(wish: Wish) -> str:
    if wish.visitor == THIS_BROWSER:
        return "This browser"
    if wish.visitor:
        return "This visitor"
    return f"Somebody in {wish.segment} of {wish.advertiser}" if wish.segment else "Somebody unknown"


def _decided(accounts: Accounts, placement: Placement, found: Explanation, who: str) -> Filling:
    told = [f"{who} in {placement.id} ({placement.size}):"]
    if found.reason is not None:
        told.append(f"Nothing personal is shown: {found.reason.label}.")
    told += [f"Hidden by the visitor at {shop}: {', '.join(names)}." for shop, names in found.hidden.items()]
    line_item_id = found.line_item or next(iter(found.instead), "")
    if not line_item_id:
        told.append("The publisher's passback is shown.")
        return Filling(told=told, reasons=found.told, size=placement.size)
    line_item = accounts.line_items.get(line_item_id)
    campaign = accounts.campaigns.get(line_item.campaign) if line_item else None
    if line_item is None or campaign is None:
        raise RefusedPreviewError(503, "Not now", "The accounts have just changed. Look again.")
    told.append(_chosen(found))
    designs = found.designs if found.line_item else ((HOUSE_CREATIVE, 1.0),)
    decision = Decision(
        id=PREVIEW,
        placement=placement,
        line_item=line_item,
        campaign=campaign,
        advertiser=accounts.advertisers[campaign.advertiser],
        products=tuple([shown.product for shown in found.products]),
        instead_of=None if found.line_item else found.reason,
        why=tuple([shown.why for shown in found.products]),
        offer=found.offer,
    )
    return Filling(decision=decision, told=told, reasons=found.told, designs=designs, size=placement.size)


def _chosen(found: Explanation) -> str:
    if not found.line_item:
        turns = f" (in turn: {', '.join(found.instead)})" if len(found.instead) > 1 else ""
        return f"The house ad of {found.instead[0]} is shown{turns}."
    products = ", ".join(f"{shown.product.id} ({shown.why.value.replace('_', ' ')})" for shown in found.products)
    held = " It is held back, for the control group." if found.ghost else ""
    return f"{found.line_item} is shown, with {products}.{held}"


def decided_in(decision: Decision, creative: str, size: str, count: int) -> Decision:
    """The same decision, had it been made for another design and size, with room for ``count`` products."""
    return decision._replace(
        creative=creative,
        placement=replace(decision.placement, size=size),
        products=decision.products[:count],
        why=decision.why[:count],
    )
