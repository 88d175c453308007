"""What a running server notes, and who may work with a data folder."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from adserver.notes import AlreadyRunning, Notes, only_server, read_notes, write_notes

NOTES = Notes(pid=7, address="http://127.0.0.1:8000", valkey_url="redis://:pw@h", database_url="sqlite:////x.db")


def test_they_read_as_they_were_written(tmp_path: Path) -> None:
    with only_server(tmp_path):
        write_notes(tmp_path, NOTES)
        assert read_notes(tmp_path) == NOTES
        assert {path.name for path in tmp_path.iterdir()} == {"server.json", "lock"}


def test_those_of_a_server_that_has_ended_are_not_believed(tmp_path: Path) -> None:
    with only_server(tmp_path):
        write_notes(tmp_path, NOTES)
    assert read_notes(tmp_path) is None


def test_they_can_hold_a_password_and_are_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_notes(tmp_path, NOTES)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "server.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", '{"pid": 1}', '{"x": 1}', "\udcff"])
def test_what_can_not_be_read_is_none(tmp_path: Path, text: str) -> None:
    with only_server(tmp_path):
        assert read_notes(tmp_path) is None
        (tmp_path / "server.json").write_text(text, "utf-8", "surrogateescape")
        assert read_notes(tmp_path) is None


def test_one_server_per_folder(tmp_path: Path) -> None:
    taken = pytest.raises(AlreadyRunning, match=f"another adserver works with {tmp_path} already")
    with only_server(tmp_path), taken, only_server(tmp_path):
        pass
    with only_server(tmp_path):
        pass


def test_the_lock_goes_with_the_process_and_not_with_its_children(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, os, pathlib; from adserver.notes import only_server\n"
        f"with only_server(pathlib.Path({str(tmp_path)!r})):\n"
        "    child = subprocess.Popen([sys.executable, '-c', 'import sys; sys.stdin.read()'], stdin=sys.stdin)\n"
        "    print(child.pid, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.wait() == -9
        assert holder.stdout
        child = int(holder.stdout.readline())
        assert Path(f"/proc/{child}").exists()
        with only_server(tmp_path):
            pass
