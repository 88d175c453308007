"""When a line item runs: from its start to its end, and within these the dayparts in the advertiser's time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from adserver.model.line_item import Daypart
from adserver.model.reason import LineItemReason

if TYPE_CHECKING:
    from adserver.decision.index import Booking

DAY = 86_400


class Hours:
    """Dayparts by the clock on the wall there. An hour that the clock is put back over counts twice, one that it is put
    forward over not at all."""

    __slots__ = ("_dayparts", "_is_on", "_since", "_until", "_zone")

    def __init__(self, dayparts: tuple[Daypart, ...], time_zone: str) -> None:
        self._dayparts = dayparts
        self._zone = ZoneInfo(time_zone)
        self._since = self._until = 0
        self._is_on = False

    def is_on(self, now: int) -> bool:
        """Whether one of the dayparts runs at ``now`` (seconds since 1970)."""
        if not self._since <= now < self._until:
            self._look(now)
        return self._is_on

    def next_look(self, now: int) -> int:
        """The first second after ``now`` at which that may be different; at most a day later."""
        if not self._since <= now < self._until:
            self._look(now)
        return self._until

    def _look(self, now: int) -> None:
        local = datetime.fromtimestamp(now, self._zone)
        minute, day = local.hour * 60 + local.minute, local.weekday()
        self._is_on = any(day in part.days and part.from_minute <= minute < part.to_minute for part in self._dayparts)
        self._since, self._until = now, self._first_edge(now, local)

    def _first_edge(self, now: int, local: datetime) -> int:
        """The next edge of a daypart on the clock of today and tomorrow, or the moment before it at which that clock is
        put forward or back."""
        midnight = datetime(local.year, local.month, local.day)  # noqa: DTZ001  the zone comes with each edge
        minutes = {m for part in self._dayparts for m in (part.from_minute, part.to_minute)}
        edges = (midnight + timedelta(minutes=day * 1_440 + minute) for day in (0, 1) for minute in minutes)
        moments = (int(edge.replace(tzinfo=self._zone, fold=fold).timestamp()) for edge in edges for fold in (0, 1))
        first = min((moment for moment in moments if moment > now), default=now + DAY)
        return self._shift_before(now, min(first, now + DAY))

    def _shift_before(self, now: int, until: int) -> int:
        """The first second after ``now`` at which the clock is put forward or back, ``until`` when it is not before."""
        low, high = now, until
        if self._offset(low) == self._offset(high):
            return until
        while high - low > 1:
            middle = (low + high) // 2
            if self._offset(middle) == self._offset(now):
                low = middle
            else:
                high = middle
        return high

    def _offset(self, moment: int) -> timedelta | None:
        return datetime.fromtimestamp(moment, UTC).astimezone(self._zone).utcoffset()


@lru_cache(4_096)
def hours_of(dayparts: tuple[Daypart, ...], time_zone: str) -> Hours:
    """One for all line items that have the same, so that each of them is worked out once."""
    return Hours(dayparts, time_zone)


def time_reason(booking: Booking, now: int) -> LineItemReason | None:
    """Why it does not run at ``now`` (seconds since 1970), None when it does. The second of its ``end`` is its last."""
    item = booking.line_item
    if now < item.start:
        return LineItemReason.NOT_STARTED
    if item.end and now > item.end:
        return LineItemReason.ENDED
    if booking.hours is not None and not booking.hours.is_on(now):
        return LineItemReason.DAYPART
    return None


def is_running(booking: Booking, now: int) -> bool:
    """Whether it runs at ``now``."""
    return time_reason(booking, now) is None


def changes_at(booking: Booking, now: int) -> float:
    """The first second after ``now`` at which that may be different, infinity for never."""
    item = booking.line_item
    if now < item.start:
        return item.start
    if item.end and now > item.end:
        return float("inf")
    end = item.end + 1 if item.end else float("inf")
    return min(end, booking.hours.next_look(now)) if booking.hours is not None else end
