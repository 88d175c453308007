"""The second door: hot GET requests are answered as soon as they are read, everything else goes to ASGI.

uvicorn runs this class in place of its own HTTP protocol. What it leaves out is what a small GET does not need: the
scope, the request and response cycle with its events and messages, a task, timers per request. Order, back-pressure,
graceful shutdown and limits are the same, because both kinds of requests stand in one line.
"""

import asyncio
import logging
from typing import cast

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from adserver.web.context import Context
from adserver.web.door import Door
from adserver.web.forwarded import ToldByProxy, told_by
from adserver.web.head import Head
from adserver.web.header_fields import forwarding, pick_unless_unusual
from adserver.web.hot_cycle import HotCycle
from adserver.web.lanes import Lanes, is_plain
from adserver.web.protocol import MAX_HEAD_BYTES, MAX_HEADERS, MAX_URL_BYTES, BoundedHttpProtocol
from adserver.web.responses import Answer

log = logging.getLogger(__name__)

_NO_HEADERS: list[tuple[bytes, bytes]] = []

Cycle = RequestResponseCycle | HotCycle


class FastLane(BoundedHttpProtocol):
    """Made by ``fast_lane``, which gives the class its lanes."""

    lanes: Lanes
    told_by_proxy: ToldByProxy | None = None
    _date: tuple[object, bytes] = (None, b"")

    _door: Door | None = None
    _path = _query = b""
    _head: Head | None = None
    _read_bytes = _begun_bytes = 0
    _unwritten: tuple[HotCycle, Answer] | None = None
    _is_free = True
    """Nothing is under way: the next byte begins a request, which may be answered at once."""

    _idle_since = 0.0
    _idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A new connection."""
        super().connection_made(transport)
        if self.scheme != "https":  # over TLS a connection would pause after every answer, even an empty buffer is full
            transport.set_write_buffer_limits(high=0)  # an answer is written at once, not at the end of a long turn
        self._secure = self.lanes.https_outside or self.scheme == "https"
        self._peer = self.client[0] if self.client else ""

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left ticking."""
        if self._idle is not None:
            self._idle.cancel()
        self._unwritten = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Mostly one whole GET of a hot path. Everything else as in the other door, but for timers: one that is running
        is not set anew for each request."""
        if self._is_free:
            plain = self.lanes.plain_get(data)
            if plain is not None and not (self.limit_concurrency and self._is_crowded()):
                self._answer_now(*plain)
                return
            self._is_free = False
        if self._refusal is not None:
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES + len(data):
                self.too_large()
                return
        self._read_bytes = len(data)
        if self.parser is not None:
            HttpToolsProtocol.data_received(self, data)
        if (self._in_head or not self._whole_message) and not self._is_answering():
            self._wait_for_client()

    def on_message_begin(self) -> None:
        """The head of the next request begins. The scope is made when the other door needs it."""
        self.url = b""
        self.headers = []
        self._in_head, self._head_bytes, self._begun_bytes = True, 0, self._read_bytes

    def on_url(self, url: bytes) -> None:
        """The request target, or more of it."""
        self.url += url
        if len(self.url) > MAX_URL_BYTES:
            self.refuse(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header field; all of them are measured when the head is whole, which is bounded as such."""
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole: which door?"""
        if len(self.headers) > MAX_HEADERS or self._is_large():
            self.refuse(431)
        self._door = self._hot_door()
        if self._door is None:
            self._make_scope()
            super().on_headers_complete()
            return
        self._in_head = False

    def on_message_complete(self) -> None:
        """The request is whole."""
        door, self._door = self._door, None
        if door is None:
            super().on_message_complete()
            return
        self._whole_message = True
        if self.transport.is_closing():
            return
        keep_alive = self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0" and not self._stopping
        self._take(door, self._context(self._path, self._query, self._head or Head({})), keep_alive=keep_alive)
        self.headers, self._head = _NO_HEADERS, None

    def _answer_now(self, door: Door, path: bytes, query: bytes, head: Head) -> None:
        """It is the only one on this connection."""
        self._is_free = self._in_head = False
        if self._waiting is not None:
            self._stop_waiting()
        cycle = HotCycle(self, door, self._context(path, query, head), keep_alive=True)
        self.cycle = cast("RequestResponseCycle", cycle)
        cycle.begin()

    def _take(self, door: Door, context: Context, *, keep_alive: bool) -> None:
        """A hot request: answered now, or when it is its turn."""
        if self._waiting is not None:
            self._stop_waiting()
        cycle = HotCycle(self, door, context, keep_alive=keep_alive)
        before: Cycle | None = self.cycle
        self.cycle = cast("RequestResponseCycle", cycle)
        if before is None or before.response_complete:
            cycle.begin()
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def finish(self, cycle: HotCycle, answer: Answer) -> None:
        """Write the answer, once the client reads again."""
        if cycle.disconnected or self.transport.is_closing():
            cycle.end()
            return
        if self.flow.write_paused:
            self._unwritten = (cycle, answer)
            return
        try:
            head = answer.head
        except ValueError:
            log.exception("an answer can not be written")
            self.transport.abort()
            return
        status, end = STATUS_LINE[answer.status], b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
        self.transport.write(b"".join((status, self._default_head(), head, end, answer.body)))
        cycle.end()
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        if self._unwritten is not None:
            unwritten, self._unwritten = self._unwritten, None
            self.finish(*unwritten)

    def on_response_complete(self) -> None:
        """An answer of either door is out: the next in line, or the keep-alive timer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.pipeline:
            self.loop.call_soon(self._next_in_line)  # not at once: a long line of quick answers would nest
            return
        if self._refusal is not None and self.refused():
            return
        self.flow.resume_reading()
        self._idle_since = self.loop.time()
        if self._idle is None:
            self._idle = self.loop.call_later(self.timeout_keep_alive, self._end_if_idle)
        self._is_free = self._whole_message and not self._in_head and not self._stopping
        if self._in_head or not self._whole_message:
            self._wait_for_client()

    def shutdown(self) -> None:
        """As in the other door."""
        self._is_free = False
        super().shutdown()

    def _next_in_line(self) -> None:
        if self.pipeline and not self.transport.is_closing():
            self._start_asgi_task(*self.pipeline.pop())

    def _start_asgi_task(self, cycle: Cycle, app: ASGI3Application) -> None:
        if isinstance(cycle, HotCycle):
            cycle.begin()
        else:
            super()._start_asgi_task(cycle, app)

    def now_answering(self, cycle: HotCycle) -> None:
        """Whom to tell when the connection is lost."""
        self._answering = cast("RequestResponseCycle", cycle)

    def _end_if_idle(self) -> None:
        """One timer for the whole connection: it looks when the last answer was, and sleeps again."""
        self._idle = None
        if self.transport.is_closing() or self._is_answering() or self._in_head:
            return  # the next answer sets it anew
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0.001:
            self._idle = self.loop.call_later(left, self._end_if_idle)
        else:
            self.transport.close()

    def _hot_door(self) -> Door | None:
        """The door of a plain GET of a hot path; None for everything that takes more thought."""
        if self.parser.get_method() != b"GET":
            return None
        self._path, _, self._query = self.url.partition(b"?")
        door = self.lanes.door_of(self._path)
        if door is None or not is_plain(self.url) or self._is_crowded():
            return None
        picked = pick_unless_unusual(self.headers)
        if picked is None:
            return None
        self._head = Head(picked, forwarding(self.headers))
        return door

    def _is_large(self) -> bool:
        """Looks at the fields only where so much was read since the head began that it may be."""
        may_be = self._begun_bytes + self._head_bytes > MAX_HEAD_BYTES
        return may_be and sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD_BYTES

    def _is_crowded(self) -> bool:
        limit = self.limit_concurrency
        return limit is not None and (len(self.connections) >= limit or len(self.tasks) >= limit)

    def _make_scope(self) -> None:
        url, headers = self.url, self.headers
        HttpToolsProtocol.on_message_begin(self)
        self.url = url
        for name, value in headers:
            HttpToolsProtocol.on_header(self, name, value)

    def _context(self, path: bytes, query: bytes, head: Head) -> Context:
        secure, peer = self._secure, self._peer
        if self.told_by_proxy is not None and head.forwarding:
            scheme, peer = self.told_by_proxy(head.forwarding, peer, self.scheme or "")
            secure = self.lanes.https_outside or scheme == "https"
        return Context("GET", path.decode("ascii"), query, head, secure, peer)

    def _default_head(self) -> bytes:
        """The Date header, encoded once a second for all connections."""
        headers = self.server_state.default_headers
        known, head = FastLane._date
        if known is not headers:
            head = b"".join([b"%b: %b\r\n" % header for header in headers])
            FastLane._date = (headers, head)
        return head


def fast_lane(lanes: Lanes) -> type[FastLane]:
    """The protocol with its lanes, to be given to uvicorn."""
    told_by_proxy = staticmethod(told_by(lanes.proxies)) if lanes.proxies else None
    return type("FastLane", (FastLane,), {"lanes": lanes, "told_by_proxy": told_by_proxy})
