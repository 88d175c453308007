"""uvicorn's httptools protocol with the bounds it lacks: size of a request's head, and patience with slow clients."""

import asyncio
from asyncio import TimerHandle

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

MAX_URL_BYTES = 65_536
MAX_HEAD_BYTES = 131_072
MAX_HEADERS = 100

PATIENCE_S = 10.0
"""How long a client may take for what we wait for: a whole head, or the rest of a body already answered."""

READING_S = 30.0
"""How long a client may leave an answer unread."""

LAST_REQUEST_S = 0.5
"""How long a stopping server listens for a request that may be on its way in an open connection."""


class _RefusedError(Exception):
    """Ends the parsing of a request; the parser turns it into an error of its own."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """Answers 414 and 431 (RFC 9110, RFC 6585) to heads that are too large, and closes on clients that dawdle."""

    _status = 400
    _refusal: str | None = None
    _in_head = True
    _head_bytes = 0
    _field_bytes = 0
    _whole_message = True
    _stopping = False
    _waiting: TimerHandle | None = None
    _unread: TimerHandle | None = None
    _answering: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A new connection has as long for its first request as any request has."""
        super().connection_made(transport)
        self._wait_for_client()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left ticking, and the request being answered is told; uvicorn only tells the newest one."""
        self._stop_waiting()
        self.resume_writing()
        if self._answering is not None:
            self._answering.disconnected = True
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def data_received(self, data: bytes) -> None:
        """Bytes of an unfinished head count, whatever the parser has made of them so far."""
        if self._refusal is not None:
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES + len(data):
                self.too_large()
                return
        if self.parser is not None:
            super().data_received(data)
        if not self._is_answering():
            self._wait_for_client()  # whatever came was no whole request, and it stopped the keep-alive timer

    def on_message_begin(self) -> None:
        """The head of the next request begins."""
        super().on_message_begin()
        self._in_head, self._head_bytes, self._field_bytes = True, 0, 0
        self._wait_for_client()

    def on_url(self, url: bytes) -> None:
        """The request target, or more of it."""
        super().on_url(url)
        if len(self.url) > MAX_URL_BYTES:
            self.refuse(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header field."""
        super().on_header(name, value)
        self._field_bytes += len(name) + len(value)
        if len(self.headers) > MAX_HEADERS or self._field_bytes > MAX_HEAD_BYTES:
            self.refuse(431)

    def refuse(self, status: int) -> None:
        """End the parsing of this head; to be called by the parser's callbacks."""
        self._status = status
        raise _RefusedError

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = self._whole_message = False
        self._stop_waiting()
        super().on_headers_complete()
        if self._stopping:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._whole_message = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is out; what is left of the request's body, nobody waits for longer than for a head."""
        super().on_response_complete()
        if self.refused():
            return
        if self.pipeline:
            self.flow.pause_reading()  # uvicorn reads on with each answer, and so ahead of a client that takes none
        if not self._whole_message:
            self._wait_for_client()

    def pause_writing(self) -> None:
        """The client does not read what was answered."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(READING_S, self.transport.abort)

    def resume_writing(self) -> None:
        """It does again."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().resume_writing()

    def shutdown(self) -> None:
        """The server stops: the request being answered is the last one, and one on its way is still heard."""
        self._stopping = True
        if self._is_answering():
            self.cycle.keep_alive = False
        else:
            self.loop.call_later(LAST_REQUEST_S, self._close_if_idle)

    def refused(self) -> bool:
        """Whether the head behind the last whole request was refused; says so if that request is answered by now."""
        if self._refusal is None:
            return False
        if not self._is_answering():
            self.send_400_response(self._refusal)
        return True

    def too_large(self) -> None:
        """Answer 431 to a head that never ends."""
        self._status = 431
        self.send_400_response("Request header fields too large")

    def send_400_response(self, msg: str) -> None:
        """Whatever ends the parsing is answered in one line, and the connection with it; after the answers that whole
        requests before it still wait for."""
        if self.transport.is_closing():
            return
        if self._is_answering():
            self._refusal = msg
            self.flow.pause_reading()
            return
        body = {414: b"URI too long", 431: b"Request header fields too large"}.get(self._status, msg.encode())
        self.transport.write(
            STATUS_LINE[self._status]
            + b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
            + body
        )
        self.transport.close()

    def _is_answering(self) -> bool:
        newest: RequestResponseCycle | None = self.cycle
        return newest is not None and not newest.response_complete

    def _wait_for_client(self) -> None:
        if self._waiting is None and not self.transport.is_closing():
            self._waiting = self.loop.call_later(PATIENCE_S, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _close_if_idle(self) -> None:
        if not self._is_answering():
            self.transport.close()
