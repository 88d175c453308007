"""One slot: from who looks to an ad, or to the reason why there is none."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from adserver.decision.frequency import cap_reason
from adserver.decision.index import Booking, PlacementEntry
from adserver.decision.product_counts import product_counts
from adserver.decision.shortlist import Shortlist, prospects, shortlist
from adserver.decision.value import Rng, draw_design
from adserver.decision.viewer import Viewer
from adserver.model.account import NoHistory
from adserver.model.decision import Charge, Decision, NoAd, Passed
from adserver.model.profile import EPOCH, GHOST, TREATED, Claim, met_by
from adserver.model.reason import LineItemReason, NoAdReason
from adserver.service.count_ads import Answer, exposure_records
from adserver.service.fill_ad import FillAd, Filled
from adserver.service.live import Live
from adserver.service.purse import Purse
from adserver.storage.interfaces import EventLog, StoreUnavailable, VisitorStore

MAX_OFFERS = 4
"""Ads among which the caps choose, when somebody else takes the last place under one of them."""

STRANGER = frozenset({NoAdReason.NO_VISITOR, NoAdReason.NO_HISTORY, NoAdReason.CONSENT})
"""Reasons with which the placement says what is shown instead."""


_NO_PRODUCTS = Filled((), ())


class _Offered(NamedTuple):
    """An ad that could be shown, in the design that was drawn with this ``propensity``, what it takes of money and of
    the visitor, and whether it is held back for the control group."""

    booking: Booking
    filled: Filled
    design: str
    propensity: float
    charge: Charge | None
    claim: Claim
    ghost: bool = False


class DecideAd:
    """``mint_decision`` makes a new random decision id; what an ad takes of a visitor is given back unless it was seen
    within ``seen_within_s`` seconds."""

    def __init__(
        self,
        live: Live,
        *,
        fill: FillAd,
        purse: Purse,
        visitors: VisitorStore,
        log: EventLog,
        mint_decision: Callable[[], str],
        rng: Rng,
        seen_within_s: int,
    ) -> None:
        self._live = live
        self._fill = fill
        self._purse = purse
        self._visitors = visitors
        self._log = log
        self._mint_decision = mint_decision
        self._rng = rng
        self._seen_within_s = seen_within_s

    async def __call__(self, entry: PlacementEntry, viewer: Viewer, deadline: float) -> Answer:
        """An ad or why there is none. Raises StoreUnavailable; no money is kept then."""
        listed = shortlist(entry, viewer, self._live.rates, self._rng)
        offered = await self._offers(entry, listed, viewer, deadline)
        if not offered:
            reason = listed.reason or NoAdReason.NO_LINE_ITEM
            return await self.fall_back(entry, reason, viewer, deadline, listed.passed)
        taken = await self._take(offered, viewer, deadline)
        if taken is None:
            listed.passed += [Passed(offer.booking.line_item.ref, LineItemReason.LOST_RACE) for offer in offered]
            return await self.fall_back(entry, NoAdReason.CAPPED, viewer, deadline, listed.passed)
        passed = listed.passed_over(taken.booking)
        if taken.ghost:
            passed.append(Passed(taken.booking.line_item.ref, LineItemReason.HOLDOUT))
            return NoAd(entry.placement.id, NoAdReason.HOLDOUT, taken.booking.line_item, passed)
        return _decision(entry, taken, visitor=viewer.visitor, passed=passed)

    async def fall_back(
        self,
        entry: PlacementEntry,
        reason: NoAdReason,
        viewer: Viewer,
        deadline: float,
        passed: Sequence[Passed] = (),
    ) -> Answer:
        """Best sellers for somebody nothing is known of, where the placement says so; else a house ad whose caps hold,
        all house line items taking turns; else nothing."""
        wanted = entry.placement.no_history if reason in STRANGER else NoHistory.HOUSE
        if wanted is NoHistory.BEST_SELLERS:
            shown = await self._best_sellers(entry, viewer, deadline)
            if shown is not None:
                return shown
        if wanted is not NoHistory.PASSBACK:
            shown = await self._house_ad(entry, reason, viewer, deadline)
            if shown is not None:
                return shown
        return NoAd(entry.placement.id, reason, None, passed)

    def give_up(self, entry: PlacementEntry, reason: NoAdReason, now: int) -> Answer:
        """A house ad without caps, where caps can not be looked at; else nothing."""
        if entry.placement.no_history is NoHistory.PASSBACK and reason in STRANGER:
            return NoAd(entry.placement.id, reason)
        bookings = [booking for booking in entry.live(now).house if not booking.counts]
        if not bookings:
            return NoAd(entry.placement.id, reason)
        shown = self._house_offer(bookings[int(self._rng() * len(bookings))], now)
        return _decision(entry, shown, instead_of=reason)

    async def _offers(
        self, entry: PlacementEntry, listed: Shortlist, viewer: Viewer, deadline: float
    ) -> "list[_Offered]":
        """The best candidates that have products and money, up to the first that no cap can take away."""
        offered: list[_Offered] = []
        try:
            for booking in listed.candidates:
                offer = await self._offer(entry, booking, viewer, deadline)
                if not isinstance(offer, _Offered):
                    listed.note(booking, offer)
                    continue
                offered.append(offer)
                if not offer.claim.counts or len(offered) == MAX_OFFERS:
                    break
        except StoreUnavailable:
            self._give_back(offered)
            raise
        return offered

    async def _offer(
        self, entry: PlacementEntry, booking: Booking, viewer: Viewer, deadline: float
    ) -> _Offered | LineItemReason:
        design, propensity = draw_design(booking, self._live.rates, self._rng)
        filled = await self._fill.fill(entry, booking, design, viewer, deadline)
        if not isinstance(filled, Filled):
            return filled
        ghost = self._live.assigner.is_ghost(viewer.visitor, booking.campaign)
        charge = await self._purse.take(booking, viewer.now, deadline) if booking.micros else None
        if charge is not None and not isinstance(charge, Charge):
            return charge
        if ghost:  # it pays nothing, but where there is no money nobody would have been shown the ad
            self._purse.give_back(booking, charge)
            charge = None
        claim = self._claim(booking, filled, viewer, ghost=ghost)
        return _Offered(booking, filled, design, propensity, charge, claim, ghost)

    def _claim(self, booking: Booking, filled: Filled, viewer: Viewer, *, ghost: bool) -> Claim:
        """A ghost's ads count as well, though nobody sees them: else it would be met more often than all others."""
        counts = booking.counts + product_counts(booking, filled.products)
        expires = 0 if ghost or not counts else viewer.now - EPOCH + self._seen_within_s
        return Claim(counts, self._mint_decision(), expires, self._met(booking, viewer, ghost=ghost))

    def _met(self, booking: Booking, viewer: Viewer, *, ghost: bool) -> tuple[tuple[str, str], ...]:
        """What has to be remembered of this ad, but not what is already."""
        if not (booking.campaign.holdout or booking.line_item.experiment):
            return ()
        known = viewer.profile.exposures
        met: list[tuple[str, str]] = []
        if booking.campaign.holdout and booking.campaign.id not in known:
            met.append((booking.campaign.id, GHOST if ghost else TREATED))
        experiment = booking.line_item.experiment
        if experiment and not ghost and met_by(experiment) not in known:
            met.append((met_by(experiment), booking.line_item.arm))
        return tuple(met)

    async def _take(self, offered: "Sequence[_Offered]", viewer: Viewer, deadline: float) -> "_Offered | None":
        """The first offer whose caps still hold, counted; the others cost nothing."""
        taken = None
        try:
            claims = [offer.claim for offer in offered]
            reserved = await self._visitors.reserve(viewer.visitor, claims, viewer.now, deadline)
            if reserved.place >= 0:
                taken = offered[reserved.place]
        finally:
            self._give_back(offered, but=taken)
        if taken and reserved.first:
            self._log.note(exposure_records(reserved, taken.claim, viewer.now))
        return taken

    def _give_back(self, offered: "Sequence[_Offered]", *, but: "_Offered | None" = None) -> None:
        for offer in offered:
            if offer is not but:
                self._purse.give_back(offer.booking, offer.charge)

    async def _best_sellers(self, entry: PlacementEntry, viewer: Viewer, deadline: float) -> Decision | None:
        """What most people buy, of an advertiser who needs nothing known of who looks."""
        for booking in prospects(entry, viewer, self._live.rates, self._rng).candidates:
            design, propensity = draw_design(booking, self._live.rates, self._rng)
            hidden = viewer.profile.hidden.get(booking.advertiser.ref, frozenset())
            filled = await self._fill.best_sellers(entry, booking, design, viewer.now, deadline, hidden=hidden)
            if isinstance(filled, LineItemReason):
                continue
            charge = await self._purse.take(booking, viewer.now, deadline)
            if not isinstance(charge, LineItemReason):
                claim = Claim(decision=self._mint_decision())
                return _decision(entry, _Offered(booking, filled, design, propensity, charge, claim))
        return None

    async def _house_ad(
        self, entry: PlacementEntry, reason: NoAdReason, viewer: Viewer, deadline: float
    ) -> Decision | None:
        """All house line items take turns, but for those whose caps do not hold."""
        house = entry.live(viewer.now).house
        if not house:
            return None
        frequency, now = viewer.profile.frequency, viewer.now - EPOCH
        bookings = [
            booking
            for booking in sorted(house, key=lambda _: self._rng())
            if not booking.counts
            or (
                viewer.visitor
                and viewer.has_consent(booking.advertiser)
                and cap_reason(booking, frequency, now) is None
            )
        ]
        offered = [self._house_offer(booking, viewer.now) for booking in bookings[:MAX_OFFERS]]
        taken = await self._take(offered, viewer, deadline) if offered else None
        return _decision(entry, taken, visitor=viewer.visitor, instead_of=reason) if taken else None

    def _house_offer(self, booking: Booking, now: int) -> "_Offered":
        expires = now - EPOCH + self._seen_within_s if booking.counts else 0
        claim = Claim(booking.counts, self._mint_decision(), expires)
        return _Offered(booking, _NO_PRODUCTS, booking.line_item.creative, 1.0, None, claim)


def _decision(
    entry: PlacementEntry,
    taken: _Offered,
    *,
    visitor: str = "",
    passed: Sequence[Passed] = (),
    instead_of: NoAdReason | None = None,
) -> Decision:
    """The ad is shown."""
    booking, (products, why, offer), design, propensity, charge, claim, _ = taken
    return Decision(
        claim.decision,
        entry.placement,
        booking.line_item,
        booking.campaign,
        booking.advertiser,
        products,
        instead_of,
        design,
        propensity,
        why,
        offer,
        charge,
        passed,
        claimed_by=visitor if claim.expires else "",
    )
