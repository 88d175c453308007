"""How fast a feed is imported, and what it takes: ``python -m benchmarks.feeds``.

A feed is made, read by a bare loop that only counts its rows (the floor), and imported into an embedded Valkey: for the
first time, unchanged, and with other prices. Each of these runs in a process of its own on a core of its own, so that
its processor time and its peak of memory are known; Valkey has another core.
"""

import asyncio
import csv
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from lxml import etree
from redis import Redis
from rich.console import Console
from rich.table import Table

from adserver.control import open_control
from adserver.model.account import Accounts, Advertiser, Feed
from adserver.storage.sql import migrate
from adserver.storage.sql.engine import open_engine
from adserver.storage.valkey.embedded import EmbeddedValkey
from benchmarks.cores import Cores
from benchmarks.feed_file import write_rss, write_tsv
from benchmarks.machine import machine

FORMATS: dict[str, Callable[[Path, int], None]] = {"tsv": write_tsv, "rss": write_rss}
GOALS = {"tsv": 25_000, "rss": 12_000}
"""Products per second of a first import."""

_ITEM = "item"


@dataclass(frozen=True, slots=True)
class Run:
    """``seconds`` by the clock, ``cpu_s`` of the process, ``peak_mb`` of its memory."""

    what: str
    products: int
    seconds: float
    cpu_s: float
    peak_mb: float

    @property
    def rate(self) -> float:
        """Products per second."""
        return self.products / self.seconds


@dataclass(frozen=True, slots=True)
class Measured:
    """All runs of one format; ``valkey_bytes`` per product."""

    format: str
    products: int
    feed_mb: float
    runs: dict[str, Run]
    valkey_bytes: float


def count_rows(path: Path) -> int:
    """The floor of a table."""
    with path.open(encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.DictReader(file, delimiter="\t"))


def count_items(path: Path) -> int:
    """The floor of XML."""
    found = 0
    for _, element in etree.iterparse(str(path), tag=_ITEM):
        found += 1
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]
    return found


async def _import(folder: Path, valkey_url: str, source: Path) -> int:
    """One import as the background worker makes it; products that are in use then."""
    url = f"sqlite:///{folder / 'adserver.db'}"
    engine = open_engine(url)
    migrate.upgrade(engine)
    engine.dispose()
    async with open_control(url, valkey_url, feed_archive=str(folder / "feeds")) as control:
        shop = Advertiser(id="shop", name="Shop", domains=("shop.example",), currency="EUR", locale="de_DE")
        feed = Feed(advertiser="shop", source=str(source))
        accounts = Accounts(advertisers={"shop": shop}, feeds={"shop": feed})
        control.accounts.apply(lambda _: (accounts, Accounts()))
        shop = control.accounts.load()[1].advertisers["shop"]
        imported = await control.import_feed(shop, str(source), feed=feed)
        if not imported.outcome.is_good:
            raise RuntimeError(imported.reason)
        return imported.summary.products


def one_run(what: str, folder: str, valkey_url: str, source: str) -> None:
    """In a process of its own: prints what it took as JSON."""
    work: Callable[[], int] = {
        "floor of tsv": lambda: count_rows(Path(source)),
        "floor of rss": lambda: count_items(Path(source)),
    }.get(what, lambda: asyncio.run(_import(Path(folder), valkey_url, Path(source))))
    began, cpu = time.perf_counter(), time.process_time()
    products = work()
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps([what, products, seconds, cpu_s, _peak_mb()]))


