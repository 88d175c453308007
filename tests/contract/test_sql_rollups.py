"""Hourly measures: every event is counted once, whatever workers do at the same time."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.exc import StatementError

from adserver.reporting.measures import Event, HourKey, Measures, fold, report_rows
from adserver.storage.sql.rollups import START, RollupRow, SqlRollups, Totals

pytest_plugins = ["tests.contract.sql_servers"]

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOON_S = NOON.timestamp()
EVENTS: list[Event] = [
    ("ad", NOON_S, "viewers", "rectangle", ""),
    ("ad", NOON_S + 3599.9, "viewers", "rectangle", ""),
    ("ad", NOON_S + 3600, "viewers", "rectangle", ""),
    ("ad", NOON_S + 1, "", "rectangle", "no_history"),
    ("ad", NOON_S + 2, "", "rectangle", "no_history"),
    ("ad", NOON_S + 3, "", "banner", "consent"),
    ("impression", NOON_S + 4, "viewers", "rectangle", ""),
    ("click", NOON_S + 5, "viewers", "rectangle", ""),
    ("from_the_future", NOON_S + 6, "viewers", "rectangle", ""),
]


def rows(events: list[Event]) -> list[RollupRow]:
    return [(*key, *measures) for key, measures in fold(events).items()]


def test_events_fold_into_utc_hours() -> None:
    assert fold(EVENTS) == {
        HourKey(NOON, "viewers", "rectangle", ""): Measures(2, 1, 1),
        HourKey(NOON + timedelta(hours=1), "viewers", "rectangle", ""): Measures(1, 0, 0),
        HourKey(NOON, "", "rectangle", "no_history"): Measures(2, 0, 0),
        HourKey(NOON, "", "banner", "consent"): Measures(1, 0, 0),
    }


@given(st.permutations(EVENTS))
def test_the_order_of_events_does_not_matter(events: list[Event]) -> None:
    assert fold(events) == fold(EVENTS)


def test_the_report_adds_up(engine: Engine) -> None:
    rollups = SqlRollups(engine)
    assert rollups.commit("events", START, "5-0", rows(EVENTS))
    totals = rollups.totals()
    assert totals == Totals(
        rows=[
            ("", "banner", 1, 0, 0),
            ("", "rectangle", 2, 0, 0),
            ("viewers", "rectangle", 3, 1, 1),
        ],
        no_ad=[("banner", "consent", 1), ("rectangle", "no_history", 2)],
    )
    report = report_rows(*totals)
    assert report == {
        "rows": [
            {"line_item": "viewers", "placement": "rectangle", "requests": 3, "impressions": 1, "clicks": 1},
            {"line_item": None, "placement": "banner", "requests": 1, "impressions": 0, "clicks": 0},
            {"line_item": None, "placement": "rectangle", "requests": 2, "impressions": 0, "clicks": 0},
        ],
        "totals": {"requests": 6, "impressions": 1, "clicks": 1},
        "no_ad": [
            {"placement": "banner", "reason": "consent", "requests": 1},
            {"placement": "rectangle", "reason": "no_history", "requests": 2},
        ],
    }
    filled = sum(row["requests"] for row in report["rows"] if row["line_item"] is not None)
    assert report["totals"]["requests"] == filled + sum(row["requests"] for row in report["no_ad"])


def test_a_batch_counts_once(engine: Engine) -> None:
    rollups = SqlRollups(engine)
    assert rollups.offset("events") == START
    assert rollups.commit("events", START, "5-0", rows(EVENTS))
    before = rollups.totals()
    assert not rollups.commit("events", START, "5-0", rows(EVENTS))
    assert not rollups.commit("events", "4-9", "6-0", rows(EVENTS))
    assert rollups.totals() == before
    assert rollups.offset("events") == "5-0"
    assert rollups.offset("other") == START


def test_batches_add_up(engine: Engine) -> None:
    rollups = SqlRollups(engine)
    assert rollups.commit("events", START, "1-0", rows(EVENTS))
    assert rollups.commit("events", "1-0", "2-0", rows(EVENTS))
    assert rollups.commit("other", START, "2-0", rows(EVENTS))
    assert rollups.commit("events", "2-0", "3-0", [])
    assert rollups.totals().rows[-1] == ("viewers", "rectangle", 9, 3, 3)
    assert rollups.offset("events") == "3-0"


def test_a_batch_may_name_a_key_twice_and_count_past_32_bits(engine: Engine) -> None:
    rollups = SqlRollups(engine)
    row: RollupRow = (NOON, "viewers", "rectangle", "", 2**40, 1, 0)
    assert rollups.commit("events", START, "1-0", [row, row])
    assert rollups.totals().rows == [("viewers", "rectangle", 2**41, 2, 0)]


def test_a_broken_batch_leaves_offset_and_measures(engine: Engine) -> None:
    rollups = SqlRollups(engine)
    broken = (NOON.replace(tzinfo=None), "viewers", "rectangle", "", 1, 0, 0)
    with pytest.raises(StatementError, match="time zone"):
        rollups.commit("events", START, "1-0", [broken])
    assert rollups.offset("events") == START
    assert rollups.totals() == Totals([], [])


def test_workers_at_the_same_time_never_count_twice(engine: Engine, open_again: Callable[[], Engine]) -> None:
    """Four workers race through 25 batches of one stream: each batch is won by exactly one of them."""
    won: list[str] = []
    start = threading.Barrier(4)

    def work(rollups: SqlRollups) -> None:
        start.wait()
        for number in range(25):
            expected = f"{number}-0" if number else START
            if rollups.commit("events", expected, f"{number + 1}-0", rows(EVENTS)):
                won.append(expected)

    threads = [threading.Thread(target=work, args=(SqlRollups(open_again()),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rollups = SqlRollups(engine)
    batches = int(rollups.offset("events").partition("-")[0])
    assert len(won) == len(set(won)) == batches
    assert rollups.totals().rows[-1] == ("viewers", "rectangle", 3 * batches, batches, batches)


def test_totals_of_a_period_are_its_whole_hours(engine: Engine) -> None:
    rollups = SqlRollups(engine)
    hours = [NOON + timedelta(hours=number) for number in range(4)]
    rollups.commit("events", START, "1-0", [(hour, "viewers", "rectangle", "", 1, 0, 0) for hour in hours])

    def requests(since: datetime | None, until: datetime | None) -> int:
        return sum(row[2] for row in rollups.totals(since, until).rows)

    assert requests(None, None) == 4
    assert requests(hours[1], None) == 3
    assert requests(None, hours[1]) == 1
    assert requests(hours[1], hours[3]) == 2
    assert requests(hours[1] + timedelta(seconds=1), hours[3]) == 1
    berlin = timezone(timedelta(hours=2))
    assert requests(hours[1].astimezone(berlin), hours[3].astimezone(berlin)) == 2
