"""The results as people and programs read them: Markdown and JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.goals import Goal, goals
from benchmarks.overload import Overload
from benchmarks.report import Point, Result, Row
from benchmarks.workers import Processors


def write(folder: Path, result: Result) -> None:
    """``bench.json`` and ``bench.md``."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {**asdict(result), "goals": [{**asdict(goal), "reached": goal.reached} for goal in goals(result)]}
    (folder / "bench.json").write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", "utf-8")
    (folder / "bench.md").write_text(markdown(result), "utf-8")


def markdown(result: Result) -> str:
    """The whole report."""
    parts = [
        "# The hot path, next to others",
        "Written by `make bench`. What is compared, and what is not: [README](../README.md).",
        "## What is wanted",
        _table(("", "wanted", "found", ""), [_goal_cells(goal) for goal in goals(result)]),
        "## Requests per second, one worker on one core",
        _table(
            (
                "endpoint",
                "server",
                "requests/s",
                "fast lane is",
                "p50 ms",
                "p99 ms",
                "shed",
                "core used",
                "µs/request",
                "bytes",
            ),
            [_row_cells(row) for row in result.rows],
        ),
        "## Latency by offered load, milliseconds",
        "![p99 by offered load](latency.svg)",
        _table(
            ("endpoint", "server", "load", "offered/s", "p50", "p90", "p99", "p99.9", "max", "generator p99", "shed"),
            [_point_cells(point) for point in result.points],
        ),
        *_processor_words(result.processors),
        *_overload_words(result.overload),
        "## How and where",
        "\n".join(f"- {name}: {value}" for name, value in {**result.how, **result.machine}.items()),
        *(f"Left out: {name}, because {why}." for name, why in result.absent.items()),
    ]
    return "\n\n".join(parts) + "\n"


def _goal_cells(goal: Goal) -> list[str]:
    found = "not measured" if goal.found is None else f"{goal.found:g} {goal.unit}"
    verdict = {True: "yes", False: "no", None: ""}[goal.reached]
    return [goal.what, f"{'at most' if goal.at_most else 'at least'} {goal.wanted:g} {goal.unit}", found, verdict]


def _row_cells(row: Row) -> list[str]:
    return [
        row.endpoint,
        row.server,
        f"{row.requests_per_s:,.0f}",
        f"{row.ratio:.2f} x",
        f"{row.p50_ms:.2f}",
        f"{row.p99_ms:.2f}",
        f"{row.shed:.1%}",
        "-" if row.cpu is None else f"{row.cpu:.0%}",
        "-" if row.cpu_us is None else f"{row.cpu_us:.1f}",
        f"{row.body_bytes:,.0f}",
    ]


def _point_cells(point: Point) -> list[str]:
    shed = f"{point.shed:.1%}" + "".join(f", {name}: {count:,}" for name, count in point.faults.items())
    return [
        point.endpoint,
        point.server,
        f"{point.load:.0%}",
        f"{point.offered_per_s:,.0f}",
        *(f"{ms:.2f}" for ms in point.latency_ms.values()),
        f"{point.lag_ms['p99']:.2f}",
        shed,
    ]


def _processor_words(found: Processors | None) -> list[str]:
    if found is None:
        return []
    shares = " and ".join(f"{share:.0%}" for share in found.shares)
    return [
        "## Processor time per pixel",
        f"{found.one_us:.1f} µs with one worker, {found.two_us:.1f} µs with two ({found.ratio:.2f} x; they did "
        f"{shares} of the work, the second on the core of Valkey and the load generator).",
    ]


def _overload_words(found: Overload) -> list[str]:
    late = found.recovery_s > found.watched_s
    recovered = f"not within {found.watched_s} s" if late else f"{found.recovery_s} s after its end"
    return [
        "## Overload",
        f"{found.offered_per_s:,} requests/s of the mix for {found.seconds:g} s, 1.5 times the peak of "
        f"{found.peak_per_s:,}/s: {found.answered_per_s:,}/s answered in full, {found.shed:.1%} shed. "
        f"All was as before {recovered}." + (f" Faults: {found.faults}." if found.faults else ""),
        _table(
            ("", *found.unloaded_ms),
            [
                ["a quarter of the peak, ms", *(f"{ms:.2f}" for ms in found.unloaded_ms.values())],
                ["half of it, before, ms", *(f"{ms:.2f}" for ms in found.before_ms.values())],
                ["1.5 times the peak, ms", *(f"{ms:.2f}" for ms in found.overloaded_ms.values())],
                ["the generator's own lag, ms", *(f"{ms:.2f}" for ms in found.generator_lag_ms.values())],
            ],
        ),
        _table(("answer", "times"), [[name, f"{count:,}"] for name, count in found.counts.items()]),
    ]


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    numbers = [all(row[i][:1].isdigit() or row[i] == "-" for row in rows) for i in range(len(headings))]
    rule = ["---:" if number and rows else "---" for number in numbers]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, rule, *rows))
