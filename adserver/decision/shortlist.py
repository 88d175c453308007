"""From what may run in a placement and who looks to the line items that may be shown, best first."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from types import MappingProxyType

from adserver.decision.frequency import cap_reason
from adserver.decision.index import Booking, Equals, PlacementEntry
from adserver.decision.rank import Rng, in_turn, merged, ranked
from adserver.decision.targeting import acquaintance_reason, targeting_reason
from adserver.decision.viewer import Viewer
from adserver.model.decision import Passed
from adserver.model.profile import EPOCH
from adserver.model.rates import Rates
from adserver.model.reason import LineItemReason, NoAdReason

AT_HAND = 4
"""Candidates that are looked for at once; the others when somebody asks for them."""

MAX_PASSED = 64
"""Reasons that are kept of one decision. The others can be worked out again."""

_OUTRANKED = LineItemReason.OUTRANKED
_passed = tuple.__new__  # half the time of calling the class: this is done for every line item that is passed over


def first_reason(booking: Booking, viewer: Viewer) -> LineItemReason | None:
    """The first of PAGE_CATEGORY to PACING that holds, None for a candidate."""
    return (
        targeting_reason(booking, viewer)
        or (cap_reason(booking, viewer.profile.frequency, viewer.now - EPOCH) if booking.counts else None)
        or (viewer.can_pay(booking) if booking.line_item.budget is not None else None)
    )


class Shortlist:
    """``candidates`` best first, to be taken one by one; ``passed``: those that were looked at and are none."""

    __slots__ = ("_asked", "_furthest", "_ready", "_rest", "_viewer", "passed")

    def __init__(
        self, groups: Iterable[Equals], viewer: Viewer, rng: Rng, furthest: LineItemReason | None = None
    ) -> None:
        self.passed: list[Passed] = []
        self._viewer = viewer
        self._furthest = furthest
        self._rest = in_turn(groups, self._is_eligible, rng)
        self._ready = list(islice(self._rest, AT_HAND))
        self._asked = 0

    @property
    def candidates(self) -> Iterator[Booking]:
        """Each once, however often this is asked for."""
        while True:
            if self._asked == len(self._ready):
                self._ready += islice(self._rest, 1)
                if self._asked == len(self._ready):
                    return
            self._asked += 1
            yield self._ready[self._asked - 1]

    @property
    def reason(self) -> NoAdReason | None:
        """Why there is no ad, when none of the candidates can be shown either: that of the line item that came
        furthest. None when nothing was looked at."""
        return None if self._furthest is None else no_ad_reason(self._furthest)

    def note(self, booking: Booking, reason: LineItemReason) -> None:
        """Tell why it is not shown, as far as there is room for it."""
        if self._furthest is None or reason > self._furthest:
            self._furthest = reason
        if len(self.passed) < MAX_PASSED:
            self.passed.append(_passed(Passed, (booking.line_item.ref, reason)))

    def passed_over(self, chosen: Booking | None) -> list[Passed]:
        """``passed``, with the candidates at hand that nobody has told a reason of: they were outranked."""
        passed = self.passed
        others = [booking.line_item.ref for booking in self._ready if booking is not chosen]
        if others:
            told = {ref for ref, _ in passed}
            passed += [_passed(Passed, (ref, _OUTRANKED)) for ref in others if ref not in told]
            del passed[MAX_PASSED:]
        return passed

    def _is_eligible(self, booking: Booking) -> bool:
        reason = first_reason(booking, self._viewer)
        if reason is not None:
            self.note(booking, reason)
        return reason is None


def shortlist(entry: PlacementEntry, viewer: Viewer, rates: Rates, rng: Rng) -> Shortlist:
    """Only line items of advertisers that the visitor has a history at are looked at."""
    live = entry.live(viewer.now)
    refs = [ref for ref in viewer.profile.shopping if _is_acquainted(live, ref, viewer)]
    if not refs:
        return Shortlist((), viewer, rng, _why_nobody(entry, live, viewer))
    if len(refs) == 1:
        return Shortlist(ranked(live, refs[0], rates), viewer, rng)
    refs.sort(key=lambda ref: (-viewer.profile.shopping[ref].seen_at, ref))
    return Shortlist(merged([ranked(live, ref, rates) for ref in refs]), viewer, rng)


def _is_acquainted(live: PlacementEntry, advertiser: int, viewer: Viewer) -> bool:
    theirs = live.by_advertiser.get(advertiser)
    return theirs is not None and acquaintance_reason(theirs[0], viewer) is None


def prospects(entry: PlacementEntry, viewer: Viewer, rates: Rates, rng: Rng) -> Shortlist:
    """For somebody nothing is known of: line items that need nothing known, and so no consent."""
    live = entry.live(viewer.now)
    nobody = None if live.prospecting else LineItemReason.NO_HISTORY
    return Shortlist(ranked(live, None, rates) if live.prospecting else [], viewer, rng, nobody)


def _why_nobody(entry: PlacementEntry, live: PlacementEntry, viewer: Viewer) -> LineItemReason:
    """How far the line items of a placement came of which nobody knows the visitor."""
    if not entry.bookings:
        return LineItemReason.HOUSE
    if not live.bookings:
        return LineItemReason.DAYPART
    return LineItemReason.NO_HISTORY if any(map(viewer.has_consent, live.consents)) else LineItemReason.CONSENT


def no_ad_reason(reason: LineItemReason) -> NoAdReason:
    """What a request is told when this is the reason of the line item that came furthest."""
    return _TOLD[reason]


_TOLD: Mapping[LineItemReason, NoAdReason] = MappingProxyType(
    {
        **dict.fromkeys(LineItemReason, NoAdReason.NO_LINE_ITEM),
        LineItemReason.NOT_STARTED: NoAdReason.TARGETING,
        LineItemReason.ENDED: NoAdReason.TARGETING,
        LineItemReason.DAYPART: NoAdReason.TARGETING,
        LineItemReason.PAGE_CATEGORY: NoAdReason.TARGETING,
        LineItemReason.DEVICE: NoAdReason.TARGETING,
        LineItemReason.GEO: NoAdReason.TARGETING,
        LineItemReason.SEGMENT: NoAdReason.TARGETING,
        LineItemReason.EXCLUDED_SEGMENT: NoAdReason.TARGETING,
        LineItemReason.CUSTOMER_LIST: NoAdReason.TARGETING,
        LineItemReason.OTHER_ARM: NoAdReason.TARGETING,
        LineItemReason.CONSENT: NoAdReason.CONSENT,
        LineItemReason.NO_HISTORY: NoAdReason.NO_HISTORY,
        LineItemReason.PURCHASED: NoAdReason.PURCHASED,
        LineItemReason.FEED_STALE: NoAdReason.FEED_STALE,
        LineItemReason.ADVERTISER_CAP: NoAdReason.CAPPED,
        LineItemReason.CAMPAIGN_CAP: NoAdReason.CAPPED,
        LineItemReason.LINE_ITEM_CAP: NoAdReason.CAPPED,
        LineItemReason.MIN_GAP: NoAdReason.CAPPED,
        LineItemReason.TOTAL_BUDGET: NoAdReason.BUDGET,
        LineItemReason.DAILY_BUDGET: NoAdReason.BUDGET,
        LineItemReason.PACING: NoAdReason.BUDGET,
        LineItemReason.NO_PRODUCT: NoAdReason.NO_PRODUCT,
        LineItemReason.PRODUCT_CAP: NoAdReason.CAPPED,
        LineItemReason.HIDDEN: NoAdReason.NO_PRODUCT,
        LineItemReason.LOST_RACE: NoAdReason.CAPPED,
        LineItemReason.HOLDOUT: NoAdReason.HOLDOUT,
    }
)
