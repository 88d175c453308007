"""What a proxy in front says of the client: by uvicorn's own middleware, asked once for all that say the same."""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import lru_cache
from typing import Any, cast

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from adserver.web.head import REMEMBERED
from adserver.web.header_fields import Forwarding

MAX_REMEMBERED_BYTES = 1_024
"""Longest words of proxies that are remembered: ten addresses and a scheme are less."""

_FIELD_BYTES = 100
"""Of a field in memory, beside its value."""

ToldByProxy = Callable[[Forwarding, str, str], tuple[str, str]]
"""What forwarded headers say, the address of who sent them, by which scheme -> scheme and address of the client."""


def told_by(proxies: str) -> ToldByProxy:
    """``proxies``: who is believed, in uvicorn's syntax."""

    async def nothing(*_: object) -> None:
        """Where the middleware would call the application."""

    middleware = ProxyHeadersMiddleware(nothing, proxies)

    def told(headers: Forwarding, sender: str, scheme: str) -> tuple[str, str]:
        client = (sender, 0) if sender else None
        scope: Any = {"type": "http", "client": client, "scheme": scheme, "headers": headers}
        run: Coroutine[Any, Any, None] = cast("Any", middleware)(scope, None, None)
        with suppress(StopIteration):
            run.send(None)
        return scope["scheme"], scope["client"][0] if scope["client"] else ""

    remembered = lru_cache(REMEMBERED)(told)

    def told_once(headers: Forwarding, sender: str, scheme: str) -> tuple[str, str]:
        is_short = sum(_FIELD_BYTES + len(value) for _, value in headers) <= MAX_REMEMBERED_BYTES
        return (remembered if is_short else told)(headers, sender, scheme)

    return told_once
