"""A worker dies with entries in its spool: another one takes them over, alone."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
from redis import Redis

from adserver.storage.valkey import keys
from tests.contract.restartable import RestartableValkey

ROOT = Path(__file__).parents[2]


class Worker:
    """A process; ``kept`` are the numbers it has told."""

    def __init__(self, server: RestartableValkey, folder: Path, slot: int, first: int = 0, count: int = 0) -> None:
        arguments = [server.url, str(folder), str(slot), str(first), str(count)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.contract.spool_worker", *arguments], cwd=ROOT, stdout=subprocess.PIPE
        )
        assert self._read() == "started"

    def tells(self, count: int) -> list[int]:
        """The next ``count`` numbers."""
        return [int(self._read()) for _ in range(count)]

    def kill(self) -> list[int]:
        """What it had told and nobody had read."""
        if self._process.returncode is not None:
            return []
        self._process.kill()
        rest, _ = self._process.communicate()
        return [int(line) for line in rest.splitlines(keepends=True) if line.endswith(b"\n")]

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().strip()


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="spool-") as name:
        yield Path(name)


@pytest.fixture
def server(folder: Path) -> Iterator[RestartableValkey]:
    server = RestartableValkey(folder)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def start(server: RestartableValkey, folder: Path) -> Iterator[Callable[..., Worker]]:
    """Starts workers, and ends them when the test is over."""
    workers: list[Worker] = []

    def begin(slot: int, first: int = 0, count: int = 0) -> Worker:
        workers.append(Worker(server, folder / "spool", slot, first, count))
        return workers[-1]

    yield begin
    for worker in workers:
        worker.kill()


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def files(folder: Path, slot: int) -> list[Path]:
    return list((folder / "spool").glob(f"{slot}-*.spool"))


def written(server: RestartableValkey) -> list[int]:
    with Redis.from_url(server.url) as redis:
        entries: list[tuple[bytes, dict[bytes, bytes]]] = redis.xrange(keys.EVENTS)
    return [row[1] - 1_790_000_000 for _, fields in entries for row in orjson.loads(fields[b"b"])]


def viewed(server: RestartableValkey, visitor: str) -> list[str]:
    with Redis.from_url(server.url) as redis:
        flat: dict[bytes, bytes] = redis.hgetall(keys.visitor(visitor))
    views = [(int(at), name[3:].decode()) for name, at in flat.items() if name.startswith(b"v1:")]
    return [product for _, product in sorted(views)]


def newest_views(numbers: list[int]) -> list[str]:
    """Products of all events, each where it was viewed last."""
    return list(dict.fromkeys(f"p{number % 200}" for number in reversed(numbers)))[::-1]


def test_what_a_killed_worker_had_kept_is_written_once_and_in_order(
    server: RestartableValkey, folder: Path, start: Callable[..., Worker]
) -> None:
    worker = start(1, 0, 100_000)
    kept = worker.tells(50)
    server.kill()
    kept += worker.tells(300)
    kept += worker.kill()
    server.start()
    start(2)
    start(3)  # both look for it; one gets it
    until(lambda: not files(folder, 1))
    found = written(server)
    assert found[: len(kept)] == kept == list(range(len(kept)))
    assert len(found) <= len(kept) + 1  # the last one was on the disk before it could be told
    assert viewed(server, "w1") == newest_views(found)


def test_who_dies_while_it_replays_is_followed_by_the_next(
    server: RestartableValkey, folder: Path, start: Callable[..., Worker]
) -> None:
    server.kill()
    worker = start(1, 0, 600)
    kept = worker.tells(600)
    worker.kill()
    server.start()
    for slot in (2, 3, 4):
        before = len(written(server))
        heir = start(slot)
        until(lambda before=before: len(written(server)) > before or not files(folder, 1))  # type: ignore[misc]
        heir.kill()
    start(5)
    until(lambda: not files(folder, 1))
    assert written(server) == kept == list(range(600))
    assert viewed(server, "w1") == newest_views(kept)


def test_a_living_worker_keeps_its_own(server: RestartableValkey, folder: Path, start: Callable[..., Worker]) -> None:
    """Nobody takes the file of one who is at work, and each replays its own."""
    server.kill()
    first, second = start(1, 0, 200), start(2, 1_000, 200)
    kept = first.tells(200) + second.tells(200)
    server.start()
    until(lambda: all(path.stat().st_size == 64 for slot in (1, 2) for path in files(folder, slot)))
    assert sorted(written(server)) == kept
    assert all(len(files(folder, slot)) == 1 for slot in (1, 2))
