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


class AsgiDoor:
    """One handler as an ASGI application. ``fallback`` answers when the handler broke: no traceback gets out."""

    def __init__(self, handler: Handler, route: str, *, https_outside: bool, fallback: Answer | None = None) -> None:
        self._handler = handler
        self._https_outside = https_outside
        self._fallback = fallback or text(500, "Internal error")
        self._seconds = ANSWER_SECONDS.labels(route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; its body, if any, is not read."""
        start = time.perf_counter()
        try:
            answer = await self._handler(context_of(scope, https_outside=self._https_outside))
        except Exception:
            log.exception("a handler failed")
            answer = self._fallback
        self._seconds.observe(time.perf_counter() - start)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})
