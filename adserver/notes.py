"""What a running server notes in its data folder, so that the command line finds its stores."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path


class AlreadyRunning(Exception):  # noqa: N818  a state of the world, not a mistake in the program
    """Another server works with this data folder."""


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
    """What the server of this folder noted, also after it has ended; None when there is nothing to read."""
    try:
        return Notes(**json.loads((data_dir / "server.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


@contextmanager
def only_server(data_dir: Path) -> Iterator[None]:
    """Hold the data folder alone; the lock goes with the process, however it ends. Raises AlreadyRunning."""
    with (data_dir / "lock").open("a") as file:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except OSError as error:
            raise AlreadyRunning(f"another adserver works with {data_dir} already") from error
        yield
