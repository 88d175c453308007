"""The load generator's engine: keep-alive connections driven by epoll in one tight loop. Linux only.

Almost all of what it costs is the kernel's: one ``read``, one ``write`` and a share of one ``epoll_wait`` per request.
Requests are encoded beforehand; each comes with the ``Answers`` that recognise what is said to it.
"""

import gc
import os
import resource
import select
import socket
from array import array
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter_ns

from benchmarks.address import Address
from benchmarks.answer import BLANK, CONNECTION_LOST, NO_ANSWER, Answers, BadAnswerError, Kind, Kinds, is_last

PATIENCE_S = 10.0
"""How long the last answers may take before they count as missing."""

_READ = 32_768
_FEW = 8
"""Events looked at before it is asked again which requests are due."""
_INCOMPLETE = -1

Request = tuple[bytes, Answers]


class LoadError(Exception):
    """Something was answered in a way that makes the numbers worthless."""


@dataclass(slots=True)
class Log:
    """One line per answer, in the order in which they came: when it was asked for (or was to be asked for),
    how long it took, the number of its kind. ``lag``: how late the generator itself was with each request of an open
    loop; those that waited for a free connection are not in it. Times in nanoseconds, from the same beginning."""

    kinds: Kinds
    asked: "array[int]" = field(default_factory=lambda: array("q"))
    took: "array[int]" = field(default_factory=lambda: array("q"))
    kind: "array[int]" = field(default_factory=lambda: array("L"))
    lag: "array[int]" = field(default_factory=lambda: array("q"))
    unsent: int = 0
    seconds: float = 0.0

    def count(self) -> Counter[Kind]:
        """Answers by kind."""
        return Counter({self.kinds.known[number]: count for number, count in Counter(self.kind).items()})

    def since(self, begin: int, end: int | None = None) -> "Log":
        """Only what was asked for in this span."""
        part = Log(self.kinds)
        for asked, took, kind in zip(self.asked, self.took, self.kind, strict=True):
            if begin <= asked and (end is None or asked < end):
                part.asked.append(asked)
                part.took.append(took)
                part.kind.append(kind)
        return part


