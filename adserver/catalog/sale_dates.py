"""The dates between which a sale price holds (ISO 8601), as seconds since 1970.

Google writes ``2026-01-01T00:00-0800/2026-02-01T00:00-0800``. Also read: an offset with a colon, in hours only, as
``Z`` or none at all; seconds; a blank instead of the ``T``; dates without a time; commas, semicolons, dashes, ``to`` or
blanks between the two; and one end only, ``2026-01-01T00:00Z/``. A time without an offset is in UTC. A sale that ends
on a date without a time runs through that day.
"""

import re
from datetime import UTC, datetime

_MOMENT = (
    r"(?P<{0}year>\d{{4}})(?P<{0}dash>[-/.]?)(?P<{0}month>\d\d)(?P={0}dash)(?P<{0}day>\d\d)"
    r"(?:(?:T|t| +|T +)(?P<{0}hour>\d\d):?(?P<{0}minute>\d\d)(?::?(?P<{0}second>\d\d)(?:[.,]\d{{1,9}})?)?"
    r" ?(?P<{0}zone>Z|z|UTC|GMT|[+\u2212-]\d\d(?::?\d\d)?)?)?"
)
_ONE = re.compile(_MOMENT.format(""), re.ASCII)
_BETWEEN = r"\s*(?:[/,;|]|--|-|\u2013|\u2014|\bto\b|\s)\s*"
_TWO = re.compile(rf"(?:{_MOMENT.format('a_')}|\.\.)?{_BETWEEN}(?:{_MOMENT.format('b_')}|\.\.)?", re.ASCII)
_NEVER = re.compile(r"0000-00-00(?:[T ]00:00(?::00)?)?")
_NO_DATES = frozenset({"", "/", "-", "../.."})
_LONGEST = 120
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400

OPEN = 0
"""The end of a sale that has none."""


class SaleDatesError(ValueError):
    """The text is no pair of dates."""


def read_sale_dates(text: str) -> tuple[int, int, bool]:
    """(From, until, whether every time says its offset): seconds since 1970, ``OPEN`` where there is no such end.

    Blank text is a sale without dates. Raises ``SaleDatesError``.
    """
    text = _cleaned(text)
    if text in _NO_DATES:
        return OPEN, OPEN, True
    pair = _TWO.fullmatch(text)
    if pair is None or not (pair["a_year"] or pair["b_year"]):
        raise SaleDatesError
    begin = _moment(pair, "a_", last=False) if pair["a_year"] else OPEN
    end = _moment(pair, "b_", last=True) if pair["b_year"] else OPEN
    return begin, end, _has_zone(pair, "a_") and _has_zone(pair, "b_")


def read_sale_date(text: str, *, last: bool) -> tuple[int, bool]:
    """One end in a field of its own, the end of the sale with ``last``; else as ``read_sale_dates``."""
    text = _cleaned(text)
    if not text:
        return OPEN, True
    found = _ONE.fullmatch(text)
    if found is None:
        raise SaleDatesError
    return _moment(found, "", last=last), _has_zone(found, "")


def _cleaned(text: str) -> str:
    if len(text) > _LONGEST:
        raise SaleDatesError
    return " ".join(_NEVER.sub("", text).split())


def _moment(found: re.Match[str], end: str, *, last: bool) -> int:
    """A last moment is at least 1, so that a date long past is never taken for an open end."""
    try:
        day = datetime(int(found[end + "year"]), int(found[end + "month"]), int(found[end + "day"]), tzinfo=UTC)
    except ValueError as error:
        raise SaleDatesError from error
    seconds = int(day.timestamp())
    if found[end + "hour"] is None:
        seconds += _DAY if last else 0
    else:
        seconds += _time(found, end) - _offset(found[end + "zone"])
    return max(1 if last else 0, seconds)


def _time(found: re.Match[str], end: str) -> int:
    """Seconds since midnight; 24:00 is the end of the day."""
    hour, minute, second = (int(found[end + unit] or 0) for unit in ("hour", "minute", "second"))
    if minute > 59 or second > 60 or hour * _HOUR + minute * _MINUTE + second > _DAY:
        raise SaleDatesError
    return hour * _HOUR + minute * _MINUTE + second


def _offset(zone: str | None) -> int:
    """Seconds that the zone's clock is ahead of UTC."""
    if not zone or zone.isalpha():
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 15 or minutes > 59:
        raise SaleDatesError
    seconds = hours * _HOUR + minutes * _MINUTE
    return seconds if zone[0] == "+" else -seconds


def _has_zone(found: re.Match[str], end: str) -> bool:
    return found[end + "year"] is None or found[end + "zone"] is not None
