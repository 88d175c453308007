"""The plain ASGI door to the handlers: works under any ASGI server."""

import logging
import time
from collections.abc import Awaitable, Callable

from starlette.types import Receive, Scope, Send

from adserver.telemetry import ANSWER_SECONDS
from adserver.web.context import Context, context_of
from adserver.web.responses import Answer, text

Handler = Callable[[Context], Awaitable[Answer]]

log = logging.getLogger(__name__)
access = logging.getLogger("adserver.access")


class AsgiDoor:
    """One handler as an ASGI application. ``fallback`` answers when the handler broke: no traceback gets out.

    ``access_log``: a line per request; never the query, which may tell who somebody is.
    """

    def __init__(
        self,
        handler: Handler,
        route: str,
        *,
        https_outside: bool,
        access_log: bool = False,
        fallback: Answer | None = None,
    ) -> None:
        self._handler = handler
        self._https_outside = https_outside
        self._fallback = fallback or text(500, "Internal error")
        self._route = route
        self._access_log = access_log
        self._seconds = ANSWER_SECONDS.labels(route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; its body, if any, is not read."""
        start = time.perf_counter()
        context = context_of(scope, https_outside=self._https_outside)
        try:
            answer = await self._handler(context)
        except Exception:
            log.exception("a handler failed")
            answer = self._fallback
        took = time.perf_counter() - start
        self._seconds.observe(took)
        if self._access_log:
            access.info("%s %s %d %.1f ms %s", context.method, self._route, answer.status, took * 1_000, context.near)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})
