"""A line item gets its products: they are looked up, and those that suit the visitor take their places."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

from adserver.audience.interest import newest_interest
from adserver.creative.creative import Creative
from adserver.decision.choose import Choice, choose
from adserver.decision.frequency import Frequency
from adserver.decision.index import Booking, PlacementEntry
from adserver.decision.offer import due_offer
from adserver.decision.recommend import FEW, MANY, Sources, Told, asked_of
from adserver.decision.viewer import Viewer
from adserver.decision.wishes import NO_WISHES, Wishes, wishes_of
from adserver.model.decision import Why
from adserver.model.line_item import Offer, Recommend
from adserver.model.product import Product
from adserver.model.profile import EPOCH, Shopping
from adserver.model.reason import LineItemReason
from adserver.model.related import Kind
from adserver.storage.interfaces import CatalogReader, RelatedReader

_BEST = (Recommend.BEST_SELLERS,)
_NO_SHOPPING = Shopping()
_NO_PRODUCT = LineItemReason.NO_PRODUCT  # an enumeration looks its members up slowly
_NO_FREQUENCY: Frequency = {}
_NONE_HIDDEN: Set[str] = frozenset()


class Filled(NamedTuple):
    """The products in their order, each with its ``why``, and the offer that stands beside them."""

    products: tuple[Product, ...]
    why: tuple[Why, ...]
    offer: Offer | None = None


class FillAd:
    """Asks the catalog once where nothing is missing, and what recommendations are made of only for the room that the
    visitor's own products leave. Raises StoreUnavailable, and StoreTimeout past the deadline (loop time)."""

    def __init__(self, catalogs: CatalogReader, related: RelatedReader, creatives: Mapping[str, Creative]) -> None:
        self._catalogs = catalogs
        self._related = related
        self._creatives = creatives

    async def fill(
        self, entry: PlacementEntry, booking: Booking, design: str, viewer: Viewer, deadline: float
    ) -> Filled | LineItemReason:
        """What ``booking`` shows ``viewer`` in ``design``, or why it can not be shown."""
        line_item, profile = booking.line_item, viewer.profile
        shopping = profile.shopping.get(booking.advertiser.ref, _NO_SHOPPING)
        now = viewer.now - EPOCH
        wishes = wishes_of(shopping, line_item.exclude_purchased.days, now)
        hidden = profile.hidden.get(booking.advertiser.ref, _NONE_HIDDEN)
        turn = _Turn(booking, wishes, profile.frequency, viewer.now, self._most(entry, design), deadline, hidden)
        choice = await self._choose(turn, line_item.recommend)
        offer = due_offer(line_item, profile.frequency, newest_interest(shopping), now) if line_item.offer else None
        filled = self._filled(choice, design, offer)
        if filled is _NO_PRODUCT and not (wishes.viewed or wishes.carted):
            return LineItemReason.NO_HISTORY  # has been in the shop, but looks at nothing any more
        return filled

    async def best_sellers(
        self,
        entry: PlacementEntry,
        booking: Booking,
        design: str,
        now: int,
        deadline: float,
        *,
        hidden: Set[str] = _NONE_HIDDEN,
    ) -> Filled | LineItemReason:
        """The same at ``now`` (seconds since 1970) for somebody nothing is known of, but perhaps what of that shop is
        ``hidden``: what is bought most, or as long as nothing was bought, what is looked at most."""
        ref, related = booking.advertiser.ref, self._related
        best = await related.best_sellers(ref, deadline) or await related.most_viewed(ref, deadline)
        turn = _Turn(booking, NO_WISHES, _NO_FREQUENCY, now, self._most(entry, design), deadline, hidden)
        choice = turn.choose({})
        await self._complete(turn, choice, {}, Told(best=best), _BEST, fill_up=True)
        offer = due_offer(booking.line_item, _NO_FREQUENCY, 0, now - EPOCH)
        return self._filled(choice, design, offer)

    def _most(self, entry: PlacementEntry, design: str) -> int:
        return self._creatives[design].max_products(entry.placement.size)

    def _filled(self, choice: Choice, design: str, offer: Offer | None) -> Filled | LineItemReason:
        places = choice.places
        missing = max(1, self._creatives[design].min_products) - len(places)
        if missing <= 0:
            products, why = zip(*places, strict=True)
            return Filled(products, why, offer)
        if choice.purchased >= missing:
            return LineItemReason.PURCHASED
        if choice.hidden >= missing:
            return LineItemReason.HIDDEN
        return LineItemReason.PRODUCT_CAP if choice.capped >= missing else LineItemReason.NO_PRODUCT

    async def _choose(self, turn: "_Turn", recommend: Sequence[Recommend]) -> Choice:
        """Mostly the first products will do; the others are read where they do not."""
        ref, wishes = turn.booking.advertiser.ref, turn.wishes
        first = wishes.first
        products = await self._catalogs.products(ref, first, turn.deadline) if first else {}
        choice = turn.choose(products)
        if not choice.settled and (others := wishes.others):
            products = {**products, **await self._catalogs.products(ref, others, turn.deadline)}
            choice = turn.choose(products, further=True)
        has_room = turn.booking.line_item.fill_up and choice.room > 0
        if recommend and (has_room or choice.gaps):
            told = await self._told(turn, choice, recommend, room=has_room)
            await self._complete(turn, choice, products, told, recommend, fill_up=has_room)
        return choice

    async def _complete(
        self,
        turn: "_Turn",
        choice: Choice,
        products: Mapping[str, Product],
        told: Told,
        recommend: Sequence[Recommend],
        *,
        fill_up: bool,
    ) -> None:
        is_picky = turn.booking.product_set is not None or Recommend.UPSELL in recommend
        ids = told.ids(MANY if is_picky else FEW)
        if ids:
            products = {**products, **await self._catalogs.products(turn.booking.advertiser.ref, ids, turn.deadline)}
            sources = Sources(told, turn.wishes, recommend, products, now=turn.now)
            choice.complete(sources, fill_up=fill_up)

    async def _told(self, turn: "_Turn", choice: Choice, recommend: Sequence[Recommend], *, room: bool) -> Told:
        asked = asked_of(recommend, turn.wishes, choice.gaps, room=room)
        ref, related = turn.booking.advertiser.ref, self._related
        bought = await related.related(ref, asked.bought, Kind.BOUGHT, turn.deadline) if asked.bought else {}
        viewed = await related.related(ref, asked.viewed, Kind.VIEWED, turn.deadline) if asked.viewed else {}
        best = await related.best_sellers(ref, turn.deadline) if asked.best else ()
        return Told(bought, viewed, best)


@dataclass(slots=True)
class _Turn:
    """What stays the same while products are looked for."""

    booking: Booking
    wishes: Wishes
    frequency: Frequency
    now: int
    most: int
    deadline: float
    hidden: Set[str]

    def choose(self, products: Mapping[str, Product], *, further: bool = False) -> Choice:
        return choose(
            self.booking,
            self.wishes,
            self.frequency,
            products,
            now=self.now,
            most=self.most,
            further=further,
            hidden=self.hidden,
        )
