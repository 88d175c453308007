"""The parts of a pixel and of an ad, and how each is cut out of the running application."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from adserver.service.record_event import RecordEvent
from adserver.service.render_ad import RenderAd
from adserver.service.serve_ad import ServeAd
from adserver.storage.valkey.events import ValkeyEventLog
from adserver.storage.valkey.visitors import ValkeyVisitors
from adserver.web.handlers.ads import AdHandler
from adserver.web.handlers.pixel import PixelHandler
from adserver.web.responses import Answer
from benchmarks.crowd import Connect, Crowd


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
        Cut(part="decision and products", owner=ServeAd, method="_decide_one"),
        Cut(part="read of the visitor, profile", owner=ValkeyVisitors, method="read_visitor"),
        Cut(part="service: consent, bot, cookie", owner=ServeAd, method="__call__"),
        Cut(part=_CONTEXT, owner=AdHandler, method="__call__", again=_unsent),
    ),
}
"""In the order in which they are made: the last that a request comes to is the first that goes."""


@contextmanager
def in_place(cut: Cut, method: Callable[..., object]) -> Iterator[None]:
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


async def stubs_of(connect: Connect, cuts: Sequence[Cut], requests: Sequence[bytes]) -> list[Callable[..., object]]:
    """What stands in for each part: it repeats what the part returned to a real request."""
    seen: dict[str, tuple[bool, object]] = {}
    with ExitStack() as stack, Crowd(connect, 1, requests) as crowd:
        for cut in cuts:
            stack.enter_context(in_place(cut, _noting(cut, seen)))
        await crowd.cost_us(1)
    return [_repeating(seen[cut.part][1], cut.again, awaited=seen[cut.part][0]) for cut in cuts]
