"""Why each line item was chosen or not: the decision once more, but of everything, and with words for people."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from adserver.decision.caps import Counters
from adserver.decision.detail import detail
from adserver.decision.fits import Sizes, designs_in, static_reason
from adserver.decision.hours import time_reason
from adserver.decision.index import Booking, Equals, booking_of
from adserver.decision.rank import Rng, equals_of, in_turn, merged
from adserver.decision.shortlist import first_reason
from adserver.decision.targeting import acquaintance_reason
from adserver.decision.viewer import Viewer
from adserver.model.account import Accounts, Placement
from adserver.model.rates import Rates
from adserver.model.reason import LineItemReason

CHOSEN = "chosen"
"""What stands in the place of a reason."""


class Explained(NamedTuple):
    """One line item, by its id: ``reason`` is the label of the first that holds, and ``number`` its number; of the one
    that is shown CHOSEN and 0. ``detail`` is empty where the reason says it all."""

    line_item: str
    reason: str
    number: int
    detail: str = ""


Later = Mapping[int, LineItemReason]
"""Reasons from 460 up, by the line item's ``ref``: only products, other requests or the control group give them."""


def explain(
    accounts: Accounts,
    placement: Placement,
    viewer: Viewer,
    *,
    creative_sizes: Sizes,
    rates: Rates,
    rng: Rng,
    later: Later = MappingProxyType({}),
    chosen: int | None = None,
) -> list[Explained]:
    """All line items of ``accounts``, in the order of their ids. Linear in their number: not for every request.

    ``later``: what became of candidates after the ranking. ``chosen``: the ``ref`` of the line item that was shown,
    whatever holds of it by now. Without it the first candidate that has no later reason is chosen, by the same draw
    that a request makes with this ``rng``.
    """
    counters = Counters(accounts)
    told: dict[str, Explained] = {}
    candidates: list[Booking] = []
    for item in accounts.line_items.values():
        booking = booking_of(item, accounts, counters, designs_in(item, placement.size, creative_sizes))
        reason = _reason(booking, accounts, placement, viewer, creative_sizes)
        if item.ref == chosen:
            told[item.id] = Explained(item.id, CHOSEN, 0)
        elif reason is None:
            candidates.append(booking)
        else:
            told[item.id] = _explained(booking, reason, detail(booking, reason, placement, viewer))
    ordered = in_turn(_ranked(candidates, viewer, rates), lambda _: True, rng)
    for explained in _after_ranking(ordered, later, is_open=chosen is None):
        told[explained.line_item] = explained
    return [told[name] for name in sorted(told)]


def _reason(
    booking: Booking, accounts: Accounts, placement: Placement, viewer: Viewer, creative_sizes: Sizes
) -> LineItemReason | None:
    publisher = accounts.publishers[placement.publisher]
    return (
        static_reason(booking.line_item, booking.campaign, placement, publisher, creative_sizes)
        or time_reason(booking, viewer.now)
        or acquaintance_reason(booking, viewer)
        or first_reason(booking, viewer)
    )


def _ranked(candidates: Iterable[Booking], viewer: Viewer, rates: Rates) -> list[Equals]:
    theirs: dict[int, list[Booking]] = {}
    for booking in candidates:
        theirs.setdefault(booking.advertiser.ref, []).append(booking)
    shopping = viewer.profile.shopping
    refs = sorted(theirs, key=lambda ref: (-shopping[ref].seen_at, ref))
    return merged([equals_of(theirs[ref], rates) for ref in refs])


def _after_ranking(candidates: Iterable[Booking], later: Later, *, is_open: bool) -> list[Explained]:
    told = []
    for booking in candidates:
        reason = later.get(booking.line_item.ref)
        if reason is None and is_open:
            is_open = False
            told.append(Explained(booking.line_item.id, CHOSEN, 0))
        else:
            told.append(_explained(booking, reason or LineItemReason.OUTRANKED))
    return told


def _explained(booking: Booking, reason: LineItemReason, words: str = "") -> Explained:
    return Explained(booking.line_item.id, reason.label, int(reason), words)
