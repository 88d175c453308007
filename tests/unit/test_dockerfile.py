"""The Dockerfile, as far as it can be tried without Docker: what it installs, and its health check."""

import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.words import ROOT

TEXT = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", "")


def instruction(begin: str) -> str:
    (line,) = [line for line in TEXT.splitlines() if line.startswith(begin)]
    return line


def health_check() -> list[str]:
    program, *arguments = json.loads(instruction("HEALTHCHECK ").partition(" CMD ")[2])
    assert program == "python"
    return [sys.executable, *arguments]


def healthy(data_dir: Path) -> bool:
    env = {**os.environ, "ADSERVER_DATA_DIR": str(data_dir), "http_proxy": "http://127.0.0.1:9", "no_proxy": ""}
    env["https_proxy"] = env["http_proxy"]
    done = subprocess.run(health_check(), env=env, capture_output=True, timeout=30, check=False)
    return done.returncode == 0


@contextmanager
def listening(data_dir: Path, scheme: str, status: int) -> Iterator[list[str]]:
    """A server whose address is noted in ``data_dir``; yields the paths that it is asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with HTTPServer(("0.0.0.0", 0), Handler) as server:
        if scheme == "https":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            trustme.CA().issue_cert("ads.example").configure_cert(context)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        notes = {"pid": 1, "address": f"{scheme}://0.0.0.0:{server.server_port}"}
        (data_dir / "server.json").write_text(json.dumps(notes), "utf-8")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield asked
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_health_check_asks_where_the_server_listens(tmp_path: Path, scheme: str) -> None:
    with listening(tmp_path, scheme, 200) as asked:
        assert healthy(tmp_path)
    assert asked == ["/healthz"]
    assert not healthy(tmp_path)  # nobody listens any more


def test_the_health_check_fails_by_a_refusal_and_before_the_start(tmp_path: Path) -> None:
    assert not healthy(tmp_path)
    with listening(tmp_path, "http", 503):
        assert not healthy(tmp_path)


def test_the_health_check_reads_the_folder_that_the_server_writes() -> None:
    assert "ADSERVER_DATA_DIR=/data" in TEXT
    assert '"--data-dir", "/data"' in instruction("CMD ")


def test_nothing_is_installed_past_the_hashes_of_the_lock() -> None:
    calls = [
        part for line in TEXT.splitlines() if line.startswith("RUN ") for part in line.split("&&") if "pip " in part
    ]
    fetching = [call for call in calls if "--no-index" not in call]
    assert len(calls) == 3
    assert len(fetching) == 1
    assert "--require-hashes" in fetching[0]
    assert "--requirement requirements.lock" in fetching[0]


def test_the_dockerfile_copies_what_is_there() -> None:
    copied = [line.split()[1:-1] for line in TEXT.splitlines() if line.startswith("COPY ") and "--from" not in line]
    names = [name for sources in copied for name in sources]
    assert {"pyproject.toml", "requirements.lock", "adserver", "creatives"} <= set(names)
    assert all((ROOT / name).exists() for name in names)
