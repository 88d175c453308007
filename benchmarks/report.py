"""Rounds become rows, rows become a table, JSON and Markdown."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from rich.table import Table

from benchmarks.load import Measurement

BUSY = 0.1
"""Share of a core used by other programs from which on the numbers are not worth publishing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One measurement, and the shares of one core that the server's workers and programs that have nothing to do
    with this used meanwhile (None: not known)."""

    measured: Measurement
    cpu: float | None
    others: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Medians over the rounds. ``ratio`` is requests per second over the naive peer's."""

    server: str
    endpoint: str
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    ratio: float | None
    cpu: float | None
    body_bytes: float
    rounds: list[dict[str, float]]


def rows_of(rounds: Mapping[tuple[str, str], Sequence[Round]], peer: str) -> list[Row]:
    """One row per endpoint and server; keys are (endpoint, server)."""
    return [
        _row(endpoint, server, done, rounds.get((endpoint, peer), ())) for (endpoint, server), done in rounds.items()
    ]


def _row(endpoint: str, server: str, rounds: Sequence[Round], peer: Sequence[Round]) -> Row:
    speed = _speed(rounds)
    cpu = [r.cpu for r in rounds if r.cpu is not None]
    return Row(
        server=server,
        endpoint=endpoint,
        requests_per_s=round(speed, 1),
        p50_ms=round(median(r.measured.p50_ms for r in rounds), 3),
        p99_ms=round(median(r.measured.p99_ms for r in rounds), 3),
        ratio=round(speed / _speed(peer), 2) if peer else None,
        cpu=round(median(cpu), 2) if cpu else None,
        body_bytes=round(median(r.measured.body_bytes for r in rounds)),
        rounds=[
            {
                "requests_per_s": round(r.measured.per_second, 1),
                "p50_ms": round(r.measured.p50_ms, 3),
                "p99_ms": round(r.measured.p99_ms, 3),
                **({} if r.others is None else {"others": round(r.others, 2)}),
            }
            for r in rounds
        ],
    )


def _speed(rounds: Sequence[Round]) -> float:
    return median(r.measured.per_second for r in rounds)


def disturbance(rounds: Mapping[tuple[str, str], Sequence[Round]]) -> str:
    """How much other programs took part, and what follows from that."""
    shares = [r.others for done in rounds.values() for r in done]
    known = [share for share in shares if share is not None]
    if len(known) < len(shares):
        return "not known"
    worst = max(known)
    return f"at most {worst:.0%} of a core in any round" + (
        "; the machine was busy: DO NOT PUBLISH, measure again" if worst > BUSY else ""
    )


def machine(valkey_version: str) -> dict[str, str]:
    """What the numbers depend on."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processors": str(os.cpu_count()),
        "cpu": _line("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "memory": _memory(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("uvicorn", "starlette", "redis", "hiredis", "uvloop", "httptools")},
        "valkey": valkey_version,
    }


def _memory() -> str:
    total = _line("/proc/meminfo", "MemTotal")
    return f"{int(total.split()[0]) / 1_048_576:.1f} GiB" if total else "unknown"


def _line(path: str, name: str) -> str:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


_HEADINGS = ("server", "endpoint", "requests/s", "p50 ms", "p99 ms", "x naive", "worker CPU", "body bytes")


def table(rows: Sequence[Row]) -> Table:
    """For the terminal."""
    drawn = Table()
    for number, heading in enumerate(_HEADINGS):
        drawn.add_column(heading, justify="left" if number < 2 else "right")
    for row in rows:
        drawn.add_row(*_cells(row))
    return drawn


def _cells(row: Row) -> list[str]:
    return [
        row.server,
        row.endpoint,
        f"{row.requests_per_s:,.0f}",
        f"{row.p50_ms:.2f}",
        f"{row.p99_ms:.2f}",
        "-" if row.ratio is None else f"{row.ratio:.2f}",
        "-" if row.cpu is None else f"{row.cpu:.0%}",
        f"{row.body_bytes:,.0f}",
    ]


def write(folder: Path, rows: Sequence[Row], machine: Mapping[str, str], how: Mapping[str, str]) -> None:
    """``main_job.json`` and ``main_job.md``."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {"machine": machine, "how": how, "results": [asdict(row) for row in rows]}
    (folder / "main_job.json").write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", "utf-8")
    lines = [
        "# Pixel and ad, next to a naive peer",
        "",
        "Written by `make bench`. What is compared, and what is not: [README](../README.md).",
        "",
        _markdown(_HEADINGS),
        "|---|---|" + "---:|" * (len(_HEADINGS) - 2),
        *(_markdown(_cells(row)) for row in rows),
        "",
        *(f"- {name}: {value}" for name, value in {**how, **machine}.items()),
    ]
    (folder / "main_job.md").write_text("\n".join(lines) + "\n", "utf-8")


def _markdown(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
