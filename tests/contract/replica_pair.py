"""A primary and its replica, for tests of what has to be on both.

A test module takes the fixture in with ``pytest_plugins = ["tests.contract.replica_pair"]``.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.valkey_process import ValkeyProcess

DEADLINE_S = 20.0


class Pair:
    """Both are alive; a replica that was killed comes back with ``follow_again``."""

    def __init__(self, folder: Path) -> None:
        (folder / "primary").mkdir()
        (folder / "replica").mkdir()
        self.primary = ValkeyProcess(folder / "primary", repl_diskless_sync="no", hz="100")
        self.replica = ValkeyProcess(folder / "replica", appendonly="no", repl_diskless_load="swapdb")

    def start(self) -> "Pair":
        """Returns when the replica has caught up."""
        self.primary.start()
        self.follow_again()
        with self.primary.client() as client:
            deadline = time.monotonic() + DEADLINE_S
            while not (client.set("replicated", 1) and client.wait(1, 100)):
                assert time.monotonic() < deadline, "the replica did not follow"
        return self

    def follow_again(self) -> None:
        """Start the replica; told by a command it begins at once, by its configuration a second later."""
        self.replica.start()
        with self.replica.client() as client:
            client.replicaof("127.0.0.1", self.primary.port)

    def kill(self) -> None:
        """Both."""
        self.replica.kill()
        self.primary.kill()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """A primary and its replica."""
    found = Pair(tmp_path)
    yield found.start()
    found.kill()
