"""Hourly measures: every event is counted once, whatever workers do at the same time."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.exc import StatementError

from adserver.model.account import Accounts
from adserver.reporting.exposures import ArmKey, ArmMeasures, fold_exposures
from adserver.reporting.measures import Event, HourKey, Measures, Sum, decimal_of, fold, report_rows
from adserver.storage.sql.accounts import SqlAccounts
from adserver.storage.sql.migrate import upgrade
from adserver.storage.sql.rollups import START, ArmRow, RollupRow, SqlRollups, Totals

pytest_plugins = ["tests.contract.sql_servers"]

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOON_S = NOON.timestamp()
EVENTS: list[Event] = [
    ("ad", NOON_S, "viewers", "rectangle", "", "grid", 0.75),
    ("ad", NOON_S + 3599.9, "viewers", "rectangle", "", "hero", 0.25),
    ("ad", NOON_S + 3600, "viewers", "rectangle", "", "grid", 0.75),
    ("ad", NOON_S + 1, "", "rectangle", "no_history"),
    ("ad", NOON_S + 2, "", "rectangle", "no_history"),
    ("ad", NOON_S + 3, "", "banner", "consent", "", 0),
    ("impression", NOON_S + 4, "viewers", "rectangle", "", "grid", 4_000),
    ("click", NOON_S + 5, "viewers", "rectangle", "", "grid", 500_000),
    ("from_the_future", NOON_S + 6, "viewers", "rectangle", ""),
]


def rows(events: list[Event]) -> list[RollupRow]:
    return [(*key, *measures) for key, measures in fold(events).items()]


def test_events_fold_into_utc_hours() -> None:
    assert fold(EVENTS) == {
        HourKey(NOON, "viewers", "rectangle", "", "grid"): Measures(1, 1, 1, 504_000),
        HourKey(NOON, "viewers", "rectangle", "", "hero"): Measures(1, 0, 0),
        HourKey(NOON + timedelta(hours=1), "viewers", "rectangle", "", "grid"): Measures(1, 0, 0),
        HourKey(NOON, "", "rectangle", "no_history"): Measures(2, 0, 0),
        HourKey(NOON, "", "banner", "consent"): Measures(1, 0, 0),
    }


def test_records_of_older_servers_are_read() -> None:
    old: list[Event] = [(kind, NOON_S, "viewers", "rectangle", "") for kind in ("ad", "impression", "click")]
    assert fold(old) == {HourKey(NOON, "viewers", "rectangle", ""): Measures(1, 1, 1)}


def test_visitors_of_an_arm_count_in_the_hour_that_met_them() -> None:
    """So that those who bought are always some of those who were met, whatever hours are asked for."""
    met = int(NOON_S) + 60
    events: list[Event] = [
        ("exposure", met, "summer", "treated"),
        ("exposure", met, "summer", "ghost"),
        ("exposure", met + 10, "~colours", "red"),
        ("conversion", met + 90_000, "summer", "treated", 19_900_000, 1, met),
        ("conversion", met + 95_000, "summer", "treated", 5_000_000, 2, met),
        *EVENTS,
    ]
    assert fold_exposures(events) == {
        ArmKey(NOON, "summer", "treated"): ArmMeasures(1, 1, 2, 24_900_000),
        ArmKey(NOON, "summer", "ghost"): ArmMeasures(1, 0, 0, 0),
        ArmKey(NOON, "~colours", "red"): ArmMeasures(1, 0, 0, 0),
    }
    assert fold(events) == fold(EVENTS)


@pytest.mark.parametrize(
    ("micros", "shown"), [(0, "0.00"), (4_000_000, "4.00"), (4_000, "0.004"), (1, "0.000001"), (-1_500_000, "-1.50")]
)
def test_money_is_exact(micros: int, shown: str) -> None:
    assert decimal_of(micros) == shown


@given(st.permutations(EVENTS))
def test_the_order_of_events_does_not_matter(events: list[Event]) -> None:
    assert fold(events) == fold(EVENTS)


def test_the_report_adds_up(engine: Engine) -> None:
    rollups = SqlRollups(engine)
    assert rollups.commit("events", START, "5-0", rows(EVENTS))
    totals = rollups.totals()
    assert totals == Totals(
        rows=[
            ("", "banner", "", 1, 0, 0, 0),
            ("", "rectangle", "", 2, 0, 0, 0),
            ("viewers", "rectangle", "", 3, 1, 1, 504_000),
        ],
        no_ad=[("banner", "consent", 1), ("rectangle", "no_history", 2)],
    )
    report = report_rows([Sum(*row) for row in totals.rows], totals.no_ad, {"viewers": "EUR"})
    assert report == {
        "rows": [
            {
                "line_item": "viewers",
                "placement": "rectangle",
                "requests": 3,
                "impressions": 1,
                "clicks": 1,
                "cost": "0.504",
                "currency": "EUR",
            },
            {"line_item": None, "placement": "banner", "requests": 1, "impressions": 0, "clicks": 0},
            {"line_item": None, "placement": "rectangle", "requests": 2, "impressions": 0, "clicks": 0},
        ],
        "totals": {"requests": 6, "impressions": 1, "clicks": 1, "cost": {"EUR": "0.504"}},
        "no_ad": [
            {"placement": "banner", "reason": "consent", "requests": 1},
            {"placement": "rectangle", "reason": "no_history", "requests": 2},
        ],
    }
    filled = sum(row["requests"] for row in report["rows"] if row["line_item"] is not None)
    assert report["totals"]["requests"] == filled + sum(row["requests"] for row in report["no_ad"])


def test_the_report_by_creative(engine: Engine) -> None:
    rollups = SqlRollups(engine)
    assert rollups.commit("events", START, "5-0", rows(EVENTS))
    totals = rollups.totals(by_creative=True)
    assert totals.rows[-2:] == [
        ("viewers", "rectangle", "grid", 2, 1, 1, 504_000),
        ("viewers", "rectangle", "hero", 1, 0, 0, 0),
    ]
    report = report_rows([Sum(*row) for row in totals.rows], totals.no_ad, {}, by_creative=True)
    assert [row["creative"] for row in report["rows"]] == ["grid", "hero", None, None]
    assert report["totals"]["cost"] == {"": "0.504"}  # of a line item that is gone nobody knows the currency


def test_clicks_by_hour_and_creative(engine: Engine) -> None:
    rollups = SqlRollups(engine)
    elsewhere: Event = ("impression", NOON_S + 7, "viewers", "banner", "", "grid", 4_000)
    assert rollups.commit("events", START, "5-0", rows([*EVENTS, elsewhere]))
    assert rollups.clicks() == [(NOON, "viewers", "grid", 2, 1)]
    assert rollups.clicks(NOON + timedelta(hours=1)) == []
    assert rollups.costs() == {"viewers": 508_000}
    assert rollups.costs(NOON + timedelta(hours=1)) == {}


def test_arms_add_up_with_the_offset(engine: Engine) -> None:
    rollups = SqlRollups(engine)
    later = NOON + timedelta(hours=1)
    arms: list[ArmRow] = [(NOON, "summer", "treated", 10, 1, 2, 2**40), (later, "summer", "ghost", 3, 0, 0, 0)]
    assert rollups.commit("events", START, "1-0", [], arms)
    assert rollups.commit("events", "1-0", "2-0", rows(EVENTS), arms[:1])
    assert not rollups.commit("events", START, "1-0", [], arms)
    assert rollups.arms() == [("summer", "ghost", 3, 0, 0, 0), ("summer", "treated", 20, 2, 4, 2**41)]
    assert rollups.arms(later) == [("summer", "ghost", 3, 0, 0, 0)]
    assert rollups.arms(None, later) == [("summer", "treated", 20, 2, 4, 2**41)]


def test_a_salt_is_drawn_once_for_each_database(engine: Engine) -> None:
    accounts = SqlAccounts(engine)
    salt = accounts.salt()
    assert len(salt) == 32
    accounts.apply(lambda _: (Accounts(), Accounts()))
    upgrade(engine)
    assert SqlAccounts(engine).salt() == salt


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
    assert rollups.totals().rows[-1] == ("viewers", "rectangle", "", 9, 3, 3, 1_512_000)
    assert rollups.offset("events") == "3-0"


def test_a_batch_may_name_a_key_twice_and_count_past_32_bits(engine: Engine) -> None:
    rollups = SqlRollups(engine)
    row: RollupRow = (NOON, "viewers", "rectangle", "", "grid", 2**40, 1, 0, 2**41)
    assert rollups.commit("events", START, "1-0", [row, row])
    assert rollups.totals().rows == [("viewers", "rectangle", "", 2**41, 2, 0, 2**42)]


def test_a_broken_batch_leaves_offset_and_measures(engine: Engine) -> None:
    rollups = SqlRollups(engine)
    broken = (NOON.replace(tzinfo=None), "viewers", "rectangle", "", "", 1, 0, 0, 0)
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
    assert rollups.totals().rows[-1] == ("viewers", "rectangle", "", 3 * batches, batches, batches, 504_000 * batches)


def test_totals_of_a_period_are_its_whole_hours(engine: Engine) -> None:
    rollups = SqlRollups(engine)
    hours = [NOON + timedelta(hours=number) for number in range(4)]
    rollups.commit("events", START, "1-0", [(hour, "viewers", "rectangle", "", "", 1, 0, 0, 0) for hour in hours])

    def requests(since: datetime | None, until: datetime | None) -> int:
        return sum(row[3] for row in rollups.totals(since, until).rows)

    assert requests(None, None) == 4
    assert requests(hours[1], None) == 3
    assert requests(None, hours[1]) == 1
    assert requests(hours[1], hours[3]) == 2
    assert requests(hours[1] + timedelta(seconds=1), hours[3]) == 1
    berlin = timezone(timedelta(hours=2))
    assert requests(hours[1].astimezone(berlin), hours[3].astimezone(berlin)) == 2
