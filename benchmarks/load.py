"""The load generator: N keep-alive connections in a closed loop, each asking again as soon as it has its answer."""

import asyncio
import gc
import itertools
import math
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter_ns
from typing import cast

from benchmarks.response import BadResponseError, Response, ResponseParser

PATIENCE_S = 10.0
"""How long an answer may take before it counts as missing."""

_REASON = b"\r\nx-adserver-reason:"

Next = Callable[[int], bytes | None]
"""The next request at a time (perf_counter_ns), or None when there is nothing more to ask."""

OnAnswer = Callable[[Response, int, int], None]
"""Hears of each answer, of when it was asked for and of when it came (perf_counter_ns)."""


class LoadError(Exception):
    """Something was answered in a way that makes the numbers worthless."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One round on one endpoint. ``body_bytes`` is the mean; ``failures`` counts what was not expected."""

    answers: int
    seconds: float
    p50_ms: float
    p99_ms: float
    body_bytes: float
    failures: Mapping[str, int]

    @property
    def per_second(self) -> float:
        """Requests answered per second."""
        return self.answers / self.seconds if self.seconds else 0.0


class _Connection(asyncio.Protocol):
    def __init__(self, next_request: Next, on_answer: OnAnswer, failures: Counter[str]) -> None:
        self.done = asyncio.get_running_loop().create_future()
        self._next_request = next_request
        self._on_answer = on_answer
        self._failures = failures
        self._parser = ResponseParser()
        self._transport: asyncio.WriteTransport | None = None
        self._asked = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is none by its type
        self._ask(perf_counter_ns())

    def data_received(self, data: bytes) -> None:
        now = perf_counter_ns()
        try:
            responses = self._parser.feed(data)
        except BadResponseError as error:
            self._end(str(error))
            return
        if not responses:
            return
        if len(responses) > 1:
            self._end("more than one answer to one request")
            return
        self._on_answer(responses[0], self._asked, now)
        self._ask(now)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(f"connection lost: {exc or 'closed by the server'}")

    def _ask(self, now: int) -> None:
        request = self._next_request(now)
        if request is None or self._transport is None:
            self._end()
            return
        self._asked = perf_counter_ns()
        self._transport.write(request)

    def _end(self, failure: str = "") -> None:
        if self.done.done():
            return
        if failure:
            self._failures[failure] += 1
        self.done.set_result(None)
        if self._transport is not None:
            self._transport.close()


async def fetch_all(address: Address, requests: Sequence[bytes], *, connections: int) -> list[Response]:
    """Every request once, in no particular order. Raises LoadError unless each answer is a 200 without a reason."""
    waiting = iter(requests)
    answers: list[Response] = []
    failures: Counter[str] = Counter()

    def take(response: Response, _asked: int, _now: int) -> None:
        answers.append(response)
        if fault := _fault(response):
            failures[fault] += 1

    within = PATIENCE_S + len(requests) / 50
    await _drive(
        address,
        lambda _: None if failures else next(waiting, None),
        take,
        failures,
        connections=connections,
        within=within,
    )
    if failures:
        raise LoadError(f"setting up: {dict(failures)}")
    return answers


async def measure(
    address: Address, requests: Sequence[bytes], *, connections: int, warm_up_s: float, seconds: float
) -> Measurement:
    """Ask ``requests`` round and round. What is answered while warming up is checked, but not measured."""
    endless = itertools.cycle(requests)
    latencies = array("q")
    failures: Counter[str] = Counter()
    body_bytes = 0

    with _without_gc():
        count_from = last = perf_counter_ns() + int(warm_up_s * 1e9)
        stop_at = count_from + int(seconds * 1e9)

        def ask(now: int) -> bytes | None:
            return next(endless) if now < stop_at else None

        def take(response: Response, asked: int, now: int) -> None:
            nonlocal last, body_bytes
            if fault := _fault(response):
                failures[fault] += 1
            if now >= count_from:
                latencies.append(now - asked)
                body_bytes += response.body_bytes
                last = now

        await _drive(address, ask, take, failures, connections=connections, within=warm_up_s + seconds + PATIENCE_S)
    ranked = sorted(latencies)
    return Measurement(
        answers=len(ranked),
        seconds=(last - count_from) / 1e9,
        p50_ms=percentile(ranked, 0.50) / 1e6,
        p99_ms=percentile(ranked, 0.99) / 1e6,
        body_bytes=body_bytes / max(len(ranked), 1),
        failures=dict(failures),
    )


def percentile(ranked: Sequence[int], share: float) -> int:
    """The smallest of the sorted values that at least ``share`` of them do not exceed (nearest rank); 0 for none."""
    return ranked[max(math.ceil(share * len(ranked)), 1) - 1] if ranked else 0


async def _drive(
    address: Address,
    next_request: Next,
    on_answer: OnAnswer,
    failures: Counter[str],
    *,
    connections: int,
    within: float,
) -> None:
    loop = asyncio.get_running_loop()

    def connection() -> _Connection:
        return _Connection(next_request, on_answer, failures)

    try:
        opened = [await loop.create_connection(connection, address.host, address.port) for _ in range(connections)]
    except OSError as error:
        raise LoadError(f"{address.host}:{address.port}: {error}") from error
    _, late = await asyncio.wait([protocol.done for _, protocol in opened], timeout=within)
    if late:
        failures["no answer"] += len(late)
    for transport, protocol in opened:
        protocol.done.cancel()
        transport.close()


def _fault(response: Response) -> str:
    """What is wrong with an answer, or an empty string."""
    if response.status == 200 and _REASON not in response.head.lower():
        return ""
    reasons = b", ".join(response.values(b"x-adserver-reason")).decode("latin-1")
    return f"status {response.status}" + (f", reason {reasons}" if reasons else "")


@contextmanager
def _without_gc() -> Iterator[None]:
    """The generator's own garbage collection would be read as latency of the server."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
