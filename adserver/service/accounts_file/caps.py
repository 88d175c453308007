"""Frequency caps: ``"3/day"``, ``"6/week per product"``, or the same as a table."""

import re
from typing import Any

from adserver.model.cap import WINDOW_UNITS, Cap, Level
from adserver.service.accounts_file import values
from adserver.service.accounts_file.problem import nearest
from adserver.service.accounts_file.wrong import Check, Wrong, inside

_UNITS = {**WINDOW_UNITS, "d": 86_400, "h": 3_600}
_WINDOW = re.compile(rf"([1-9][0-9]{{0,5}})?({'|'.join(sorted(_UNITS, key=len, reverse=True))})", re.ASCII)
_CAP = re.compile(r"([1-9][0-9]{0,3})/(\w+)(?: per (\w+))?", re.ASCII)
_MOST_CAPS = 6
_LARGEST_LIMIT = 1_000
_SHORTEST_S, _LONGEST_S = 60, 180 * 86_400
_ORDER = list(Level)
_LIMIT = f"a cap of 1 to {_LARGEST_LIMIT} ads"
_SPELLING = 'a cap such as "3/day", "2/30min", "6/12hour" or "20/2week"'


def caps(own: Level, *others: Level) -> Check:
    """By level and then by window, the shortest first. A cap that does not say what it counts, counts at level ``own``;
    ``others`` are what it may say instead."""
    levels = [level for level in _ORDER if level in {own, *others}]

    def check(value: Any) -> object:
        if not isinstance(value, list):
            return Wrong()
        kept: dict[tuple[int, int], Cap] = {}
        for at, written in enumerate(value):
            cap = _cap(written, own, levels)
            if isinstance(cap, Wrong):
                return inside(cap, at)
            place = (_ORDER.index(cap.per), cap.window_s)
            if place in kept:
                return Wrong(f'a window other than that of "{kept[place]}"', (at,))
            if sum(cap.per is other.per for other in kept.values()) == _MOST_CAPS:
                return Wrong(f"a list of at most {_MOST_CAPS} caps per {cap.per.value}")
            kept[place] = cap
        return tuple(kept[place] for place in sorted(kept))

    return check


def _cap(value: Any, own: Level, levels: list[Level]) -> Cap | Wrong:
    if isinstance(value, dict):
        return _table(value, own, levels)
    parts = _CAP.fullmatch(value) if isinstance(value, str) else None
    window_s = _window(parts[2]) if parts else 0
    if parts is None or not window_s:
        return Wrong(_SPELLING)
    return _made(int(parts[1]), window_s, parts[3] or own.value, levels)


def _table(value: dict[str, Any], own: Level, levels: list[Level]) -> Cap | Wrong:
    known = ["per", "limit", "window"]
    for name in value:
        if name not in known:
            return Wrong(f"one of {', '.join(known)}{nearest(name, known)}", (name,), found=name)
    limit, window = value.get("limit"), value.get("window")
    if isinstance(values.whole(1, _LARGEST_LIMIT)(limit), Wrong) or limit is None:
        return Wrong(_LIMIT, ("limit",), found=limit)
    window_s = _window(window)
    if not window_s:
        return Wrong('a window such as "1d", "6h" or "30min"', ("window",), found=window)
    cap = _made(limit, window_s, value.get("per", own.value), levels)
    place = {_LIMIT: "limit", _WINDOWS: "window"}
    return inside(cap, place.get(cap.expected, "per")) if isinstance(cap, Wrong) else cap


_WINDOWS = "a window of one minute to 180 days"


def _made(limit: int, window_s: int, per: object, levels: list[Level]) -> Cap | Wrong:
    if limit > _LARGEST_LIMIT:
        return Wrong(_LIMIT)
    if not _SHORTEST_S <= window_s <= _LONGEST_S:
        return Wrong(_WINDOWS)
    names = [level.value for level in levels]
    if per not in names:
        return Wrong(f"per {', '.join(names)}{nearest(per, names) if isinstance(per, str) else ''}")
    return Cap(limit, window_s, Level(per))


def _window(value: object) -> int:
    """Its seconds; 0 for what is none."""
    parts = _WINDOW.fullmatch(value) if isinstance(value, str) else None
    return int(parts[1] or 1) * _UNITS[parts[2]] if parts else 0
