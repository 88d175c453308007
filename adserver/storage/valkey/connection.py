"""One connection to one Valkey, for the hot path: all calls of a loop tick go out in one write, of a long one in a few.

Valkey answers in the order in which it was asked (RESP), so a queue of futures is all the bookkeeping there is. A call
that is not waited for any more keeps its place in the queue until its answer has come, so no answer is ever taken for
another call's; a connection that ended takes its whole queue with it.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, cast

import hiredis

from adserver.storage.interfaces import StoreTimeout, StoreUnavailable
from adserver.storage.valkey.refusal import refused
from adserver.storage.valkey.resp import pack

SWEEP_S = 0.005
"""How exactly deadlines are kept."""

ASLEEP_S = 0.1
"""A sweep that comes so late tells of our own pause and not of the server's."""

STALL_S = 0.5
"""A server that has not said anything for so long while calls wait is not asked anything more until it does."""

GIVE_UP_S = 5.0
"""After so long a silence the connection is given up."""

AT_ONCE = 32
"""So many calls leave before the tick is over: Valkey can begin with them."""

_TOO_FEW: Final = "Valkey did not answer: too few replicas have it"
_PING: Final = pack(("PING",))

Reply = asyncio.Future[object]

Command = bytes | Callable[[], bytes]
"""One as it goes over the wire, or what makes it when it leaves: at the end of the tick, or when there is another such
one, as a command that is still gathering then is full."""


