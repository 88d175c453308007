"""How often single products were shown to one visitor. Sizes and colours of one thing share their counters."""

from collections.abc import Iterable

from adserver.decision.caps import UNLIMITED
from adserver.decision.frequency import Frequency
from adserver.decision.index import Booking
from adserver.decision.purchases import DAY_S
from adserver.model.cap import Level
from adserver.model.product import Product
from adserver.model.profile import Count, Window, counter_of, fatigue_counter


def product_counts(booking: Booking, products: Iterable[Product]) -> tuple[Count, ...]:
    """What an ad of ``products`` counts for each of them: towards its caps, and towards being seen too often.

    The counters go by the product's ``group``; whoever takes a click off them names that.
    """
    limits, fatigue = booking.product_limits, booking.line_item.fatigue
    if not limits and fatigue is None:
        return ()
    ref = booking.advertiser.ref
    groups = [product.item_group_id or product.id for product in products]
    counts = [Count(counter_of(Level.PRODUCT, ref, group), limits) for group in groups] if limits else []
    if fatigue is not None:
        seen = ((UNLIMITED, fatigue.days * DAY_S),)
        counts += [Count(fatigue_counter(ref, group), seen) for group in groups]
    return tuple(counts)


class Shown:
    """What one visitor has seen of the products of one booking, at ``now`` (seconds since profile EPOCH)."""

    __slots__ = ("_cap", "_fatigue", "_frequency", "_limits", "_now", "_tiring")

    def __init__(self, booking: Booking, frequency: Frequency, now: int) -> None:
        ref, fatigue = booking.advertiser.ref, booking.line_item.fatigue
        self._cap, self._limits = counter_of(Level.PRODUCT, ref), booking.product_limits
        self._fatigue = fatigue_counter(ref, "")
        self._tiring = ((fatigue.ads, fatigue.days * DAY_S),) if fatigue else ()
        self._frequency = frequency
        self._now = now

    def is_capped(self, group: str) -> bool:
        """Whether a cap lets it not be shown once more."""
        windows = self._frequency.get(self._cap + group) if self._limits else None
        return windows is not None and _is_full(windows, self._limits, self._now)

    def is_tiring(self, group: str) -> bool:
        """Whether it was seen too often without a click."""
        windows = self._frequency.get(self._fatigue + group) if self._tiring else None
        return windows is not None and _is_full(windows, self._tiring, self._now)


def shown_to(booking: Booking, frequency: Frequency, now: int) -> Shown | None:
    """None where nothing of it matters."""
    if not frequency or not (booking.product_limits or booking.line_item.fatigue):
        return None
    return Shown(booking, frequency, now)


def _is_full(windows: Iterable[Window], limits: Iterable[tuple[int, int]], now: int) -> bool:
    """Whether any limit is reached by a window of its length that has not ended."""
    for window in windows:
        if now < window.started_at + window.window_s:
            for limit, length in limits:
                if length == window.window_s and window.count >= limit:
                    return True
    return False
