"""A real Redis for tests, for as long as the test session; skips where there is none.

What runs on both servers says so with a fixture of its own, which takes the place of the one in ``valkey_server``::

    @pytest.fixture(params=["valkey", "redis"])
    def valkey_url(request: pytest.FixtureRequest, valkey_url: str) -> str:
        return valkey_url if request.param == "valkey" else str(request.getfixturevalue("redis_url"))
"""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

# What an operator sets for a Redis of one's own, as the embedded server has it.
OPTIONS = ("--hash-max-listpack-entries", "512", "--hash-max-listpack-value", "255")


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The address of a Redis from the system's packages."""
    binary = shutil.which("redis-server", path="/usr/bin:/usr/local/bin") or shutil.which("redis-server")
    if binary is None:
        pytest.skip("there is no redis-server on the PATH: this runs on Valkey only")
    with tempfile.TemporaryDirectory(prefix="ads-") as folder:
        socket = Path(folder) / "redis.sock"
        command = [binary, "--port", "0", "--unixsocket", str(socket), "--dir", folder, "--save", "", *OPTIONS]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait(process, socket)
            yield f"unix://{socket}"
        finally:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", socket: Path) -> None:
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with Redis(unix_socket_path=str(socket)) as client:
                client.ping()
        except (RedisError, OSError):
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("redis-server did not start")
