"""Where the processor time of a pixel and of an ad goes inside a worker: ``python -m benchmarks.inside``.

A worker's application runs in this process, with a real Valkey, on connections that only note what is written: no
socket and no load generator is in the numbers. All connections ask in the same turn of the loop; the next turn begins
when each has its answer. Then one part after another is cut out, from the last to the first: in its place stands what
it returned to the first request. What a cut saves is what the part costs.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Annotated, Any, cast

import typer
import uvloop
from rich.console import Console
from rich.table import Table
from uvicorn.server import ServerState

from adserver.app import create_app
from adserver.notes import read_notes
from adserver.secret import read_secrets
from adserver.settings import Settings, load_settings
from adserver.worker import uvicorn_config
from benchmarks.address import address_of
from benchmarks.client import LoadError
from benchmarks.crowd import Connect, Crowd
from benchmarks.cuts import CUTS, FRONT, Cut, in_place, stubs_of
from benchmarks.stage import CAPPED_ACCOUNTS, PRODUCTS, SITE
from benchmarks.traffic import Manner, Traffic
from tests.server import feed_xml, running_server

CROWDS = (32, 4, 1)
"""Connections that ask in the same turn of the loop."""


def parts_of(cuts: Sequence[str], costs: Sequence[float]) -> dict[str, float]:
    """What each part costs, in the order in which a request comes to them; together they are ``costs[0]``.

    ``costs``: with nothing cut out, with the first of ``cuts``, and so on, so one more than there are cuts. A part that
    costs less than the machine's disturbance may come out below zero.
    """
    saved = {part: before - after for part, before, after in zip(cuts, costs, costs[1:], strict=False)}
    return {FRONT: costs[len(cuts)], **dict(reversed(saved.items()))}


async def _costs(
    connect: Connect, cuts: Sequence[Cut], requests: Sequence[bytes], count: int, *, each: int, repeats: int
) -> list[float]:
    """Microseconds per request with no cut, the first, the first two ...: the best of ``repeats`` that take turns."""
    stubs = await stubs_of(connect, cuts, requests)
    costs: list[list[float]] = [[] for _ in range(len(cuts) + 1)]
    for _ in range(repeats):
        with ExitStack() as stack, Crowd(connect, count, requests) as crowd:
            costs[0].append(await crowd.cost_us(each))
            for cut, stub, found in zip(cuts, stubs, costs[1:], strict=True):
                stack.enter_context(in_place(cut, stub))
                found.append(await crowd.cost_us(each))
    return [min(found) for found in costs]


@asynccontextmanager
async def worker(settings: Settings) -> AsyncIterator[Connect]:
    """A worker's application in this process; what is given makes a connection to it."""
    app, doors = create_app(settings, read_secrets(settings.secret, settings.data_dir), settings.valkey_url)
    config = uvicorn_config(app, doors, settings)
    config.load()
    protocol, state, loop = cast("Any", config.http_protocol_class), ServerState(), asyncio.get_running_loop()
    state.default_headers = [(b"date", b"Sun, 22 Nov 2026 15:00:00 GMT")]
    async with app.router.lifespan_context(app):
        yield lambda: cast("asyncio.Protocol", protocol(config, state, {}, loop))


Found = dict[str, dict[int, dict[str, float]]]
"""Microseconds by kind of request, connections and part."""


async def _measure(settings: Settings, requests: Mapping[str, Sequence[bytes]], *, each: int, repeats: int) -> Found:
    found: Found = {}
    async with worker(settings) as connect:
        for kind, cuts in CUTS.items():
            found[kind] = {}
            for count in CROWDS:
                costs = await _costs(connect, cuts, requests[kind], count, each=each, repeats=repeats)
                found[kind][count] = parts_of([cut.part for cut in cuts], costs)
    return found


@contextmanager
def ask_server(visitors: int) -> Iterator[tuple[dict[str, str], dict[str, list[bytes]]]]:
    """A server that makes the visitors. What is given: settings under which a worker in this process finds the same
    stores, and encoded requests by kind. Raises LoadError."""
    with running_server("--workers", "1", accounts=CAPPED_ACCOUNTS, feed=feed_xml(PRODUCTS)) as server:
        notes = read_notes(server.data_dir)
        assert notes is not None
        traffic = Traffic(SITE, address_of(server.base_url), Manner(), seed=1)
        known = traffic.make_visitors(visitors, history=True, connections=32)
        asked = {"pixel": traffic.pixels(known), "ad": traffic.ads(known)}
        yield {"data_dir": str(server.data_dir), "valkey_url": notes.valkey_url, "ad_deadline_ms": "5000"}, asked


def _found(visitors: int, *, each: int, repeats: int) -> Found:
    """Measured with a server of its own."""
    with ask_server(visitors) as (given, asked):
        return uvloop.run(_measure(load_settings({}, **given), asked, each=each, repeats=repeats))


def table(found: Found) -> Table:
    """For the terminal."""
    drawn = Table(title="µs of processor time per request")
    drawn.add_column("part")
    for count in CROWDS:
        drawn.add_column(f"{count} a turn", justify="right")
    for kind, by_count in found.items():
        for part in by_count[CROWDS[0]]:
            drawn.add_row(f"{kind}: {part}", *(f"{by_count[count][part]:.1f}" for count in CROWDS))
        drawn.add_row(f"{kind}, all", *(f"{sum(by_count[count].values()):.1f}" for count in CROWDS), style="bold")
        drawn.add_section()
    return drawn


def _as_json(found: Found) -> str:
    kinds = {
        kind: {
            str(count): {
                "us": round(sum(parts.values()), 2),
                "parts_us": {part: round(us, 2) for part, us in parts.items()},
            }
            for count, parts in by_count.items()
        }
        for kind, by_count in found.items()
    }
    return json.dumps(kinds, indent=2)


def main(
    requests: Annotated[int, typer.Option(min=1, help="Of each repeat")] = 2_000,
    repeats: Annotated[int, typer.Option(min=1, max=1_000)] = 7,
    visitors: Annotated[int, typer.Option(min=1, max=100_000, help="Each with ten viewed products")] = 1_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table")] = False,
) -> None:
    """Tell where the processor time of a pixel and of an ad goes inside a worker."""
    try:
        found = _found(visitors, each=requests, repeats=repeats)
    except LoadError as error:
        Console(stderr=True).print(f"failed: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from error
    if as_json:
        print(_as_json(found))
    else:
        Console(width=None if os.isatty(1) else 120).print(table(found))


if __name__ == "__main__":
    typer.run(main)
