"""What an import found, on the screen and as JSON."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adserver.model.feed_import import FeedImport, Outcome
from adserver.model.source import shown_source

OUTCOMES = {
    Outcome.IMPORTED: ("imported", "green"),
    Outcome.UNCHANGED: ("unchanged", "green"),
    Outcome.HELD_BACK: ("held back", "yellow"),
    Outcome.REFUSED: ("refused", "red"),
    Outcome.BROKEN_OFF: ("broken off", "red"),
    Outcome.RUNNING: ("running", "blue"),
}
"""How each is called, and its colour."""

_OF_THE_WHOLE = frozenset({"xml", "encoding", "archive"})
"""What stands in place of a field where no row, but the feed, is meant."""


def print_json(document: object) -> None:
    """One document on standard output."""
    sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


def plain_table(title: str) -> Table:
    """A table as all of ``adserver feed`` has it: few lines, so that much fits into 80 columns."""
    return Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))


def print_problems(report: Mapping[str, Any], console: Console, *, examples: int) -> None:
    """A row for each kind of problem, the most frequent first, with so many lines of the feed each."""
    problems: Sequence[Mapping[str, Any]] = report.get("problems", ())
    if not problems:
        return
    table = plain_table("What is wrong with this feed")
    table.add_column("Rows", justify="right")
    table.add_column("Field", overflow="fold", max_width=25)
    table.add_column("What is expected, and how to mend it", overflow="fold", ratio=3)
    table.add_column("For example", overflow="fold", ratio=2)
    for problem in problems:
        wanted = Text(str(problem["expected"] or "another form"))
        if problem.get("fix"):
            wanted.append(f"\n{problem['fix']}", style="dim")
        field = Text(problem["field"]).append(
            "\nrow left out" if problem.get("left_out") else "\nrow kept", style="dim"
        )
        whole = not problem.get("left_out") and problem["field"] in _OF_THE_WHOLE
        shown = Text("\n").join(_example(example, of_a_row=not whole) for example in problem["examples"][:examples])
        table.add_row(f"{problem['count']:,}", field, wanted, shown)
    console.print(table, soft_wrap=False)


def _example(example: Mapping[str, Any], *, of_a_row: bool) -> Text:
    line = Text(f"line {example['line']}", style="cyan")
    product_id = example["product_id"]
    line.append(f", id {product_id}: " if product_id else ", no id: " if of_a_row else ": ", style="default")
    return line.append(repr(example["found"]) if example["found"] else "empty", style="default")


def counts_of(report: Mapping[str, Any]) -> str:
    """How many products there are, and how many rows were left out."""
    products, rows = counted(report.get("products", 0), "product"), counted(report.get("left_out", 0), "row")
    return f"{products} read, {rows} left out."


def print_fix(report: Mapping[str, Any], console: Console) -> None:
    """What to do where the feed could not be read."""
    if fix := report.get("fix"):
        console.print(Text(str(fix)))


def counted(count: int, what: str) -> str:
    """``1 row``, ``2,000 rows``."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def accept_command(advertiser: str, source: str | None) -> str:
    """What lets through what was held back; ``source`` where it is not the account's own. Holds no password."""
    given = f" {shlex.quote(shown_source(source))}" if source is not None else ""
    return f"adserver feed import {advertiser}{given} --accept"


def as_document(done: FeedImport) -> dict[str, object]:
    """An import with its report, for JSON."""
    return {
        "import": done.number,
        "advertiser": done.advertiser,
        "source": shown_source(done.source),
        "began": _iso(done.began_at),
        "ended": _iso(done.ended_at),
        "outcome": done.outcome.value,
        "reason": done.reason,
        **done.report,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None


def took(done: FeedImport) -> str:
    """How long it ran."""
    if done.ended_at is None:
        return ""
    seconds = (done.ended_at - done.began_at).total_seconds()
    return f"{seconds:.1f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def size_of(report: Mapping[str, Any]) -> str:
    """Bytes of the feed as it came."""
    size, unit = float(report.get("bytes", 0)), "bytes"
    for larger in ("KB", "MB", "GB"):
        if size < 1_000:
            break
        size, unit = size / 1_000, larger
    return f"{size:.0f} {unit}" if size >= 10 or unit == "bytes" else f"{size:.1f} {unit}"
