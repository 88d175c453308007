"""Calls of one function that are made in the same turn of the loop, as one call on all their keys.

What a call costs beside its work (a command to be packed, a place in the queue, a reply to be read, the beginning of a
function in Valkey) is then paid once a turn. Only where all keys are on one node.
"""

import asyncio
import copy
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import cast

from hiredis import ReplyError

from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.valkey.connection import Command
from adserver.storage.valkey.refusal import refusal_of, refused
from adserver.storage.valkey.resp import pack

MOST = 64
"""Calls in one: what most of them do takes Valkey half a millisecond, in which it answers nobody else. A long turn has
several, and each leaves when the next begins: Valkey works while the turn goes on."""

MOST_ARGUMENTS = 1_200
"""Of all calls in one: those with many products count for several."""

MAX_WAITING = 16_384
"""Calls that may wait for an answer, in all."""

Send = Callable[[str, Command, float], Awaitable[object]]
"""Send a command to where the key is, to be answered by a deadline (loop time); errors of the server are values."""

Again = Callable[[str, bytes, ReplyError, float], Awaitable[object]]
"""What such a command is answered in the end where that was an error."""

log = logging.getLogger(__name__)


class Together:
    """``name`` of a function of many keys, whose arguments are, for each key, how many follow and those; it answers
    one reply or error for each. ``timeout_s``: how long the calls of a turn may take."""

    def __init__(self, name: str, send: Send, again: Again, *, timeout_s: float) -> None:
        self._name = name
        self._send = send
        self._again = again
        self._timeout_s = timeout_s
        self._turn: _Turn | None = None
        self._waiting = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def call(self, key: str, args: Sequence[str | int | bytes]) -> "asyncio.Future[object]":
        """The reply to this one. Raises StoreUnavailable, here or when awaited."""
        turn = self._turn
        if turn is None or len(turn.keys) >= MOST or len(turn.args) >= MOST_ARGUMENTS:
            turn = self._begin(key)
        self._waiting += 1
        turn.count += 1
        return turn.add(key, args)

    def _begin(self, key: str) -> "_Turn":
        if self._waiting >= MAX_WAITING:
            raise refused("Valkey did not answer: too many calls wait for it")
        loop = asyncio.get_running_loop()
        turn = _Turn(loop, loop.time() + self._timeout_s)
        sent = asyncio.ensure_future(self._send(key, partial(self._pack, turn), turn.deadline))
        sent.add_done_callback(partial(self._answered, turn))
        self._turn = turn
        return turn

    def _pack(self, turn: "_Turn") -> bytes:
        """The turn is over: whoever comes now goes with the next."""
        self._end(turn)
        try:
            turn.command = pack(("FCALL", self._name, len(turn.keys), *turn.keys, *turn.args))
        except (TypeError, ValueError):  # nothing else that leaves now may suffer from it
            turn.leave_out()
            turn.command = pack(("FCALL", self._name, len(turn.keys), *turn.keys, *turn.args))
        return turn.command

    def _end(self, turn: "_Turn") -> None:
        if self._turn is turn:
            self._turn = None

    def _answered(self, turn: "_Turn", sent: "asyncio.Future[object]") -> None:
        self._end(turn)
        self._waiting -= turn.count
        try:
            answer = sent.result()
        except StoreUnavailable as error:
            turn.fail(error)
            return
        if isinstance(answer, ReplyError):
            task = asyncio.ensure_future(self._once_more(turn, answer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            turn.settle(answer)

    async def _once_more(self, turn: "_Turn", error: ReplyError) -> None:
        try:
            turn.settle(await self._again(turn.keys[0], turn.command, error, turn.deadline))
        except StoreUnavailable as failure:
            turn.fail(failure)
        except BaseException:
            turn.fail(StoreUnavailable("Valkey was not asked again"))
            raise


class _Turn:
    """The calls of one turn, and whoever waits for them."""

    __slots__ = ("_loop", "_waiting", "args", "command", "count", "deadline", "keys")

    def __init__(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        self.deadline = deadline
        self.command = b""
        self.count = 0
        self.keys: list[str] = []
        self.args: list[str | int | bytes] = []
        self._loop = loop
        self._waiting: list[asyncio.Future[object]] = []

    def add(self, key: str, args: Sequence[str | int | bytes]) -> "asyncio.Future[object]":
        self.keys.append(key)
        self.args.append(len(args))
        self.args += args
        waiting: asyncio.Future[object] = self._loop.create_future()
        self._waiting.append(waiting)
        return waiting

    def leave_out(self) -> None:
        """The calls that can not be written down."""
        calls, at = [], 0
        for key, waiting in zip(self.keys, self._waiting, strict=True):
            count = cast("int", self.args[at])
            calls.append((key, self.args[at + 1 : at + 1 + count], waiting))
            at += 1 + count
        self.keys, self.args, self._waiting = [], [], []
        for key, args, waiting in calls:
            try:
                pack((key, *args))
            except (TypeError, ValueError):
                log.exception("a call can not be sent")
                if not waiting.done():
                    waiting.set_exception(refused("a call can not be sent"))
                    waiting.exception()  # whoever waited has gone: that is no news for the log
                continue
            self.keys.append(key)
            self.args += [len(args), *args]
            self._waiting.append(waiting)

    def settle(self, answers: object) -> None:
        """Everyone gets what is his."""
        if not isinstance(answers, list) or len(answers) != len(self._waiting):
            self.fail(StoreUnavailable("Valkey answered what is no answer"))
            return
        for waiting, answer in zip(self._waiting, answers, strict=True):
            if waiting.done():
                continue
            if isinstance(answer, ReplyError):
                waiting.set_exception(refusal_of(answer))
                waiting.exception()  # whoever waited has gone: that is no news for the log
            else:
                waiting.set_result(answer)

    def fail(self, error: StoreUnavailable) -> None:
        """The same for everyone."""
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(copy.copy(error))
                waiting.exception()  # as above