def _peak_mb() -> float:
    """Of this program alone: what getrusage says includes the process that started it."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1_000 if found else float("nan")


def _in_a_process(what: str, cores: Cores, *arguments: str) -> Run:
    command = [sys.executable, "-c", f"from benchmarks.feeds import one_run; one_run(*{[what, *arguments]!r})"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        cores.pin_server([process.pid])
        said, _ = process.communicate()
    if process.returncode:
        raise typer.Exit(process.returncode)
    return Run(*json.loads(said))


def measure(format_name: str, products: int, cores: Cores) -> Measured:
    """All runs with one format."""
    with tempfile.TemporaryDirectory(prefix="ads-") as name:
        folder = Path(name)
        feed = folder / f"feed.{format_name}"
        FORMATS[format_name](feed, products)
        valkey = EmbeddedValkey(folder)
        valkey.start()
        try:
            with Redis.from_url(valkey.url) as redis:
                before = _memory(redis)
                arguments = (str(folder), valkey.url, str(feed))
                runs = {"floor": _in_a_process(f"floor of {format_name}", cores, *arguments)}
                runs["first"] = _in_a_process("first import", cores, *arguments)
                each = (_memory(redis) - before) / products
                runs["unchanged"] = _in_a_process("unchanged file", cores, *arguments)
                feed.touch()
                runs["same bytes"] = _in_a_process("same bytes, file written anew", cores, *arguments)
                _change_prices(feed)
                runs["changed"] = _in_a_process("a tenth of the prices changed", cores, *arguments)
        finally:
            valkey.stop()
        return Measured(format_name, products, feed.stat().st_size / 1e6, runs, each)


def _change_prices(feed: Path) -> None:
    """Of about a tenth of the products, by a cent."""
    other = feed.with_suffix(".new")
    with feed.open("rb") as old, other.open("wb") as new:
        new.writelines(line.replace(b"9 EUR", b"8 EUR") for line in old)
    other.replace(feed)


def _memory(redis: Redis) -> int:
    found: Any = redis.info("memory")
    return int(found["used_memory"])


def lines(found: list[Measured], cores: Cores) -> Iterator[str]:
    """The results as Markdown."""
    facts = machine("embedded")
    yield "# Feeds"
    yield ""
    yield "Written by `make bench-feeds`; what is measured: [benchmarks](../README.md#what-make-bench-feeds-measures)."
    yield ""
    yield from (f"- {name}: {facts[name]}" for name in ("date", "cpu", "processors", "memory", "system", "python"))
    yield f"- cores: {cores.why_not or 'the import on one, Valkey on another'}"
    for one in found:
        floor, first = one.runs["floor"], one.runs["first"]
        yield from ("", f"## {one.format.upper()}: {one.products:,} products, {one.feed_mb:,.0f} MB", "")
        yield "| | products/s | seconds | processor seconds | peak memory, MB |"
        yield "| --- | ---: | ---: | ---: | ---: |"
        for run in one.runs.values():
            yield f"| {run.what} | {run.rate:,.0f} | {run.seconds:.2f} | {run.cpu_s:.2f} | {run.peak_mb:.0f} |"
        yield ""
        yield f"- first import: {first.rate:,.0f} products/s (at least {GOALS[one.format]:,} wanted)"
        yield f"- of processor time: {first.products / first.cpu_s:,.0f} products/s, whoever else used that core"
        shares = f"{first.rate / floor.rate:.2f}; of processor time {floor.cpu_s / first.cpu_s:.2f}"
        yield f"- of the floor in the same run: {shares}"
        yield f"- unchanged, against the first time: {first.seconds / one.runs['unchanged'].seconds:,.0f} times as fast"
        yield f"- the same bytes in a new file: {first.seconds / one.runs['same bytes'].seconds:,.0f} times as fast"
        yield f"- Valkey: {one.valkey_bytes:.0f} bytes per product"


def main(
    products: Annotated[int, typer.Option(help="Products of each feed.")] = 1_000_000,
    formats: Annotated[str, typer.Option(help="Separated by commas.")] = "tsv,rss",
    out: Annotated[Path | None, typer.Option(help="A file for the results, as Markdown.")] = None,
) -> None:
    """Print what imports take."""
    cores = Cores()
    found = [measure(name, products, cores) for name in formats.split(",")]
    written = "\n".join(lines(found, cores)) + "\n"
    if out is not None:
        out.write_text(written, "utf-8")
    console = Console()
    for one in found:
        table = Table(title=f"{one.format}: {one.products:,} products, {one.feed_mb:,.0f} MB", title_justify="left")
        for heading in ("", "products/s", "seconds", "processor s", "peak MB"):
            table.add_column(heading, justify="right" if heading else "left")
        for run in one.runs.values():
            table.add_row(run.what, f"{run.rate:,.0f}", f"{run.seconds:.2f}", f"{run.cpu_s:.2f}", f"{run.peak_mb:.0f}")
        console.print(table)
        console.print(f"Valkey: {one.valkey_bytes:.0f} bytes per product")


if __name__ == "__main__":
    typer.run(main)
