"""Where the processor time of a pixel and of an ad goes inside a worker: ``python -m benchmarks.inside``.

A worker's application runs in this process, with a real Valkey, on connections that only note what is written: no
socket and no load generator is in the numbers. All connections ask in the same turn of the loop; the next turn begins
when each has its answer. Then one part after another is cut out, from the last to the first: in its place stands what
it returned to the first request. What a cut saves is what the part costs.
"""

import asyncio
import itertools
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from inspect import isawaitable
from time import process_time
from typing import Annotated, Any, cast

import typer
import uvloop
from rich.console import Console
from rich.table import Table
from uvicorn.server import ServerState

from adserver.app import create_app
from adserver.notes import read_notes
from adserver.secret import read_secrets
from adserver.service.record_event import RecordEvent
from adserver.service.render_ad import RenderAd
from adserver.service.serve_ad import ServeAd
from adserver.settings import Settings, load_settings
from adserver.storage.valkey.events import ValkeyEventLog
from adserver.storage.valkey.visitors import ValkeyVisitors
from adserver.web.handlers.ads import AdHandler
from adserver.web.handlers.pixel import PixelHandler
from adserver.web.responses import Answer
from adserver.worker import uvicorn_config
from benchmarks.address import address_of
from benchmarks.client import LoadError
from benchmarks.stage import CAPPED_ACCOUNTS, PRODUCTS, SITE
from benchmarks.traffic import Manner, Traffic
from tests.server import feed_xml, running_server

CROWDS = (32, 4, 1)
"""Connections that ask in the same turn of the loop."""

_WARM_UP = 300
"""Requests after each cut that do not count: Python learns anew what it may call without looking it up."""

Connect = Callable[[], asyncio.Protocol]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A part and the method that is all of it that is left when the parts behind it are cut out.

    ``again`` makes a new object of the one returned first, where a request must not meet the same one twice.
    """

    part: str
    owner: type
    method: str
    again: Callable[[Any], Any] | None = None


def _unsent(answer: Answer) -> Answer:
    """An ad's head is its own, and encoded when it is sent."""
    return Answer(answer.status, answer.headers, answer.body)


FRONT = "HTTP parser, door and answer"
_CONTEXT = "context, query and hit"
_STREAM = "event stream"

CUTS: Mapping[str, Sequence[Cut]] = {
    "pixel": (
        Cut(part=_STREAM, owner=ValkeyEventLog, method="append"),
        Cut(part="visitor's write to Valkey", owner=ValkeyVisitors, method="record_event"),
        Cut(part="service: consent, bot, cookie, event", owner=RecordEvent, method="__call__"),
        Cut(part=_CONTEXT, owner=PixelHandler, method="__call__"),
    ),
    "ad": (
        Cut(part=_STREAM, owner=ValkeyEventLog, method="note"),
        Cut(part="rendering with tokens", owner=RenderAd, method="__call__"),
        Cut(part="reserve", owner=ValkeyVisitors, method="reserve"),
        Cut(part="decision and products", owner=ServeAd, method="_decide"),
        Cut(part="read of the visitor, profile", owner=ValkeyVisitors, method="read_visitor"),
        Cut(part="service: consent, bot, cookie", owner=ServeAd, method="__call__"),
        Cut(part=_CONTEXT, owner=AdHandler, method="__call__", again=_unsent),
    ),
}
"""In the order in which they are made: the last that a request comes to is the first that goes."""


def parts_of(cuts: Sequence[str], costs: Sequence[float]) -> dict[str, float]:
    """What each part costs, in the order in which a request comes to them; together they are ``costs[0]``.

    ``costs``: with nothing cut out, with the first of ``cuts``, and so on, so one more than there are cuts. A part that
    costs less than the machine's disturbance may come out below zero.
    """
    saved = {part: before - after for part, before, after in zip(cuts, costs, costs[1:], strict=False)}
    return {FRONT: costs[len(cuts)], **dict(reversed(saved.items()))}


