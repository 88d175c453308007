"""Frequency caps: may this line item be shown to this visitor once more?"""

from collections.abc import Mapping, Sequence

from adserver.decision.index import Booking
from adserver.model.cap import Level
from adserver.model.profile import Count, Window
from adserver.model.reason import LineItemReason

_BY_LETTER = {
    "a": LineItemReason.ADVERTISER_CAP,
    "g": LineItemReason.CAMPAIGN_CAP,
    "f": LineItemReason.LINE_ITEM_CAP,
}
"""By the first letter of a counter's name."""

Frequency = Mapping[str, Sequence[Window]]
"""Windows of each counter of one visitor, by its name."""


def cap_reason(booking: Booking, frequency: Frequency, now: int) -> LineItemReason | None:
    """The first cap that has no room for one more ad at ``now`` (seconds since profile EPOCH); None when all have.

    A first look, to leave candidates out early: the count is taken where it can not be raced, in Valkey.
    """
    for count in booking.counts:
        windows = frequency.get(count.counter)
        if windows and full_window(count, windows, now) is not None:
            reason = _BY_LETTER[count.counter[0]]
            if reason is LineItemReason.LINE_ITEM_CAP and _is_gap_only(booking, count, windows, now):
                return LineItemReason.MIN_GAP
            return reason
    return None


def full_window(count: Count, windows: Sequence[Window], now: int) -> tuple[int, Window] | None:
    """A limit that is reached at ``now`` (seconds since profile EPOCH) and the window that reached it, the shortest."""
    for limit, length in count.limits:
        for window in windows:
            if window.window_s == length:
                if window.count >= limit and now < window.started_at + length:
                    return limit, window
                break
    return None


def _is_gap_only(booking: Booking, count: Count, windows: Sequence[Window], now: int) -> bool:
    """Whether it is the minimum gap that does not hold, and no cap: a cap over just as many seconds may allow more."""
    item = booking.line_item
    if not item.min_gap_s:
        return False
    same = [cap.limit for cap in item.caps if cap.per is Level.LINE_ITEM and cap.window_s == item.min_gap_s]
    others = tuple(limit for limit in count.limits if limit[1] != item.min_gap_s)
    caps = (*((most, item.min_gap_s) for most in same), *others)
    return full_window(Count(count.counter, caps), windows, now) is None
