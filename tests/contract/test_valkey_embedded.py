"""The embedded Valkey: quick to start, keeps what it was told, never twice in one folder."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from adserver.storage.valkey.embedded import EmbeddedValkey, EmbeddedValkeyError, is_alive, socket_path, socket_url
from tests.server import until

START = """
import sys
from pathlib import Path
from adserver.storage.valkey.embedded import EmbeddedValkey
embedded = EmbeddedValkey(Path(sys.argv[1]))
embedded.start(waiting=lambda s: print("waiting", flush=True))
print("up", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ads-") as name:
        yield Path(name)


@pytest.fixture
def embedded(folder: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(folder)
    server.start()
    yield server
    server.stop()


def pid_of(server: EmbeddedValkey) -> int:
    with Redis.from_url(server.url) as client:
        return int(client.info("server")["process_id"])


def ended(server: EmbeddedValkey) -> None:
    until(lambda: not server.is_running(), what="its end")


def test_there_and_gone(folder: Path) -> None:
    assert not is_alive(folder)
    server = EmbeddedValkey(folder)
    server.start()
    assert is_alive(folder)
    assert server.is_running()
    server.stop()
    assert not is_alive(folder)
    assert not server.is_running()
    server.stop()  # ended already


def test_an_absent_server_is_found_absent_at_once(folder: Path, embedded: EmbeddedValkey) -> None:
    os.kill(pid_of(embedded), signal.SIGKILL)
    ended(embedded)
    assert socket_path(folder).exists()
    began = time.monotonic()
    assert not is_alive(folder)
    assert time.monotonic() - began < 1  # a client that tries again takes four


def test_what_is_on_disk_outlives_a_kill(embedded: EmbeddedValkey) -> None:
    with Redis.from_url(embedded.url) as client:
        client.set("kept", "yes")
        assert client.execute_command("WAITAOF", 1, 0, 10_000)[0] == 1
    os.kill(pid_of(embedded), signal.SIGKILL)
    ended(embedded)
    embedded.start()
    with Redis.from_url(embedded.url) as client:
        assert client.get("kept") == b"yes"


def test_a_stop_writes_everything_down(embedded: EmbeddedValkey) -> None:
    with Redis.from_url(embedded.url) as client:
        client.set("kept", "yes")
    embedded.stop()
    embedded.start()
    with Redis.from_url(embedded.url) as client:
        assert client.get("kept") == b"yes"


def test_a_second_one_adopts_the_first(folder: Path, embedded: EmbeddedValkey) -> None:
    second = EmbeddedValkey(folder)
    second.start()
    assert pid_of(second) == pid_of(embedded)
    assert second.is_running()
    second.stop()
    assert not second.is_running()
    ended(embedded)


def test_one_that_does_not_answer_is_waited_for(folder: Path, embedded: EmbeddedValkey) -> None:
    """It is on its way out, say: a second server beside it would write the same append-only file."""
    first = pid_of(embedded)
    os.kill(first, signal.SIGSTOP)
    starting = subprocess.Popen(
        [sys.executable, "-c", START, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert starting.stdin
    assert starting.stdout
    with starting:
        assert starting.stdout.readline() == "waiting\n"
        os.kill(first, signal.SIGKILL)
        assert set(iter(starting.stdout.readline, "up\n")) <= {"waiting\n"}
        assert pid_of(embedded) != first
        starting.stdin.close()


def test_it_ends_with_the_process_that_started_it(folder: Path) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", START, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with starter:
        assert starter.stdout
        assert starter.stdout.readline() == "up\n"
        starter.kill()
    ended(EmbeddedValkey(folder))


def test_a_long_path_has_its_socket_elsewhere(folder: Path) -> None:
    deep = folder / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    server = EmbeddedValkey(deep)
    server.start()
    try:
        assert len(os.fsencode(socket_path(deep))) <= 100
        assert server.url == socket_url(deep)
        assert socket_path(deep).stat().st_mode & 0o077 == 0
        assert socket_path(deep).parent.stat().st_mode & 0o077 == 0
    finally:
        server.stop()


def test_a_server_that_can_not_start_says_where_its_log_is(folder: Path, embedded: EmbeddedValkey) -> None:
    embedded.stop()
    (manifest,) = (folder / "valkey" / "appendonlydir").glob("*.manifest")
    manifest.write_text("this is no manifest\n")
    with pytest.raises(EmbeddedValkeyError, match=r"ended with code 1; its log: .*valkey\.log"):
        embedded.start()
