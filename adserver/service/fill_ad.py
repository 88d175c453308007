"""A candidate becomes a decision: its products are looked up, and those that may be shown take their places."""

from collections.abc import Callable, Iterable, Mapping

from adserver.creative.creative import Creative
from adserver.decision.index import Booking, PlacementEntry
from adserver.decision.rank import Candidate
from adserver.decision.variant import Places, are_settled, first_of, fold
from adserver.model.decision import Decision
from adserver.model.reason import NoAdReason
from adserver.storage.interfaces import CatalogReader

MAX_OFFERS = 4
"""Decisions among which the caps choose, when somebody else takes the last place under one of them."""


class FillAd:
    """``mint_decision`` makes a new random decision id."""

    def __init__(
        self, catalogs: CatalogReader, creatives: Mapping[str, Creative], mint_decision: Callable[[], str]
    ) -> None:
        self._catalogs = catalogs
        self._creatives = creatives
        self._mint_decision = mint_decision

    async def offers(self, entry: PlacementEntry, candidates: Iterable[Candidate], deadline: float) -> list[Decision]:
        """Decisions that could be shown, best first, up to the first that no cap can take away."""
        offers: list[Decision] = []
        for candidate in candidates:
            decision = await self._fill(entry, candidate, deadline)
            if decision is not None:
                offers.append(decision)
                if not decision.line_item.caps or len(offers) == MAX_OFFERS:
                    break
        return offers

    def house_ad(self, entry: PlacementEntry, booking: Booking, reason: NoAdReason) -> Decision:
        """What is shown where nothing personal can be, because of ``reason``."""
        return Decision(
            id=self._mint_decision(),
            placement=entry.placement,
            line_item=booking.line_item,
            advertiser=booking.advertiser,
            products=(),
            instead_of=reason,
        )

    async def _fill(self, entry: PlacementEntry, candidate: Candidate, deadline: float) -> Decision | None:
        """The first products that are still there and may be shown, one of each item group, as many as there is room
        for; None when they are too few for the creative."""
        advertiser, line_item = candidate.booking.advertiser, candidate.booking.line_item
        creative = self._creatives[line_item.creative]
        most = creative.max_products(entry.placement.size)
        places: Places = {}
        ids, asked = candidate.products, 0
        while asked < len(ids):
            some = ids[asked : asked + max(most, asked)]  # mostly the first few will do
            asked += len(some)
            catalog = await self._catalogs.products(advertiser.ref, some, deadline)
            fold(places, map(catalog.get, some), advertiser.domains)
            if are_settled(places, most):
                break
        products = first_of(places, most)
        if len(products) < creative.min_products:
            return None
        return Decision(
            id=self._mint_decision(),
            placement=entry.placement,
            line_item=line_item,
            advertiser=advertiser,
            products=products,
        )
