"""Which products one ad shows to one visitor, and in which order."""

from collections.abc import Mapping, Sequence, Set

from adserver.decision.frequency import Frequency
from adserver.decision.index import Booking
from adserver.decision.price_drop import has_dropped
from adserver.decision.purchases import NOTHING_EXCLUDED, excluded_by
from adserver.decision.recommend import WHY, Sources
from adserver.decision.variant import Gap, Place, Places
from adserver.decision.wishes import Wishes
from adserver.model.decision import Why
from adserver.model.line_item import Recommend
from adserver.model.product import Product
from adserver.model.profile import EPOCH

# An enumeration looks its members up slowly.
_CART, _PRICE_DROP, _VIEWED, _OFTEN = Why.CART, Why.PRICE_DROP, Why.VIEWED, Why.OFTEN


class Choice:
    """The products, each with its why, first of the visitor's own. ``settled``: whatever else is in the catalog,
    nothing that the visitor looked at could take a place."""

    __slots__ = ("_places", "settled")

    def __init__(self, places: Places, *, settled: bool) -> None:
        self._places = places
        self.settled = settled

    @property
    def gaps(self) -> Sequence[Gap]:
        """Those that give way to others, if any are told."""
        return self._places.gaps()

    @property
    def room(self) -> int:
        """For so many more."""
        return self._places.room

    @property
    def places(self) -> Sequence[Place]:
        """As many as there are, at most as many as there is room for."""
        return self._places.first()

    @property
    def purchased(self) -> int:
        """So many more could be shown but for the visitor's purchases; known where there is room left."""
        return self._places.purchased

    @property
    def capped(self) -> int:
        """The same of the caps of single products."""
        return self._places.capped

    @property
    def hidden(self) -> int:
        """The same of what the visitor has hidden."""
        return self._places.hidden

    def complete(self, sources: Sources, *, fill_up: bool) -> None:
        """Give the gaps to what suits them, and with ``fill_up`` the rest of the room to what is recommended."""
        for gap in self.gaps:
            self._fill_gap(gap, sources)
        if fill_up:
            for source in sources.recommend:
                self._fill_room(source, sources)

    def _fill_gap(self, gap: Gap, sources: Sources) -> None:
        for product_id, why in sources.instead_of(gap):
            product = sources.products.get(product_id)
            if product is not None and self._places.fill_gap(gap, product, why):
                return

    def _fill_room(self, source: Recommend, sources: Sources) -> None:
        places, why = self._places, WHY[source]
        for product_id in sources.of(source) if places.room else ():
            product = sources.products.get(product_id)
            if product is not None:
                places.put(product, why)
                if not places.room:
                    return


def choose(
    booking: Booking,
    wishes: Wishes,
    frequency: Frequency,
    products: Mapping[str, Product],
    *,
    now: int,
    most: int,
    further: bool = False,
    hidden: Set[str] = frozenset(),
) -> Choice:
    """``products`` by the id asked for, as far as they are in the catalog; ``now`` in seconds since 1970; ``frequency``
    by the name of a counter; ``further``: the other products that were looked at are known as well; ``hidden``: ids and
    item groups that the visitor does not want to see.

    First what is in the cart, then what was looked at last, then what was looked at often, then what became cheaper
    since it was looked at, then the rest that was looked at, the newest first. The same inputs give the same choice,
    however the mappings are ordered.
    """
    excluded = NOTHING_EXCLUDED
    if wishes.bought:
        excluded = excluded_by(wishes.bought, products, booking.line_item.exclude_purchased.scope)
    places = Places(booking, frequency, excluded, now, most, hidden=hidden)
    settled = _place_own(places, wishes, products, now, further=further)
    return Choice(places, settled=settled)


def _place_own(places: Places, wishes: Wishes, products: Mapping[str, Product], now: int, *, further: bool) -> bool:
    """Whether nothing that follows could take a place."""
    put, cheaper = places.put, _cheaper(wishes, products, now)
    last = wishes.viewed[:1]
    for why, ids in (
        (_CART, wishes.carted),
        (_PRICE_DROP if cheaper[:1] == last else _VIEWED, last),
        (_OFTEN, wishes.often),
        (_PRICE_DROP, cheaper),
        (_VIEWED, wishes.viewed),
        (_VIEWED, wishes.others if further else ()),
    ):
        for product_id in ids:
            product = products.get(product_id)
            if product is not None and put(product, why):
                return True
    return False


def _cheaper(wishes: Wishes, products: Mapping[str, Product], now: int) -> list[str]:
    return [
        product_id
        for product_id in wishes.viewed
        if (product := products.get(product_id)) is not None
        and (len(product.history) > 1 or product.sale_price is not None)
        and has_dropped(product, wishes.viewed_at[product_id] + EPOCH, now)
    ]