class _Wire(asyncio.Transport):
    """Leads to nobody; tells when an answer is written, and keeps the last; tells when the worker hangs up."""

    def __init__(self, written: Callable[[], None], closed: Callable[[], None]) -> None:
        super().__init__()
        self._written = written
        self._closed = closed
        self._is_closing = False
        self.answer = b""

    def write(self, data: Any) -> None:
        self.answer = data
        self._written()

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        self._is_closing = True
        self._closed()

    abort = close

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("192.0.2.1", 50_000), "sockname": ("192.0.2.2", 80)}.get(name, default)

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Crowd:
    """``count`` connections that ask together, for a ``with``; ``requests`` begin again when they are used up."""

    def __init__(self, connect: Connect, count: int, requests: Sequence[bytes]) -> None:
        self._requests = itertools.cycle(requests)
        self._missing = 0
        self._answered: asyncio.Future[None] | None = None
        self._is_broken = False
        self._wires = [_Wire(self._count_down, self._break_off) for _ in range(count)]
        self._protocols = [connect() for _ in range(count)]

    def __enter__(self) -> "Crowd":
        for protocol, wire in zip(self._protocols, self._wires, strict=True):
            protocol.connection_made(wire)
        return self

    def __exit__(self, *_: object) -> None:
        for protocol in self._protocols:
            protocol.connection_lost(None)

    async def cost_us(self, requests: int) -> float:
        """Processor time of this process per request, after some that do not count. Raises LoadError."""
        await self._ask(_WARM_UP)
        began = process_time()
        asked = await self._ask(requests)
        spent = process_time() - began
        self._check()
        return spent / asked * 1e6

    async def _ask(self, requests: int) -> int:
        """At least so many; how many they were."""
        turns = -(-requests // len(self._wires))
        for _ in range(turns):
            if self._is_broken:
                raise LoadError("the worker hung up")
            self._missing = len(self._wires)
            self._answered = asyncio.get_running_loop().create_future()
            for protocol, request in zip(self._protocols, self._requests, strict=False):
                protocol.data_received(request)
            await self._answered
        return turns * len(self._wires)

    def _count_down(self) -> None:
        self._missing -= 1
        if not self._missing and self._answered is not None and not self._answered.done():
            self._answered.set_result(None)

    def _break_off(self) -> None:
        """Whoever waits goes on, and finds out."""
        self._is_broken = True
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(None)

    def _check(self) -> None:
        for wire in self._wires:
            head, _, _ = wire.answer.partition(b"\r\n\r\n")
            if self._is_broken or not head.startswith(b"HTTP/1.1 200") or b"\r\nx-adserver-reason:" in head:
                raise LoadError(f"not what was asked for: {head[:1_000]!r}")


@contextmanager
def _in_place(cut: Cut, method: Callable[..., object]) -> Iterator[None]:
    before = getattr(cut.owner, cut.method)
    setattr(cut.owner, cut.method, method)
    try:
        yield
    finally:
        setattr(cut.owner, cut.method, before)


def _noting(cut: Cut, seen: dict[str, tuple[bool, object]]) -> Callable[..., object]:
    """The method itself; what it returns stands in ``seen`` by the part's name, and whether that was to be awaited."""
    method = getattr(cut.owner, cut.method)

    async def noted(awaited: Awaitable[object]) -> object:
        found = await awaited
        seen[cut.part] = True, found
        return found

    def call(*args: object, **named: object) -> object:
        found = method(*args, **named)
        if isawaitable(found):
            return noted(found)
        seen[cut.part] = False, found
        return found

    return call


def _repeating(found: object, again: Callable[[Any], Any] | None, *, awaited: bool) -> Callable[..., object]:
    """Returns what was ``found``, whatever is asked."""

    async def later(*_: object, **__: object) -> object:
        return again(found) if again else found

    def now(*_: object, **__: object) -> object:
        return again(found) if again else found

    return later if awaited else now


async def _stubs(connect: Connect, cuts: Sequence[Cut], requests: Sequence[bytes]) -> list[Callable[..., object]]:
    """What stands in for each part: it repeats what the part returned to a real request."""
    seen: dict[str, tuple[bool, object]] = {}
    with ExitStack() as stack, Crowd(connect, 1, requests) as crowd:
        for cut in cuts:
            stack.enter_context(_in_place(cut, _noting(cut, seen)))
        await crowd.cost_us(1)
    return [_repeating(seen[cut.part][1], cut.again, awaited=seen[cut.part][0]) for cut in cuts]


async def _costs(
    connect: Connect, cuts: Sequence[Cut], requests: Sequence[bytes], count: int, *, each: int, repeats: int
) -> list[float]:
    """Microseconds per request with no cut, the first, the first two ...: the best of ``repeats`` that take turns."""
    stubs = await _stubs(connect, cuts, requests)
    costs: list[list[float]] = [[] for _ in range(len(cuts) + 1)]
    for _ in range(repeats):
        with ExitStack() as stack, Crowd(connect, count, requests) as crowd:
            costs[0].append(await crowd.cost_us(each))
            for cut, stub, found in zip(cuts, stubs, costs[1:], strict=True):
                stack.enter_context(_in_place(cut, stub))
                found.append(await crowd.cost_us(each))
    return [min(found) for found in costs]


@asynccontextmanager
async def _worker(settings: Settings) -> AsyncIterator[Connect]:
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
    async with _worker(settings) as connect:
        for kind, cuts in CUTS.items():
            found[kind] = {}
            for count in CROWDS:
                costs = await _costs(connect, cuts, requests[kind], count, each=each, repeats=repeats)
                found[kind][count] = parts_of([cut.part for cut in cuts], costs)
    return found


def _found(visitors: int, *, each: int, repeats: int) -> Found:
    """Measured with a server of its own, which also makes the visitors. Raises LoadError."""
    with running_server("--workers", "1", accounts=CAPPED_ACCOUNTS, feed=feed_xml(PRODUCTS)) as server:
        notes = read_notes(server.data_dir)
        assert notes is not None
        traffic = Traffic(SITE, address_of(server.base_url), Manner(), seed=1)
        known = traffic.make_visitors(visitors, history=True, connections=32)
        asked = {"pixel": traffic.pixels(known), "ad": traffic.ads(known)}
        settings = load_settings({}, data_dir=server.data_dir, valkey_url=notes.valkey_url, ad_deadline_ms="1000")
        return uvloop.run(_measure(settings, asked, each=each, repeats=repeats))


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
