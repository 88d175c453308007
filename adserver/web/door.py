"""From a request to its handler's answer; and the plain ASGI door, which works under any ASGI server."""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from adserver.telemetry import ANSWER_SECONDS, HotHistogram
from adserver.web.context import Context, context_of
from adserver.web.overload import Load
from adserver.web.responses import Answer, text

Handler = Callable[[Context], Awaitable[Answer]]

log = logging.getLogger(__name__)
access = logging.getLogger("adserver.access")


@dataclass(frozen=True, slots=True)
class Shedding:
    """How a door behaves under overload: ``refusal`` makes the cheapest right answer; ads are refused first."""

    load: Load
    refusal: Callable[[Context], Answer]
    ad: bool


class Door:
    """One handler, whichever way its requests come in. ``fallback`` answers when the handler broke: no traceback gets
    out.

    ``access_log``: a line per request; never the query, which may tell who somebody is.
    """

    def __init__(
        self,
        handler: Handler,
        route: str,
        *,
        access_log: bool = False,
        fallback: Answer | None = None,
        shedding: Shedding | None = None,
    ) -> None:
        self._handler = handler
        self._fallback = fallback or text(500, "Internal error")
        self._access_log = access_log
        self._seconds = HotHistogram(ANSWER_SECONDS.labels(route))
        self._shedding = shedding
        self.route = route

    async def answer(self, context: Context) -> Answer:
        """Never raises."""
        start = time.perf_counter()
        shedding = self._shedding
        if shedding is not None:
            if shedding.load.pressure and shedding.load.refuses(ad=shedding.ad):
                return self._refuse(context, shedding.refusal(context))
            shedding.load.begin()
        try:
            answer = await self._handler(context)
        except Exception:
            log.exception("a handler failed")
            answer = self._fallback
        finally:
            took = time.perf_counter() - start
            if shedding is not None:
                shedding.load.end()
        self._seconds.observe(took)
        if self._access_log:
            self._log(context, answer, took)
        return answer

    def _refuse(self, context: Context, answer: Answer) -> Answer:
        if self._access_log:
            self._log(context, answer, 0)
        return answer

    def _log(self, context: Context, answer: Answer, took: float) -> None:
        access.info("%s %s %d %.1f ms %s", context.method, self.route, answer.status, took * 1_000, context.near)


class AsgiDoor:
    """A door as an ASGI application."""

    def __init__(self, door: Door, *, https_outside: bool) -> None:
        self._door = door
        self._https_outside = https_outside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; its body, if any, is read by handlers that want it."""
        answer = await self._door.answer(context_of(scope, https_outside=self._https_outside, receive=receive))
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})
