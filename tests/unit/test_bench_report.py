"""What is made of the numbers: rows, goals, recovery, tables and the picture."""

import json
from array import array
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import page, report
from benchmarks.answer import Kind, Kinds
from benchmarks.arrivals import S
from benchmarks.client import Log
from benchmarks.goals import Goal, goals
from benchmarks.histogram import Histogram
from benchmarks.measure import Round
from benchmarks.micro import timing
from benchmarks.overload import Overload, recovery
from benchmarks.picture import picture
from benchmarks.report import Point, Result, Row
from benchmarks.steps import steps
from benchmarks.workers import Processors

MS = 1_000_000


def round_of(per_second: int, *, ms: int = 1, others: float | None = 0.01, cpu: float | None = 0.9) -> Round:
    return Round(
        seconds=2.0,
        latency=Histogram([ms * MS] * per_second * 2),
        lag=Histogram([0]),
        counts=Counter({Kind("pixel", 200, "", 43): per_second, Kind("pixel", 200, "", 45): per_second}),
        cpu=cpu,
        cpu_us=None if cpu is None else cpu / per_second * 1e6,
        others=others,
        log=Log(Kinds()),
    )


def rows() -> list[Row]:
    return report.rows_of(
        {
            ("pixel", "fast lane"): [round_of(500), round_of(600), round_of(900)],
            ("pixel", "naive"): [round_of(100, ms=4), round_of(90, ms=4), round_of(300, ms=4)],
            ("ad", "fast lane"): [round_of(200)],
            ("ad", "naive"): [round_of(50)],
        },
        of="fast lane",
    )


def points() -> list[Point]:
    return [
        report.point_of(row, load, row.requests_per_s * load, round_of(100, ms=int(1 + 4 * load)))
        for row in rows()
        for load in (0.5, 1.0)
    ]


def overload(recovery_s: int = 2) -> Overload:
    return Overload(
        peak_per_s=1_000,
        offered_per_s=1_500,
        seconds=12,
        unloaded_ms={"p99": 1.0},
        before_ms={"p99": 1.5},
        overloaded_ms={"p99": 8.0},
        p99_ratio=8.0,
        answered_per_s=900,
        shed=0.4,
        counts={"ad 204 overload": 7_200},
        faults={},
        recovery_s=recovery_s,
        watched_s=10,
        generator_lag_ms={"p99": 0.1},
    )


def result(absent: dict[str, str] | None = None) -> Result:
    return Result(
        machine={"cpu": "a good one"},
        how={"cores": "two"},
        absent=absent or {},
        rows=rows(),
        points=points(),
        processors=Processors(one_us=30.0, two_us=36.0, ratio=1.2, shares=[0.5, 0.5]),
        overload=overload(),
    )


def test_a_row_has_the_medians_and_the_ratio_of_the_medians() -> None:
    naive = next(row for row in rows() if (row.server, row.endpoint) == ("naive", "pixel"))
    assert (naive.requests_per_s, naive.ratio) == (100, 6.0)
    assert (naive.p50_ms, naive.p99_ms, naive.body_bytes) == (4.0, 4.0, 44)
    assert [done["requests_per_s"] for done in naive.rounds] == [100, 90, 300]


def test_goals_are_judged_by_their_direction() -> None:
    assert [Goal("", 2, 2.0).reached, Goal("", 2, 1.9).reached] == [True, False]
    assert [Goal("", 2, 2.0, at_most=True).reached, Goal("", 2, 2.1, at_most=True).reached] == [True, False]
    assert Goal("", 2, None).reached is None


def test_goals_are_read_from_the_run() -> None:
    found = {goal.what: (goal.found, goal.reached) for goal in goals(result())}
    assert found["pixel, against naive Starlette + redis.asyncio"] == (6.0, True)
    assert found["pixel, against Fastify + ioredis"] == (None, None)
    assert found["ads per second, against pixels"] == (0.33, False)
    assert found["pixel, p99 at half of the peak"] == (3.0, True)
    assert found["processor time per request, two workers against one"] == (1.2, False)


def test_shed_answers_are_told_from_faults() -> None:
    done = round_of(4)
    assert done.per_second == 4
    done.counts.clear()
    done.counts.update({Kind("ad", 200, "", 9): 6, Kind("ad", 204, "overload", 0): 1, Kind("ad", 503, "", 0): 1})
    point = report.point_of(rows()[0], 1.1, 8, done)
    assert done.per_second == 3.5
    assert (point.shed, point.faults) == (0.125, {"ad 503": 1})


@pytest.mark.parametrize(
    ("others", "words"), [(0.05, "at most 5% of a core"), (0.5, "DO NOT PUBLISH"), (None, "not known")]
)
def test_other_programs_are_told(others: float | None, words: str) -> None:
    assert words in report.disturbance([0.01, others])


def log_of(seconds: dict[int, tuple[int, str]]) -> Log:
    """One answer per second: how many milliseconds it took, and its reason."""
    kinds = Kinds()
    return Log(
        kinds,
        asked=array("q", [second * S for second in seconds]),
        took=array("q", [ms * MS for ms, _ in seconds.values()]),
        kind=array("L", [kinds.number(Kind("ad", 200, reason, 0)) for _, reason in seconds.values()]),
    )


@pytest.mark.parametrize(
    ("after", "recovered"),
    [
        ([(1, ""), (2, ""), (1, ""), (1, "")], 0),
        ([(9, ""), (1, ""), (1, ""), (1, "")], 1),
        ([(1, ""), (1, ""), (1, "overload"), (1, "")], 3),
        ([(1, ""), (1, ""), (1, ""), (3, "")], 5),
    ],
)
def test_recovery_is_when_all_is_calm_and_stays_so(after: list[tuple[int, str]], recovered: int) -> None:
    log = log_of({0: (50, "overload"), **dict(enumerate(after, 1))})
    assert recovery(log, 1 * S, 1 * MS, watched_s=4) == recovered


def test_results_are_written_for_people_and_for_programs(tmp_path: Path) -> None:
    page.write(tmp_path, result({"fastify": "node is not installed"}))
    text = (tmp_path / "bench.md").read_text("utf-8")
    assert "| pixel | naive | 100 | 6.00 x |" in text
    assert "Left out: fastify, because node is not installed." in text
    found = json.loads((tmp_path / "bench.json").read_text("utf-8"))
    assert {"machine", "how", "rows", "points", "processors", "overload", "goals", "absent"} == set(found)
    assert found["overload"]["counts"] == {"ad 204 overload": 7_200}


def test_every_table_has_as_many_cells_as_headings() -> None:
    widths = {
        table[0].count("|") == line.count("|")
        for part in page.markdown(result()).split("\n\n")
        if (table := part.splitlines()) and part.startswith("|")
        for line in table
    }
    assert widths == {True}


def test_the_picture_is_whole_and_has_a_line_for_each_server_and_endpoint() -> None:
    drawn = picture(points(), rows())
    root = ElementTree.fromstring(drawn)
    named = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{named}polyline")) == 4
    assert len(root.findall(f"{named}circle")) == 8
    width, height = (float(side) for side in root.attrib["viewBox"].split()[2:])
    for circle in root.iter(f"{named}circle"):
        assert 0 < float(circle.attrib["cx"]) < width
        assert 0 < float(circle.attrib["cy"]) < height


def test_the_fastest_repeat_counts() -> None:
    found = timing("step", [1_200.0, 1_000.0, 1_500.0])
    assert found.us == 1.0
    assert found.spread == pytest.approx(0.2)


def test_every_step_that_is_timed_does_its_work() -> None:
    for name, step in steps().items():
        assert step(), name
