"""Notes of a server are believed while it runs, and only in its own folder."""

import shutil
from pathlib import Path

import pytest

from adserver.notes import AlreadyRunning, Notes, only_server, read_notes, write_notes

NOTES = Notes(pid=1, address="http://127.0.0.1:8000", valkey_url="unix:///x", database_url="sqlite:////x")


def test_notes_are_believed_while_the_server_holds_its_folder(tmp_path: Path) -> None:
    folder, copy = tmp_path / "data", tmp_path / "copy"
    folder.mkdir()
    assert read_notes(folder) is None
    with only_server(folder):
        write_notes(folder, NOTES)
        assert read_notes(folder) == NOTES
        shutil.copytree(folder, copy)
        assert read_notes(copy) is None
        with pytest.raises(AlreadyRunning), only_server(folder):
            pass
    assert read_notes(folder) is None
    assert (folder / "server.json").stat().st_mode & 0o077 == 0