class Client:
    """``connections`` to one server, for a ``with``. Raises LoadError where it can not be reached."""

    def __init__(self, address: Address, connections: int) -> None:
        _make_room(connections)
        self._address = address
        self._epoll = select.epoll()
        self._waiting: dict[int, Answers] = {}
        self._since: dict[int, int] = {}
        self._parts: dict[int, bytes] = {}
        self._connections = [self._open() for _ in range(connections)]

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        for fd in self._connections:
            os.close(fd)
        self._epoll.close()

    def closed_loop(self, requests: Iterator[Request], seconds: float, kinds: Kinds) -> Log:
        """Every connection asks again as soon as it has its answer, for ``seconds`` or until there are no requests."""
        log = Log(kinds)
        with _without_gc():
            began = perf_counter_ns()
            stop = began + int(seconds * 1e9)
            for fd, (payload, answers) in zip(self._connections, requests, strict=False):
                self._ask(fd, payload, answers, perf_counter_ns())
            while self._waiting and perf_counter_ns() < stop + PATIENCE_S * 1e9:
                for fd, _ in self._epoll.poll(1):
                    now = self._receive(fd, log, began)
                    if now and now < stop and (request := next(requests, None)) is not None:
                        self._ask(fd, *request, now)
            self._give_up(log, began)
            log.seconds = (perf_counter_ns() - began) / 1e9
        return log

    def open_loop(self, requests: Iterator[Request], arrivals: Iterable[int], kinds: Kinds) -> Log:
        """Ask at each time of ``arrivals`` (nanoseconds from now, rising), whether earlier answers are there or not.

        A request that finds all connections busy waits its turn; its latency counts from when it was to be sent.
        """
        log = Log(kinds)
        idle, late = deque(self._connections), deque[int]()
        times = iter(arrivals)
        epoll = self._epoll
        due = next(times, None)
        with _without_gc():
            began = last = perf_counter_ns()
            crowded = False
            while due is not None or self._waiting or late:
                now = perf_counter_ns()
                while due is not None and began + due <= now:
                    last = began + due
                    late.append(last)
                    due = next(times, None)
                if not crowded:
                    log.lag.extend(now - since for since in late)
                while late and idle:
                    payload, answers = next(requests)
                    self._ask(idle.popleft(), payload, answers, late.popleft())
                crowded = bool(late)
                if due is None and now > last + PATIENCE_S * 1e9:
                    break
                rest_ns = 1_000_000_000 if due is None else began + due - now
                if select.select((epoll,), (), (), rest_ns / 1e9)[0]:  # epoll itself counts in milliseconds
                    for fd, _ in epoll.poll(0, _FEW):
                        if self._receive(fd, log, began):
                            idle.append(fd)
            self._give_up(log, began)
            log.unsent = len(late)
            log.seconds = (last - began) / 1e9
        return log

    def _ask(self, fd: int, payload: bytes, answers: Answers, since: int) -> None:
        self._waiting[fd] = answers
        self._since[fd] = since
        try:
            if os.write(fd, payload) != len(payload):
                raise LoadError("a request did not fit into an empty connection")
        except (BrokenPipeError, ConnectionResetError):
            pass  # the next look at the connection finds that out, and counts it

    def _receive(self, fd: int, log: Log, began: int) -> int:
        """Take what came: the time when that completed an answer, else 0."""
        try:
            data = os.read(fd, _READ)
        except ConnectionResetError:
            data = b""
        now = perf_counter_ns()
        answers = self._waiting.get(fd)
        if answers is None:
            self._replace(fd, data)
            return 0
        found = answers.heads.get(data[: data.find(BLANK)])
        if found is not None and found[0] == len(data) and fd not in self._parts:
            kind = found[1]
        else:
            kind = self._piece(fd, data, answers)
        if kind == _INCOMPLETE:
            return 0
        if answers.take is not None:
            answers.take(self._parts.pop(fd, data))
        del self._waiting[fd]
        since = self._since[fd]
        log.asked.append(since - began)
        log.took.append(now - since)
        log.kind.append(kind)
        return now

    def _piece(self, fd: int, data: bytes, answers: Answers) -> int:
        """An answer in several pieces, of a kind not seen before, or none at all: the number of its kind."""
        if not data:
            self._replace(fd, b"")
            return answers.kinds.number(Kind(answers.label, 0, CONNECTION_LOST, 0))
        whole = self._parts.pop(fd, b"") + data
        try:
            found = answers.learn(whole)
        except BadAnswerError as error:
            raise LoadError(f"{answers.label}: {error}") from error
        if found is None or len(whole) < found[0]:
            self._parts[fd] = whole
            return _INCOMPLETE
        if len(whole) > found[0]:
            raise LoadError(f"{answers.label}: more than one answer to one request")
        if is_last(whole):
            self._replace(fd, b"")
        if answers.take is not None:
            self._parts[fd] = whole
        return found[1]

    def _open(self) -> int:
        try:
            connected = socket.create_connection((self._address.host, self._address.port), PATIENCE_S)
        except OSError as error:
            raise LoadError(f"{self._address.host}:{self._address.port}: {error}") from error
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setblocking(False)
        self._epoll.register(connected, select.EPOLLIN)
        return connected.detach()

    def _replace(self, fd: int, unasked: bytes) -> None:
        """A new connection in the place of one the server has closed."""
        if unasked:
            raise LoadError(f"an answer nobody asked for: {unasked[:40]!r}")
        self._parts.pop(fd, None)
        fresh = self._open()
        self._epoll.unregister(fresh)
        self._epoll.unregister(fd)
        os.dup2(fresh, fd)
        os.close(fresh)
        self._epoll.register(fd, select.EPOLLIN)

    def _give_up(self, log: Log, began: int) -> None:
        """What has no answer by now counts with the time it has waited."""
        now = perf_counter_ns()
        for fd, answers in self._waiting.items():
            log.asked.append(self._since[fd] - began)
            log.took.append(now - self._since[fd])
            log.kind.append(answers.kinds.number(Kind(answers.label, 0, NO_ANSWER, 0)))
            self._replace(fd, b"")
        self._waiting.clear()


def _make_room(connections: int) -> None:
    """Many systems let a process open 1,024 files unless it asks for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < connections + 100:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(connections + 100, hard), hard))


@contextmanager
def _without_gc() -> Iterator[None]:
    """The generator's own garbage collection would be read as latency of the server."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