class Connection(asyncio.Protocol):
    """One connection from its beginning to its end. ``on_lost`` hears why it ended, once."""

    def __init__(self, max_in_flight: int, on_lost: Callable[[str], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._max_in_flight = max_in_flight
        self._on_lost = on_lost
        self._reader = hiredis.Reader(notEnoughData=...)  # its own default is False, which can be a reply
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[tuple[Reply, float]] = deque()
        self._out: list[Command] = []
        self._gathers = False
        self._sweeping: asyncio.TimerHandle | None = None
        self._heard = self._swept = 0.0
        self._stalled = False
        self._ended = ""

    @property
    def trouble(self) -> str:
        """Why a call would fail at once; empty when it would not."""
        if self._ended or self._stalled:
            return self._ended or "Valkey did not answer: stalled"
        return "" if len(self._waiting) < self._max_in_flight else "Valkey did not answer: too many calls wait for it"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It begins."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its type
        # What leaves is written then, not when the loop has done all else.
        self._transport.set_write_buffer_limits(high=0)

    def send(self, command: Command, deadline: float) -> Reply:
        """A future of the reply; errors of the server are values (``hiredis.ReplyError``).

        ``deadline``: loop time after which it fails with StoreTimeout. Raises StoreUnavailable at once where asking
        makes no sense.
        """
        waiting = self._waiting
        if self._ended or self._stalled or len(waiting) >= self._max_in_flight:
            raise refused(self.trouble)
        if not isinstance(command, bytes):
            if self._gathers:
                self._flush()
            self._gathers = True
        elif len(self._out) >= AT_ONCE:
            self._flush()
        if not self._out:
            self._loop.call_soon(self._flush)
        reply: Reply = self._loop.create_future()
        self._out.append(command)
        waiting.append((reply, deadline))
        return reply

    def probe(self, quiet_s: float) -> None:
        """Ask whether the server is there, if nothing else waits for it and it has not been heard for ``quiet_s``."""
        if not (self._waiting or self._ended) and self._loop.time() - self._heard >= quiet_s:
            self.send(_PING, math.inf)

    def close(self, why: str) -> None:
        """End it now; whoever waits hears that the call may or may not have been carried out."""
        if self._ended:
            return
        self._ended = why
        if self._transport is not None:
            self._transport.abort()
        if self._sweeping is not None:
            self._sweeping.cancel()
        unsent = len(self._out)
        self._out.clear()
        calls = [reply for reply, _ in self._left()]
        for number, reply in enumerate(calls):
            if not reply.done():
                reply.set_exception(refused(why) if number >= len(calls) - unsent else StoreUnavailable(why))
                reply.exception()  # whoever waited has gone: that is no news for the log
        self._waiting.clear()
        self._on_lost(why)

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side ended it."""
        self.close(f"Valkey closed the connection{f': {type(exc).__name__}' if exc else ''}")

    def data_received(self, data: bytes) -> None:
        """Replies, or parts of them."""
        self._heard = self._loop.time()
        self._stalled = False
        reader = self._reader
        try:
            reader.feed(data)
            while (reply := reader.gets()) is not ...:
                self._settle(reply)
        except Exception:
            # What hiredis can not read, in whatever way, or a reply too many: nothing that follows can be trusted.
            self.close("Valkey answered what is no answer")

    def _settle(self, reply: object) -> None:
        call, _ = self._waiting.popleft()
        if not call.done():
            call.set_result(reply)

    def _left(self) -> Iterable[tuple[Reply, float]]:
        """All that have no reply yet, in the order of their calls."""
        return self._waiting

    def _flush(self) -> None:
        """End of the tick, or of a part of it."""
        if not self._out or self._transport is None or self._ended:
            return
        self._gathers = False
        now = self._loop.time()
        if self._sweeping is None:
            self._heard = self._swept = now
            self._sweeping = self._loop.call_later(SWEEP_S, self._sweep)
        out = [command if isinstance(command, bytes) else command() for command in self._out]
        self._out.clear()
        self._transport.write(out[0] if len(out) == 1 else b"".join(out))

    def _sweep(self) -> None:
        """Fail what is past its deadline; notice a server that has fallen silent."""
        now, before = self._loop.time(), self._swept
        self._swept = now
        if now - before > ASLEEP_S:
            # It was this process that did nothing: what it missed may have arrived, and is read before we judge. One
            # such pause is excused, not one after the other.
            self._heard, self._swept = now, math.inf
            self._sweeping = self._loop.call_later(SWEEP_S, self._sweep)
            return
        nobody = True
        for reply, deadline in self._left():
            nobody = False
            if deadline <= now and not reply.done():
                reply.set_exception(StoreTimeout("Valkey did not answer in time"))
                reply.exception()
        if nobody:
            self._sweeping = None
            return
        self._sweeping = self._loop.call_later(SWEEP_S, self._sweep)
        silent = now - self._heard
        self._stalled = silent > STALL_S
        if silent > GIVE_UP_S:
            self.close("Valkey did not answer: given up")


class ReplicatedConnection(Connection):
    """Each tick's calls end with ``WAIT``; they are answered once ``replicas`` replicas have them.

    It ends when they do not within ``wait_s``: each later tick would wait as long, one behind the other, and be carried
    out long after its callers have gone.
    """

    def __init__(self, max_in_flight: int, on_lost: Callable[[str], None], *, replicas: int, wait_s: float) -> None:
        super().__init__(max_in_flight, on_lost)
        self._replicas = replicas
        self._wait = pack(("WAIT", replicas, max(1, int(wait_s * 1_000))))  # 0 would be for ever
        self._held: list[tuple[Reply, float, object]] = []
        self._barriers: set[Reply] = set()

    def _flush(self) -> None:
        if self._out and not self._ended:
            barrier: Reply = self._loop.create_future()
            self._barriers.add(barrier)
            self._out.append(self._wait)
            self._waiting.append((barrier, math.inf))
        super()._flush()

    def _settle(self, reply: object) -> None:
        call, deadline = self._waiting.popleft()
        if call not in self._barriers:
            self._held.append((call, deadline, reply))
            return
        self._barriers.discard(call)
        held, self._held = self._held, []
        kept = isinstance(reply, int) and reply >= self._replicas
        for one, _, value in held:
            if one.done():
                continue
            if kept or isinstance(value, hiredis.ReplyError):
                one.set_result(value)
            else:
                one.set_exception(StoreUnavailable(_TOO_FEW))
                one.exception()
        if isinstance(reply, int) and not kept:
            self.close(_TOO_FEW)

    def _left(self) -> Iterable[tuple[Reply, float]]:
        return [*((call, deadline) for call, deadline, _ in self._held), *self._waiting]
