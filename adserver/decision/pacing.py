"""How much of a budget may be gone by now: by the clock, at once, or as traffic comes.

A day's goal is ``daily``. Where only a total is given, and an end, it is an even part of what is left of the total for
each second in which the line item may still run. A total without an end has nothing to be spread over: it goes as fast
as it can. Within a day the goal is spread over the time in which the line item may run: between its start and its end,
in its dayparts, and from when its ledger began.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from adserver.model.budget import Curve
from adserver.model.line_item import Budget, Daypart, LineItem, Pacing

_HOURS = 24
_EVEN: Curve = tuple((hour + 1) / _HOURS for hour in range(_HOURS))
_Part = tuple[int, int]


class Plan(NamedTuple):
    """One day of a line item: its ``number`` (``date.toordinal``), begin and end in seconds since 1970, the ``parts``
    (from, to) of it in which the line item may run, in order, and the share (0 to 1) of the day's money in what is left
    of the budget. ``at_once``: nothing is spread."""

    number: int
    start: int
    end: int
    parts: tuple[_Part, ...]
    of_all: float = 1.0
    at_once: bool = False

    def share(self, now: float, curve: Curve = ()) -> float:
        """The share (0 to 1) of what is left of the budget, up to ``daily``, that may be gone at ``now``; by the clock
        without a curve."""
        if self.at_once:
            return 1.0
        gone = total = 0.0
        for begin, end in self.parts:
            before = self._traffic(begin, curve)
            total += self._traffic(end, curve) - before
            if begin < now:
                gone += self._traffic(min(now, end), curve) - before
        return min(1.0, gone / total) * self.of_all if total > 0 else 1.0

    def _traffic(self, moment: float, curve: Curve) -> float:
        """The share of the day's traffic that has come at ``moment`` of it."""
        hours = (moment - self.start) / (self.end - self.start) * _HOURS
        hour = min(_HOURS - 1, max(0, int(hours)))
        curve = curve or _EVEN
        before = curve[hour - 1] if hour else 0.0
        return before + (curve[hour] - before) * (hours - hour)


def plan_day(now: float, line_item: LineItem, zone: tzinfo, began: int = 0) -> Plan:
    """The day of ``now`` (seconds since 1970) in the advertiser's time zone, for a line item with a budget.

    ``began``: when it could run first (seconds since 1970), 0 for long ago.
    """
    when = datetime.fromtimestamp(now, zone).date()
    start, end = _moment(when, 0, zone), _moment(when, 1_440, zone)
    parts = _clipped(_open(when, line_item.dayparts, zone), max(start, line_item.start, began), line_item.end or end)
    budget = line_item.budget
    plan = Plan(when.toordinal(), start, end, parts)
    if budget is None or budget.pacing is Pacing.ASAP or (budget.daily is None and not line_item.end):
        return plan._replace(at_once=True)
    if budget.daily is not None or not parts:
        return plan
    today = _length(parts)
    return plan._replace(of_all=today / (today + _coming(when, line_item, zone)))


def allowed(budget: Budget, share: float, *, before: int, price: int) -> int:
    """Micros that may be spent today by now, or be held for it; ``before`` micros were until yesterday.

    One event (``price``) more than its ``share``, so that the first need not wait and the last one is not too late.
    """
    left = [
        goal for goal in (budget.daily, None if budget.total is None else budget.total - before) if goal is not None
    ]
    goal = max(0, min(left))
    return min(goal, int(goal * share) + price)


def curve_of(requests: Sequence[int], *, least: int = 100, evened: float = 0.05) -> Curve:
    """The curve of a day with so many ``requests`` in each of its 24 hours. ``evened`` of it is spread evenly, so that
    an hour in which the server was down is not left out next time. Empty for a day with fewer than ``least``."""
    total = sum(requests)
    if total < least:
        return ()
    gone, curve = 0, []
    for hour, count in enumerate(requests):
        gone += count
        curve.append((1 - evened) * gone / total + evened * (hour + 1) / _HOURS)
    return tuple(curve)


def _open(when: date, dayparts: Sequence[Daypart], zone: tzinfo) -> Iterable[_Part]:
    """The day's parts, in order and without overlaps."""
    for begin, finish in _minutes(when.weekday(), dayparts):
        yield _moment(when, begin, zone), _moment(when, finish, zone)


def _minutes(weekday: int, dayparts: Sequence[Daypart]) -> list[_Part]:
    if not dayparts:
        return [(0, 1_440)]
    merged: list[_Part] = []
    for begin, finish in sorted((p.from_minute, p.to_minute) for p in dayparts if weekday in p.days):
        if merged and begin <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(finish, merged[-1][1])
        else:
            merged.append((begin, finish))
    return merged


def _moment(when: date, minute: int, zone: tzinfo) -> int:
    """That minute (0 to 1,440) of the day by the clocks on the wall, in seconds since 1970."""
    if minute == 1_440:
        when, minute = when + timedelta(days=1), 0
    return int(datetime.combine(when, time(minute // 60, minute % 60), zone).timestamp())


def _clipped(parts: Iterable[_Part], first: int, last: int) -> tuple[_Part, ...]:
    clipped = ((max(begin, first), min(end, last)) for begin, end in parts)
    return tuple((begin, end) for begin, end in clipped if begin < end)


def _length(parts: Iterable[_Part]) -> int:
    return sum(end - begin for begin, end in parts)


def _coming(today: date, line_item: LineItem, zone: tzinfo) -> int:
    """Seconds after today in which the line item may run until its end; days of 23 and 25 hours count as 24."""
    last = datetime.fromtimestamp(line_item.end, zone).date()
    if last <= today:
        return 0
    week = [60 * _length(_minutes(weekday, line_item.dayparts)) for weekday in range(7)]
    weeks, rest = divmod((last - today).days - 1, 7)
    days = [week[(today.weekday() + 1 + day) % 7] for day in range(rest)]
    return weeks * sum(week) + sum(days) + _length(_clipped(_open(last, line_item.dayparts, zone), 0, line_item.end))
