"""The law of the spool: however calls are lost, late or out of order, each write is done exactly once."""

import asyncio
import os
import tempfile
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.spool import drain, journal
from adserver.storage.spool.entry import wire
from adserver.storage.spool.spool import Spool
from adserver.storage.spool.writers import Writer, Writers
from adserver.storage.valkey.hot import Argument, Key


@pytest.fixture(autouse=True, scope="module")
def _in_no_time() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drain, "BACKOFF_S", (0.0005, 0.001))
        patch.setattr(journal, "GATHER_S", 0)
        yield


class Model:
    """A Valkey as its functions describe it, at the end of a bad line; ``fates`` says what happens to each call."""

    def __init__(self, fates: list[str]) -> None:
        self.stream: list[int] = []
        self.bills = 0
        self.billed: dict[str, tuple[bytes, ...]] = {}
        self._marks: dict[str, int] = {}
        self._fates = deque(fates)
        self._late: list[tuple[str, tuple[str, ...], tuple[bytes, ...]]] = []

    async def call(self, function: str, key: Key, *args: Argument, deadline: float | None = None) -> object:
        call = (function, (key,) if isinstance(key, str) else key, tuple(map(wire, args)))
        fate = self._fates.popleft() if self._fates else "done"
        await asyncio.sleep(0)
        if fate == "refused":
            error = StoreUnavailable("refused")
            error.ambiguous = False
            raise error
        if fate == "late":
            self._late.append(call)
        if fate in {"lost", "late"}:
            raise StoreUnavailable("no answer")
        returned = self._do(*call)
        if fate == "answer lost":
            raise StoreUnavailable("no answer")
        return returned

    def arrive(self) -> None:
        """Calls that nobody waits for any more are done after all, the newest first."""
        while self._late:
            self._do(*self._late.pop())

    def _do(self, function: str, keys: tuple[str, ...], args: tuple[bytes, ...]) -> int:
        if function == "bill":
            self.bills += 1
            return int(self.billed.setdefault(keys[0], args) == args)
        if int(args[0]) <= self._marks.get(keys[1], 0):
            return 0
        self._marks[keys[1]] = int(args[0])
        self.stream += [number for (number,) in orjson.loads(args[1])]
        return 1


async def append(spool: Spool, number: int) -> None:
    await spool.append([(number,)])


async def bill(spool: Spool, number: int) -> None:
    if await spool.call("bill", f"d{number % 3}", str(number), then=(number,)) == 1:
        await spool.append([(number,)])


async def work(spool: Spool, model: Model, numbered: deque[tuple[int, str]], *, one_by_one: bool) -> None:
    """The life of one worker, to the next crash or until everything is done."""
    tasks: list[asyncio.Task[None]] = []
    async with spool.running(), asyncio.timeout(10):
        while numbered:
            number, step = numbered.popleft()
            if step == "crash":
                break
            if step == "arrive":
                model.arrive()
            elif step == "rest":
                await asyncio.sleep(0.002)
            else:
                tasks.append(asyncio.create_task((append if step == "append" else bill)(spool, number)))
                if one_by_one:
                    await tasks[-1]
        else:
            await asyncio.gather(*tasks)
            while spool.waiting:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        await asyncio.gather(*tasks)


async def walk(model: Model, folder: Path, steps: list[str], *, one_by_one: bool) -> None:
    """Each crash ends a worker between two parts of its replaying; the next takes over what it left."""
    numbered = deque(enumerate([*steps, "rest"]))
    while numbered:
        spool = Spool(model, folder, slot="1", max_bytes=1024 * 1024)
        await work(spool, model, numbered, one_by_one=one_by_one)
    spool = Spool(model, folder, slot="1", max_bytes=1024 * 1024)
    async with spool.running(), asyncio.timeout(10):
        while spool.waiting or len(os.listdir(folder)) > 1:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    model.arrive()


STEPS = st.lists(st.sampled_from(["append", "append", "append", "bill", "rest", "arrive", "crash"]), max_size=30)
FATES = st.one_of(
    st.lists(st.sampled_from(["done", "done", "answer lost", "lost", "late", "refused"]), max_size=60),
    st.lists(st.sampled_from(["done", "refused"]), max_size=60),
)


@given(STEPS, FATES, st.booleans())
@settings(max_examples=300, deadline=None)
def test_every_write_is_done_exactly_once(steps: list[str], fates: list[str], one_by_one: bool) -> None:
    model = Model(fates)
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(walk(model, Path(name), steps, one_by_one=one_by_one))
    found = Counter(model.stream)
    appended = [number for number, step in enumerate(steps) if step == "append"]
    assert {number: found[number] for number in appended} == dict.fromkeys(appended, 1)
    # Of each decision one call was the first, and its record is there once.
    counted = sorted(number for number in model.stream if steps[number] == "bill")
    assert counted == sorted(int(args[0]) for args in model.billed.values())
    if set(fates) <= {"done", "refused"} and "crash" not in steps:
        assert model.bills == steps.count("bill")  # no answer was lost: no call was made twice
    if one_by_one and "crash" not in steps:
        assert [number for number in model.stream if steps[number] == "append"] == appended


@given(st.lists(st.integers(0, 9), max_size=60))
def test_a_name_carries_one_batch_at_a_time(actions: list[int]) -> None:
    writers = Writers()
    out: list[Writer] = []
    seen: set[tuple[str, int]] = set()
    for action in actions:
        if action < 6 or not out:
            writer = writers.take()
            assert writer not in out
            assert (writer.name, writer.number) not in seen
            seen.add((writer.name, writer.number))
            out.append(writer)
        elif action < 9:
            writers.give_back(out.pop(0))
        else:
            out.pop(0)  # its batch may or may not have been written
    numbers: dict[str, list[int]] = {}
    for name, number in sorted(seen):
        numbers.setdefault(name, []).append(number)
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())
