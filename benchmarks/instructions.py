"""How many processor instructions a pixel and an ad take: ``python -m benchmarks.instructions``. Needs valgrind.

On a machine that is shared with others the same code takes twice as long one minute as the next; the instructions that
it executes are the same to one in a thousand. A worker's application runs in one process under callgrind, as in
``benchmarks.inside``: without sockets to browsers, and what the kernel does is not in the numbers. Two stretches of
different length are counted, so what switching the counter on and off costs drops out.
"""

import json
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from os import getpid, isatty
from pathlib import Path
from typing import Annotated, Any, cast

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from adserver.settings import Settings, load_settings
from benchmarks.client import LoadError
from benchmarks.crowd import Crowd
from benchmarks.inside import ask_server, worker

WARM_UP = 1_500
"""Requests before anything is counted: until then Python still learns what it may call without looking it up."""

FEW = 64


async def _count(settings: Settings, requests: Sequence[bytes], connections: int, many: int) -> None:
    """Under callgrind, which writes one file for each stretch that is counted."""
    async with worker(settings) as connect:
        with Crowd(connect, connections, requests) as crowd:
            await crowd.cost_us(WARM_UP)
            for number in (FEW, many):
                _control("-i", "on")
                await crowd.ask(number)
                _control("-i", "off")
                _control("-d")


def _control(*orders: str) -> None:
    subprocess.run(["callgrind_control", *orders, str(getpid())], check=True, stdout=subprocess.DEVNULL)


def counted(text: str) -> int:
    """Instructions, out of what callgrind has written."""
    found = [line.partition(":")[2] for line in text.splitlines() if line.startswith(("totals:", "summary:"))]
    return max((int(number.split()[0]) for number in found), default=0)


def _per_request(folder: Path, task: Mapping[str, Any]) -> float:
    (folder / "task").write_bytes(pickle.dumps(task))
    flags = ["--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder / 'out'}"]
    command = ["valgrind", *flags, sys.executable, "-m", __spec__.name, "--task", str(folder / "task")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    few, many = (sorted(map(counted, (file.read_text("utf-8") for file in folder.glob("out.*")))) or [0, 0])[-2:]
    if ended.returncode or not few:
        raise LoadError(f"valgrind: {ended.stderr[-2_000:]}")
    return (many - few) / (cast("int", task["many"]) - FEW)


def _found(connections: int, many: int) -> dict[str, int]:
    found = {}
    with ask_server(visitors=300) as (given, asked):
        for kind, requests in asked.items():
            task = {
                "settings": {**given, "overload_ms": "0"},
                "requests": requests[:4_000],
                "connections": connections,
                "many": many,
            }
            with tempfile.TemporaryDirectory() as folder:
                found[kind] = round(_per_request(Path(folder), task))
    return found


def main(
    requests: Annotated[int, typer.Option(min=2 * FEW, help="Of each kind")] = 640,
    connections: Annotated[int, typer.Option(min=1, max=1_000, help="That ask in the same turn of the loop")] = 32,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table")] = False,
    task: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Count the instructions of a pixel and of an ad inside a worker."""
    if task is not None:
        work = pickle.loads(task.read_bytes())  # the process that has started this one wrote it
        settings = load_settings({}, **work["settings"])
        uvloop.run(_count(settings, work["requests"], work["connections"], work["many"]))
        return
    if not shutil.which("valgrind"):
        raise typer.BadParameter("valgrind is not installed; on Debian: apt install valgrind")
    try:
        found = _found(connections, requests)
    except LoadError as error:
        Console(stderr=True).print(f"failed: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from error
    if as_json:
        print(json.dumps(found, indent=2))
        return
    drawn = Table("request", "instructions", title=f"{connections} requests a turn")
    for kind, number in found.items():
        drawn.add_row(kind, f"{number:,}")
    Console(width=None if isatty(1) else 120).print(drawn)


if __name__ == "__main__":
    typer.run(main)
