"""Whether the shop's offer is due: not for those who come back anyway."""

from adserver.decision.frequency import Frequency
from adserver.model.cap import Level
from adserver.model.line_item import LineItem, Offer
from adserver.model.profile import EPOCH, counter_of


def due_offer(line_item: LineItem, frequency: Frequency, newest_interest: int, now: int) -> Offer | None:
    """The line item's offer, if it has one that is due at ``now`` and has not ended.

    ``now`` and ``newest_interest`` (0 for never) in seconds since profile EPOCH. Ads count in the line item's windows
    that have not ended, in the one with the most.
    """
    offer = line_item.offer
    if offer is None or (offer.ends and now + EPOCH >= offer.ends):
        return None
    if not (offer.after_ads or offer.after_s):
        return offer
    if offer.after_s and newest_interest and now - newest_interest >= offer.after_s:
        return offer
    if not offer.after_ads:
        return None
    windows = frequency.get(counter_of(Level.LINE_ITEM, line_item.ref), ())
    seen = max((window.count for window in windows if now < window.started_at + window.window_s), default=0)
    return offer if seen >= offer.after_ads else None
