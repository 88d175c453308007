"""Sizes and colours of one thing, in the feed a product each, are one product to a visitor: an item group."""

from collections.abc import Set
from dataclasses import dataclass

from adserver.decision.frequency import Frequency
from adserver.decision.index import Booking
from adserver.decision.product_counts import shown_to
from adserver.decision.purchases import Excluded
from adserver.decision.showable import showable
from adserver.model.decision import Why
from adserver.model.line_item import Recommend
from adserver.model.product import Product
from adserver.model.product_set import category_path
from adserver.model.profile import EPOCH

_CROSS = (Recommend.BOUGHT_TOGETHER, Recommend.UPSELL)


@dataclass(frozen=True, slots=True)
class Gap:
    """A place whose ``product`` gives way to another one: it was ``bought``, or else tires the visitor."""

    product: Product
    why: Why
    bought: bool


Place = tuple[Product, Why]


class Places:
    """The places of a banner, one for each item group, best first; a group's rank is that of the first product of it.

    Where that one can not be shown, another size may take the place.
    """

    __slots__ = (
        "_banned",
        "_crosses",
        "_domains",
        "_groups",
        "_hidden",
        "_most",
        "_now",
        "_set",
        "_shown",
        "_taken",
        "_unbound",
        "_waiting",
        "capped",
        "hidden",
        "purchased",
    )

    def __init__(
        self,
        booking: Booking,
        frequency: Frequency,
        excluded: Excluded,
        now: int,
        most: int,
        *,
        hidden: Set[str] = frozenset(),
    ) -> None:
        """``now`` in seconds since 1970; ``most`` products have room. ``hidden`` by the visitor: ids and groups."""
        self._domains = booking.advertiser.domains
        self._set = booking.product_set
        self._banned = excluded if excluded.groups else None
        self._shown = shown_to(booking, frequency, now - EPOCH)
        self._hidden = hidden
        self._unbound = self._banned is None and self._shown is None and not hidden
        recommend = booking.line_item.recommend
        self._crosses = _CROSS[0] in recommend or _CROSS[1] in recommend
        self._now = now
        self._most = most
        self._groups: dict[str, Place | Gap | Why | None] = {}  # Why alone: nothing of it can be shown so far
        self._taken = 0
        self._waiting = 0
        self.purchased = 0
        self.capped = 0
        self.hidden = 0

    @property
    def room(self) -> int:
        """So many more products are wanted."""
        return max(0, self._most - self._taken)

    def put(self, product: Product, why: Why) -> bool:
        """Give it the place of its group, unless that is settled. Whether nothing that follows gets one."""
        group = product.item_group_id or product.id
        groups = self._groups
        first = groups.get(group, why)
        if type(first) is not Why:
            return False
        if not self._can_stand(product):
            if product.item_group_id and group not in groups:
                groups[group] = why
                self._waiting += 1
            return False
        if group in groups:
            self._waiting -= 1
        if self._unbound:
            groups[group] = product, first
            self._taken += 1
        else:
            place = groups[group] = self._judge(product, group, first)
            if type(place) is tuple:
                self._taken += 1
        return self._taken >= self._most and not self._waiting

    def _can_stand(self, product: Product) -> bool:
        return showable(product, self._domains) and (self._set is None or self._set.has(product, self._now))

    def _judge(self, product: Product, group: str, why: Why) -> Place | Gap | None:
        """What this visitor's wishes and purchases, and the ads seen so far, leave of a product that could be shown."""
        banned, shown, hidden = self._banned, self._shown, self._hidden
        if hidden and (group in hidden or product.id in hidden):
            self.hidden += 1
            return None
        if banned is not None:
            if group in banned.groups:
                self.purchased += 1
                return Gap(product, why, True) if self._crosses else None
            if banned.categories and category_path(product.category) in banned.categories:
                self.purchased += 1
                return None
        if shown is not None:
            if shown.is_capped(group):
                self.capped += 1
                return None
            if shown.is_tiring(group):
                return Gap(product, why, False)
        return product, why

    def gaps(self) -> list[Gap]:
        """Those that nothing took so far, best first."""
        return [] if self._unbound else [place for place in self._groups.values() if type(place) is Gap]

    def fill_gap(self, gap: Gap, product: Product, why: Why) -> bool:
        """Whether ``product`` took the place: it may be shown, and had none itself."""
        groups, group = self._groups, product.item_group_id or product.id
        if group in groups or not self._can_stand(product):
            return False
        place = groups[group] = self._judge(product, group, why)
        if type(place) is not tuple:
            return False
        groups[group] = None
        groups[gap.product.item_group_id or gap.product.id] = place
        self._taken += 1
        return True

    def first(self) -> list[Place]:
        """As many as there is room for; behind all others what tires the visitor, where nothing took its place."""
        placed: list[Place] = [place for place in self._groups.values() if type(place) is tuple]
        if len(placed) < self._most:
            placed += [(gap.product, gap.why) for gap in self.gaps() if not gap.bought]
        return placed[: self._most] if len(placed) > self._most else placed
