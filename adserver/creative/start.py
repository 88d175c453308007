"""A new creative: a small one that is complete, to begin with."""

import re
from pathlib import Path

from adserver.creative.fault import CreativeError

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_STARTER = Path(__file__).parent / "starter"


def new_creative(name: str, parent: Path) -> list[Path]:
    """Makes ``parent/name`` and says which files are in it. Raises ``CreativeError`` for a name that can not be one or
    is taken there, and ``OSError``; nothing is overwritten."""
    folder = parent / name
    if not _NAME.fullmatch(name):
        raise CreativeError(parent, "name", "1 to 64 characters of A-Z a-z 0-9 _ -")
    if folder.exists():
        raise CreativeError(folder, "folder", "one that is not there yet: nothing is overwritten")
    folder.mkdir(parents=True)
    made = []
    for file in sorted(_STARTER.iterdir()):
        text = file.read_text("utf-8")
        made.append(folder / file.name)
        made[-1].write_text(text.replace('"NAME"', f'"{name}"', 1) if file.suffix == ".toml" else text, "utf-8")
    return made
