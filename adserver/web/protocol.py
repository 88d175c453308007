"""uvicorn's httptools protocol with the bounds it lacks: size of the request's head, and time to send it."""

import asyncio
from asyncio import TimerHandle
from typing import Any

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

MAX_URL_BYTES = 65_536
MAX_HEAD_BYTES = 131_072
MAX_HEADERS = 100
HEAD_TIMEOUT_S = 10.0


class _RefusedError(Exception):
    """Ends the parsing of a request; the parser turns it into an error of its own."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """Answers 414 and 431 (RFC 9110, RFC 6585) to heads that are too large, and closes on those that dawdle."""

    _status = 400
    _in_head = True
    _head_bytes = 0
    _field_bytes = 0
    _head_timer: TimerHandle | None = None
    _answering: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A new connection has as long for its first request as any request has."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left ticking, and the request being answered is told; uvicorn only tells the newest one."""
        self._stop_timer()
        if self._answering is not None:
            self._answering.disconnected = True
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def data_received(self, data: bytes) -> None:
        """Bytes of an unfinished head count, whatever the parser has made of them so far."""
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES + len(data):
                self._status = 431
                self.send_400_response("Request header fields too large")
                return
        if self.parser is not None:
            super().data_received(data)

    def on_message_begin(self) -> None:
        """The head of the next request begins."""
        super().on_message_begin()
        self._in_head, self._head_bytes, self._field_bytes = True, 0, 0
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._too_slow)

    def on_url(self, url: bytes) -> None:
        """The request target, or more of it."""
        super().on_url(url)
        if len(self.url) > MAX_URL_BYTES:
            self._status = 414
            raise _RefusedError

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header field."""
        super().on_header(name, value)
        self._field_bytes += len(name) + len(value)
        if len(self.headers) > MAX_HEADERS or self._field_bytes > MAX_HEAD_BYTES:
            self._status = 431
            raise _RefusedError

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = False
        self._stop_timer()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Whatever ends the parsing is answered in one line, and the connection with it."""
        if self.transport.is_closing():
            return
        body = {414: b"URI too long", 431: b"Request header fields too large"}.get(self._status, msg.encode())
        self.transport.write(
            STATUS_LINE[self._status]
            + b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
            + body
        )
        self.transport.close()

    def _too_slow(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def protocol_settings() -> dict[str, Any]:
    """Settings for uvicorn that go with this protocol."""
    return {"http": BoundedHttpProtocol, "ws": "none", "server_header": False, "date_header": True}
