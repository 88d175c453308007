"""One hot request on its way through its handler."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from adserver.web.context import Context
from adserver.web.door import Door
from adserver.web.responses import Answer

if TYPE_CHECKING:
    from adserver.web.fastlane import FastLane

log = logging.getLogger(__name__)


class _NobodyWaits:
    """In place of the event that uvicorn sets when there is news for an application."""

    def set(self) -> None:
        """Nobody waits."""


class HotCycle:
    """One hot request, standing where uvicorn looks for its RequestResponseCycle. It runs the handler's coroutine by
    itself: a task of its own would cost two more turns of the loop. One that waits in line has no coroutine yet, so
    nothing is left behind when its turn never comes."""

    __slots__ = ("_context", "_coroutine", "_door", "_protocol", "disconnected", "keep_alive", "response_complete")

    message_event = _NobodyWaits()

    _coroutine: Coroutine[Any, None, Answer]

    def __init__(self, protocol: "FastLane", door: Door, context: Context, *, keep_alive: bool) -> None:
        self._protocol = protocol
        self._door = door
        self._context = context
        self.keep_alive = keep_alive
        self.response_complete = False
        self.disconnected = False

    def begin(self) -> None:
        """It is this one's turn."""
        self._protocol.now_answering(self)
        self._coroutine = self._door.answer(self._context)
        self.step()

    def end(self) -> None:
        """It is answered. The connection keeps this object until its next request, and should keep nothing else: the
        collector would look at all that is held by idle connections again and again."""
        self.response_complete = True
        del self._context, self._coroutine

    def step(self, _: object = None) -> None:
        """Go on until the handler waits for a future again, or has its answer."""
        try:
            awaited = self._coroutine.send(None)
        except StopIteration as done:
            self._protocol.finish(self, done.value)
            return
        except BaseException:  # a cancelled future, above all: nobody would ever go on with this
            log.exception("a request broke off")
            self._protocol.transport.abort()
            return
        if awaited is None:  # a bare yield, as of asyncio.sleep(0)
            asyncio.get_running_loop().call_soon(self.step)
            return
        awaited._asyncio_future_blocking = False  # what a task does on taking a future over
        awaited.add_done_callback(self.step)
