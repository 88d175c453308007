"""Callers that write all the time and remember what was answered, for tests that break something meanwhile."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.valkey.hot import HotValkey
from adserver.storage.valkey.library import Library

STREAM = "events:{0}"
DEADLINE_S = 1.0
PAUSE_S = 0.005
BREATH_S = 0.002
"""Between two calls of one caller: the servers share this machine with the test."""


class Keeping(Library):
    """A library of its own, so that these tests know what its functions do."""

    def __init__(self) -> None:
        self.version = "keeping0"
        self.source = """#!lua name=adserver_keeping0
redis.register_function('keep_keeping0', function(keys, args)
  for i = 1, #keys do redis.call('HSET', keys[i], args[1], args[2] or 1) end
  return args[1]
end)
redis.register_function('append_keeping0', function(keys, args)
  return redis.call('XADD', keys[1], '*', 'b', args[1])
end)
"""


@dataclass
class Writers:
    """``answered``: key -> field -> when. ``refused``: each failure, and how many seconds it took."""

    hot: HotValkey
    tags: Sequence[str]
    answered: dict[str, dict[bytes, float]] = field(default_factory=dict)
    streamed: dict[bytes, float] = field(default_factory=dict)
    last: dict[str, float] = field(default_factory=dict)
    refused: list[tuple[StoreUnavailable, float]] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self, callers: int = 32) -> None:
        """Begin; one of the callers appends to the stream."""
        self.tasks = [asyncio.create_task(self._write(number)) for number in range(callers - 1)]
        self.tasks.append(asyncio.create_task(self._append()))

    async def stop(self) -> None:
        """End when all calls have ended. Whatever a caller met that is no StoreUnavailable is raised."""
        tasks, self.tasks = self.tasks, []
        await asyncio.gather(*tasks)

    async def answers_again(self, within_s: float) -> float:
        """Seconds until every tag, and the stream, has been written to anew."""
        began = time.monotonic()
        async with asyncio.timeout(within_s):
            while any(self.last.get(tag, 0.0) < began for tag in (*self.tags, STREAM)):  # noqa: ASYNC110
                await asyncio.sleep(PAUSE_S)
        return time.monotonic() - began

    async def _write(self, caller: int) -> None:
        number = 0
        while self.tasks:
            number += 1
            # New keys all the time, and old ones: both are in a slot that moves.
            tag = self.tags[number % len(self.tags)]
            key = f"w{caller}-{number if number // len(self.tags) % 2 else number % 40}:{{{tag}}}"
            name = f"{caller}-{number}".encode()
            began = time.monotonic()
            try:
                reply = await self.hot.call("keep", key, name, deadline=_late())
            except StoreUnavailable as error:
                await self._refusal(error, began)
                continue
            assert reply == name, "another call's answer"
            self.answered.setdefault(key, {})[name] = self.last[tag] = time.monotonic()
            await asyncio.sleep(BREATH_S)

    async def _append(self) -> None:
        while self.tasks:
            began = time.monotonic()
            try:
                entry = await self.hot.call("append", STREAM, b"x" * 200, deadline=_late())
            except StoreUnavailable as error:
                await self._refusal(error, began)
                continue
            assert isinstance(entry, bytes)
            self.streamed[entry] = self.last[STREAM] = time.monotonic()
            await asyncio.sleep(BREATH_S)

    async def _refusal(self, error: StoreUnavailable, began: float) -> None:
        self.refused.append((error, time.monotonic() - began))
        await asyncio.sleep(PAUSE_S)

    async def lost(self) -> list[float]:
        """When those were answered that are not there any more; asks for all of them."""
        gone: list[float] = []
        replies = await asyncio.gather(*[self.hot.command("HKEYS", key) for key in self.answered])
        for fields, kept in zip(self.answered.values(), replies, strict=True):
            assert isinstance(kept, list)
            gone += [fields[name] for name in fields.keys() - set(kept)]
        entries = await self.hot.command("XRANGE", STREAM, "-", "+")
        assert isinstance(entries, list)
        gone += [self.streamed[entry] for entry in self.streamed.keys() - {entry for entry, _ in entries}]
        return gone

    @property
    def count(self) -> int:
        """Answered calls."""
        return sum(map(len, self.answered.values())) + len(self.streamed)


def _late() -> float:
    return asyncio.get_running_loop().time() + DEADLINE_S
