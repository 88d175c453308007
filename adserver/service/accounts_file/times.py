"""Times: spans, moments, parts of the week, time zones."""

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from adserver.model.account import NEVER, SPAN_UNITS
from adserver.model.line_item import Daypart
from adserver.service.accounts_file.problem import nearest
from adserver.service.accounts_file.wrong import Check, Wrong, inside

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 1_440
MOMENT = "a date and time with its offset such as 2026-01-01T00:00:00+01:00, without quotes"

_SPAN = re.compile(r"([1-9][0-9]{0,7})([a-z]+)", re.ASCII)
_RUN = rf"(?:{'|'.join(DAYS)})(?:-(?:{'|'.join(DAYS)}))?"
_CLOCK = r"([0-9]{1,2}):([0-9]{2})"
_DAYPART = re.compile(rf"({_RUN}(?:, ?{_RUN})*) +{_CLOCK} ?- ?{_CLOCK}", re.ASCII | re.IGNORECASE)
_MOST_DAYPARTS = 50


def span(shortest_s: int, longest_s: int, *, zero: str = "", seconds: bool = False) -> Check:
    """A time such as ``6h`` in seconds, within these bounds; 0 for the word ``zero``, where there is one. ``seconds``
    may be written too: ``30s``."""
    units = {**SPAN_UNITS, "s": 1} if seconds else SPAN_UNITS

    def check(value: Any) -> object:
        if zero and value == zero:
            return 0
        parts = _SPAN.fullmatch(value) if isinstance(value, str) else None
        length = int(parts[1]) * units.get(parts[2], 0) if parts else 0
        return length if shortest_s <= length <= longest_s and length else Wrong()

    return check


def ever(shortest_s: int, longest_s: int) -> Check:
    """A time, or ``never``."""
    return span(shortest_s, longest_s, zero=NEVER)


def moment(value: Any) -> object:
    """Seconds since 1970 of a date and time with its offset; 0 stays 0."""
    if value == 0 and type(value) is int:
        return 0
    if not isinstance(value, datetime) or value.tzinfo is None or not 1970 < value.year < 9999:
        return Wrong()
    return int(value.timestamp())


def moment_written(seconds: int) -> str:
    """As the file writes it, in UTC; 0 is 0."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z") if seconds else "0"


def time_zone(value: Any) -> object:
    """The name of a zone in the IANA's list."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*", value):
        return Wrong()
    try:
        return ZoneInfo(value).key
    except (OSError, ValueError, KeyError):
        return Wrong(hint=nearest(value, sorted(available_timezones()), most_known=1_000))


def dayparts(value: Any) -> object:
    """``"mon-fri 08:00-20:00"``, in the order written; a part that runs past midnight becomes two."""
    if not isinstance(value, list) or len(value) > _MOST_DAYPARTS:
        return Wrong()
    kept: list[Daypart] = []
    for at, written in enumerate(value):
        parts = _daypart(written)
        if isinstance(parts, Wrong):
            return inside(parts, at)
        kept += parts
    return tuple(dict.fromkeys(kept))


def daypart_written(part: Daypart) -> str:
    """As the file writes it: ``mon-fri 08:00-20:00``."""
    days = ",".join(f"{DAYS[a]}-{DAYS[b]}" if b > a else DAYS[a] for a, b in _runs(part.days))
    first, last = (f"{minute // 60:02}:{minute % 60:02}" for minute in (part.from_minute, part.to_minute))
    return f"{days} {first}-{last}"


def _daypart(value: Any) -> list[Daypart] | Wrong:
    parts = _DAYPART.fullmatch(value.strip()) if isinstance(value, str) else None
    if parts is None:
        return Wrong('a part of the week such as "mon-fri 08:00-20:00" or "sat,sun 22:00-02:00"')
    (first, first_minute), (last, last_minute) = ((int(parts[n]), int(parts[n + 1])) for n in (2, 4))
    start, end = first * 60 + first_minute, last * 60 + last_minute
    if max(first_minute, last_minute) > 59 or start >= DAY_MINUTES or end > DAY_MINUTES:
        return Wrong("hours from 00:00 to 24:00")
    if start == end:
        return Wrong("a part that ends at another time than it begins; the whole day is 00:00-24:00")
    days = _days(parts[1].lower())
    if end > start:
        return [Daypart(days, start, end)]
    next_days = tuple(sorted((day + 1) % 7 for day in days))
    return [Daypart(days, start, DAY_MINUTES), *([Daypart(next_days, 0, end)] if end else [])]


def _days(written: str) -> tuple[int, ...]:
    days = set()
    for run in written.replace(" ", "").split(","):
        first, _, last = run.partition("-")
        start, end = DAYS.index(first), DAYS.index(last or first)
        days |= {day % 7 for day in range(start, end + (7 if end < start else 0) + 1)}
    return tuple(sorted(days))


def _runs(days: tuple[int, ...]) -> list[tuple[int, int]]:
    """First and last of each row of days without a gap."""
    runs: list[tuple[int, int]] = []
    for day in sorted(days):
        if runs and runs[-1][1] == day - 1:
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return runs
