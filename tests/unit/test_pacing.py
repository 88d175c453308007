"""How much of a budget may be gone by now."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adserver.decision.pacing import allowed, curve_of, plan_day
from adserver.model.line_item import Budget, Daypart, LineItem, Pacing

BERLIN = ZoneInfo("Europe/Berlin")
MICROS = 1_000_000


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp())


def line_item(daily: int | None = 100, total: int | None = None, pacing: str = "even", **more: Any) -> LineItem:
    budget = Budget(total=total, daily=daily, pacing=Pacing(pacing))
    return LineItem(id="l", campaign="c", creative="cart", budget=budget, **more)


def share(when: str, booked: LineItem, curve: tuple[float, ...] = (), began: int = 0) -> float:
    return round(plan_day(at(when), booked, BERLIN, began).share(at(when), curve), 4)


NOON = "2026-05-11T12:00:00"  # a Monday


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2026-05-11T00:00:00", 0.0),
        ("2026-05-11T06:00:00", 0.25),
        (NOON, 0.5),
        ("2026-05-11T23:59:59", 1.0),
    ],
)
def test_a_day_is_spread_over_the_clock_of_the_advertiser(when: str, expected: float) -> None:
    assert share(when, line_item()) == expected


def test_a_day_of_the_plan_begins_and_ends_at_midnight_there() -> None:
    plan = plan_day(at(NOON), line_item(), BERLIN)
    assert (plan.start, plan.end) == (at("2026-05-11T00:00:00"), at("2026-05-12T00:00:00"))
    assert plan.number == date(2026, 5, 11).toordinal()
    for day, hours in (("2026-03-29", 23), ("2026-10-25", 25)):
        plan = plan_day(at(f"{day}T12:00:00"), line_item(), BERLIN)
        assert plan.end - plan.start == hours * 3_600


@pytest.mark.parametrize(
    "booked",
    [line_item(pacing="asap"), line_item(daily=None, total=100), line_item(None, 100, "learned")],
)
def test_what_has_nothing_to_be_spread_over_goes_at_once(booked: LineItem) -> None:
    assert share("2026-05-11T00:00:00", booked) == 1.0


def test_a_flight_within_the_day_is_spread_over_its_own_hours() -> None:
    booked = line_item(start=at("2026-05-11T10:00:00"), end=at("2026-05-11T14:00:00"))
    assert [share(f"2026-05-11T{h}:00:00", booked) for h in ("09", "10", "11", "14", "15")] == [0, 0, 0.25, 1, 1]


def test_a_line_item_that_begins_at_noon_is_spread_over_the_afternoon() -> None:
    began = at(NOON)
    assert [share(f"2026-05-11T{h}:00:00", line_item(), began=began) for h in ("12", "15", "18")] == [0, 0.25, 0.5]
    assert share("2026-05-12T12:00:00", line_item(), began=began) == 0.5


def test_dayparts_are_the_only_time_that_counts() -> None:
    parts = (Daypart((0, 1), 18 * 60, 20 * 60), Daypart((0,), 8 * 60, 10 * 60), Daypart((0,), 9 * 60, 11 * 60))
    hours = ("07", "08", "09", "11", "12", "18", "19", "20", "23")
    booked = line_item(dayparts=parts)
    assert [share(f"2026-05-11T{h}:00:00", booked) for h in hours] == [0, 0, 0.2, 0.6, 0.6, 0.6, 0.8, 1, 1]
    assert share("2026-05-12T19:00:00", booked) == 0.5


def test_a_total_with_an_end_is_spread_over_the_days_that_are_left() -> None:
    booked = line_item(daily=None, total=100, start=at("2026-05-01T00:00:00"), end=at("2026-05-21T00:00:00"))
    assert share(NOON, booked) == 0.05
    assert share("2026-05-20T12:00:00", booked) == 0.5
    assert share("2026-05-20T23:59:59", booked) == 1.0


def test_the_days_that_are_left_count_as_long_as_they_are_open() -> None:
    weekdays = Daypart((0, 1, 2, 3, 4), 9 * 60, 17 * 60)
    saturdays = Daypart((5,), 0, 1_440)
    end = at("2026-05-25T13:00:00")  # a Monday, half open
    booked = line_item(daily=None, total=100, dayparts=(weekdays, saturdays), end=end)
    hours = 8 + 4 * 8 + 24 + 5 * 8 + 24 + 4
    assert share("2026-05-11T18:00:00", booked) == round(8 / hours, 4)
    assert share("2026-05-11T13:00:00", booked) == round(4 / hours, 4)


def test_a_curve_says_how_much_of_the_traffic_has_come() -> None:
    curve = curve_of([0] * 12 + [100] * 6 + [300] * 6, evened=0.0)
    hours = ("06", "12", "15", "18", "21")
    assert [share(f"2026-05-11T{h}:00:00", line_item(pacing="learned"), curve) for h in hours] == [
        0,
        0,
        0.125,
        0.25,
        0.625,
    ]
    assert share("2026-05-11T18:30:00", line_item(pacing="learned"), curve) == 0.3125


def test_an_hour_without_traffic_is_not_left_out_altogether() -> None:
    curve = curve_of([100] * 12 + [0] * 12)
    assert curve[11] < 1 == pytest.approx(curve[-1])
    assert list(curve) == sorted(curve)
    assert curve_of([4] * 24) == ()


@pytest.mark.parametrize(
    ("budget", "by_now", "before", "expected"),
    [
        (Budget(daily=100 * MICROS), 0.0, 0, MICROS),
        (Budget(daily=100 * MICROS), 0.5, 10**12, 51 * MICROS),
        (Budget(daily=100 * MICROS), 1.0, 0, 100 * MICROS),
        (Budget(total=100 * MICROS), 0.5, 60 * MICROS, 21 * MICROS),
        (Budget(total=100 * MICROS, daily=50 * MICROS), 0.5, 80 * MICROS, 11 * MICROS),
        (Budget(total=100 * MICROS), 1.0, 120 * MICROS, 0),
    ],
)
def test_what_is_allowed_by_now(budget: Budget, by_now: float, before: int, expected: int) -> None:
    assert allowed(budget, by_now, before=before, price=MICROS) == expected
