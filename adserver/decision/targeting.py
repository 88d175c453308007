"""Whom a line item is for: what has to be true of who looks, where, and with what in hands."""

from functools import lru_cache

from adserver.decision.index import Booking
from adserver.decision.purchases import bought_anything
from adserver.decision.viewer import Viewer
from adserver.model.profile import EPOCH
from adserver.model.reason import LineItemReason
from adserver.model.segment import Rung

RUNGS = frozenset(Rung)

_PAGE_CATEGORY, _DEVICE, _GEO = LineItemReason.PAGE_CATEGORY, LineItemReason.DEVICE, LineItemReason.GEO
_SEGMENT, _EXCLUDED_SEGMENT = LineItemReason.SEGMENT, LineItemReason.EXCLUDED_SEGMENT
_CUSTOMER_LIST, _OTHER_ARM = LineItemReason.CUSTOMER_LIST, LineItemReason.OTHER_ARM
_PURCHASED, _FEED_STALE = LineItemReason.PURCHASED, LineItemReason.FEED_STALE


def acquaintance_reason(booking: Booking, viewer: Viewer) -> LineItemReason | None:
    """CONSENT, NO_HISTORY or None: the same for all line items of an advertiser."""
    if not viewer.has_consent(booking.advertiser):
        return LineItemReason.CONSENT
    return None if booking.advertiser.ref in viewer.profile.shopping else LineItemReason.NO_HISTORY


def targeting_reason(booking: Booking, viewer: Viewer) -> LineItemReason | None:
    """The first of PAGE_CATEGORY to FEED_STALE that holds, of an advertiser who knows the visitor, or needs not to."""
    item = booking.line_item
    if item.exclude_page_categories and not _is_apart(item.exclude_page_categories, viewer.page_categories):
        return _PAGE_CATEGORY
    if item.devices and viewer.device() not in item.devices:
        return _DEVICE
    if item.geo and viewer.geo().isdisjoint(item.geo):
        return _GEO
    if item.segment and not is_in(item.segment, booking, viewer):
        return _SEGMENT
    if item.exclude_segments and any(is_in(segment, booking, viewer) for segment in item.exclude_segments):
        return _EXCLUDED_SEGMENT
    if (item.include_lists or item.exclude_lists) and not _lists_hold(booking, viewer):
        return _CUSTOMER_LIST
    if item.experiment and viewer.arm_of(item.experiment) != item.arm:
        return _OTHER_ARM
    shopping = viewer.profile.shopping.get(booking.advertiser.ref)
    if shopping is not None and bought_anything(shopping, item.exclude_purchased, viewer.now - EPOCH):
        return _PURCHASED
    return _FEED_STALE if booking.max_age_s and not viewer.is_fresh(booking) else None


def is_in(segment: str, booking: Booking, viewer: Viewer) -> bool:
    """Whether the visitor stands on that very rung of the advertiser's ladder, or is a member of that segment."""
    if segment in RUNGS:
        return viewer.rungs.get(booking.advertiser.ref) == segment
    return viewer.is_member(segment)


def _lists_hold(booking: Booking, viewer: Viewer) -> bool:
    """On any of those to include, and on none of those to exclude."""
    item, ref = booking.line_item, booking.advertiser.ref
    if item.include_lists and not any(viewer.is_listed(ref, name) for name in item.include_lists):
        return False
    return not any(viewer.is_listed(ref, name) for name in item.exclude_lists)


def _is_apart(excluded: tuple[str, ...], categories: frozenset[str]) -> bool:
    return not categories or _folded(categories).isdisjoint(_folded(excluded))


@lru_cache(4_096)
def _folded(words: tuple[str, ...] | frozenset[str]) -> frozenset[str]:
    """Publishers and shops write the same words in capitals or not."""
    return frozenset(word.strip().casefold() for word in words)
