"""What a running server notes in its data folder, so that the command line finds its stores."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path

_TRIES = 10


class AlreadyRunning(Exception):  # noqa: N818  a state of the world, not a mistake in the program
    """Another server works with this data folder."""


class ServeError(Exception):
    """The server gave up; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """Of a running server. ``valkey_url`` may hold a password: the file can be read by its owner only."""

    pid: int
    address: str
    valkey_url: str
    database_url: str


def write_notes(data_dir: Path, notes: Notes) -> None:
    """Whole or not at all."""
    path = data_dir / "server.json"
    draft = data_dir / f"server.json.{os.getpid()}"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(notes), file)
    draft.replace(path)


def read_notes(data_dir: Path) -> Notes | None:
    """What the running server of this folder noted, else None.

    Notes of a server that has ended are not believed: the folder may be a copy, or have moved since.
    """
    try:
        notes = Notes(**json.loads((data_dir / "server.json").read_text("utf-8")))
        with (data_dir / "lock").open("a") as file:
            flock(file, LOCK_SH | LOCK_NB)
    except BlockingIOError:
        return notes
    except (OSError, ValueError, TypeError):
        return None
    return None


@contextmanager
def only_server(data_dir: Path) -> Iterator[None]:
    """Hold the data folder alone; the lock goes with the process, however it ends. Raises AlreadyRunning."""
    with (data_dir / "lock").open("a") as file:
        for attempt in range(_TRIES):
            try:
                flock(file, LOCK_EX | LOCK_NB)
                break
            except OSError as error:
                if attempt == _TRIES - 1:
                    raise AlreadyRunning(f"another adserver works with {data_dir} already") from error
                time.sleep(0.05)  # a command that looks whether a server runs holds it for a moment
        yield
