"""The particulars of a reason, for people: what was asked for and what was found."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

from adserver.decision.frequency import full_window
from adserver.decision.index import Booking
from adserver.decision.targeting import RUNGS, is_in
from adserver.decision.viewer import Viewer
from adserver.model.account import Placement
from adserver.model.profile import EPOCH, Count
from adserver.model.reason import LineItemReason

_UNITS = ((604_800, "week"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def detail(booking: Booking, reason: LineItemReason, placement: Placement, viewer: Viewer) -> str:
    """Such as ``3 of 3 within 1 day, again at 14:05``, in the advertiser's time zone; empty where there is no more to
    say than the reason."""
    words = _WORDS.get(reason)
    return words(booking, placement, viewer) if words else ""


def _placements(booking: Booking, placement: Placement, viewer: Viewer) -> str:
    return f"runs in {', '.join(booking.line_item.placements)}"


def _publishers(booking: Booking, placement: Placement, viewer: Viewer) -> str:
    return f"runs at {', '.join(booking.line_item.publishers)}; this is {placement.publisher}"


def _size(booking: Booking, placement: Placement, viewer: Viewer) -> str:
    return f"{', '.join(booking.line_item.designs)}: not in {placement.size}"


def _start(booking: Booking, placement: Placement, viewer: Viewer) -> str:
    return f"starts {_moment(booking.line_item.start, booking, viewer)}"


def _end(booking: Booking, placement: Placement, viewer: Viewer) -> str:
    return f"ended {_moment(booking.line_item.end, booking, viewer)}"


def _daypart(booking: Booking, placement: Placement, viewer: Viewer) -> str:
    return f"it is {_local(viewer.now, booking):%a %H:%M} there"


def _page_category(booking: Booking, placement: Placement, viewer: Viewer) -> str:
    excluded = {word.strip().casefold() for word in booking.line_item.exclude_page_categories}
    return ", ".join(sorted(word for word in viewer.page_categories if word.strip().casefold() in excluded))


def _device(booking: Booking, placement: Placement, viewer: Viewer) -> str:
    return f"asks for {', '.join(booking.line_item.devices)}; this is {viewer.device()}"


def _geo(booking: Booking, placement: Placement, viewer: Viewer) -> str:
    found = sorted(viewer.geo())
    return f"asks for {', '.join(booking.line_item.geo)}; this is {', '.join(found) or 'not known'}"


def _segment(booking: Booking, placement: Placement, viewer: Viewer) -> str:
    asked = booking.line_item.segment
    if asked not in RUNGS:
        return f"asks for {asked}"
    return f"asks for {asked}; this is {viewer.rungs.get(booking.advertiser.ref, 'on no rung')}"


def _excluded_segment(booking: Booking, placement: Placement, viewer: Viewer) -> str:
    return next(segment for segment in booking.line_item.exclude_segments if is_in(segment, booking, viewer))


def _arm(booking: Booking, placement: Placement, viewer: Viewer) -> str:
    item = booking.line_item
    return f"asks for {item.arm} of {item.experiment}; this is {viewer.arm_of(item.experiment) or 'in none'}"


def _purchased(booking: Booking, placement: Placement, viewer: Viewer) -> str:
    return f"within {_time(booking.line_item.exclude_purchased.days * 86_400)}"


def _cap(letter: str) -> "_Words":
    def words(booking: Booking, placement: Placement, viewer: Viewer) -> str:
        count = next(count for count in booking.counts if count.counter[0] == letter)
        windows, now = viewer.profile.frequency[count.counter], viewer.now - EPOCH
        full = [full_window(Count(count.counter, (limit,)), windows, now) for limit in count.limits]
        limit, window = max(filter(None, full), key=lambda found: found[1].started_at + found[1].window_s)
        again = _moment(EPOCH + window.started_at + window.window_s, booking, viewer)
        return f"{window.count} of {limit} within {_time(window.window_s)}, again {again}"

    return words


def _gap(booking: Booking, placement: Placement, viewer: Viewer) -> str:
    gap, counter = booking.line_item.min_gap_s, booking.counts[-1].counter
    window = next(window for window in viewer.profile.frequency[counter] if window.window_s == gap)
    return (
        f"{_time(gap)} between two ads, again {_moment(EPOCH + window.started_at + gap, booking, viewer, '%H:%M:%S')}"
    )


def _time(seconds: int) -> str:
    """``1 day``, ``36 hours``: in the longest unit that it is a whole number of."""
    length, unit = next((length, unit) for length, unit in _UNITS if seconds % length == 0)
    count = seconds // length
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _local(moment: int, booking: Booking) -> datetime:
    return datetime.fromtimestamp(moment, ZoneInfo(booking.advertiser.time_zone))


def _moment(moment: int, booking: Booking, viewer: Viewer, clock: str = "%H:%M") -> str:
    """``at 14:05`` of the same day, ``on 2026-11-23 at 14:05`` of another one."""
    there, now = _local(moment, booking), _local(viewer.now, booking)
    return f"{there:at {clock}}" if there.date() == now.date() else f"{there:on %Y-%m-%d at {clock}}"


_Words = Callable[[Booking, Placement, Viewer], str]
_WORDS: Mapping[LineItemReason, _Words] = MappingProxyType(
    {
        LineItemReason.OTHER_PLACEMENT: _placements,
        LineItemReason.OTHER_PUBLISHER: _publishers,
        LineItemReason.OTHER_SIZE: _size,
        LineItemReason.NOT_STARTED: _start,
        LineItemReason.ENDED: _end,
        LineItemReason.DAYPART: _daypart,
        LineItemReason.PAGE_CATEGORY: _page_category,
        LineItemReason.DEVICE: _device,
        LineItemReason.GEO: _geo,
        LineItemReason.SEGMENT: _segment,
        LineItemReason.EXCLUDED_SEGMENT: _excluded_segment,
        LineItemReason.OTHER_ARM: _arm,
        LineItemReason.PURCHASED: _purchased,
        LineItemReason.ADVERTISER_CAP: _cap("a"),
        LineItemReason.CAMPAIGN_CAP: _cap("g"),
        LineItemReason.LINE_ITEM_CAP: _cap("f"),
        LineItemReason.MIN_GAP: _gap,
    }
)
