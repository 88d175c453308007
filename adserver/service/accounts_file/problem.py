"""What is wrong with an accounts file, and how keys and values are written when that is told."""

import difflib
import json
import re
from dataclasses import dataclass
from datetime import datetime

from adserver.model.source import shown_source

KeyPath = tuple[str, ...]
"""A key with the tables around it, outermost first."""

_MOST_KNOWN = 500
"""Among more names than these no near one is looked for: that would take longer than reading the file."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong. ``key`` is dotted, ``line`` counts from 1 (0: the file as a whole)."""

    line: int
    key: str
    expected: str
    found: str

    def __str__(self) -> str:
        where = f"line {self.line}: {self.key}" if self.line else self.key
        return f"{where}: expected {self.expected}, found {self.found}"


def dotted(path: KeyPath) -> str:
    """A key as one writes it in TOML, with what can not be printed escaped."""
    return ".".join(part if re.fullmatch(r"[\w-]+", part, re.ASCII) else quoted(part) for part in path)


def quoted(text: str) -> str:
    """A text in double quotes, on one line, printable, cut after 60 characters."""
    cut = text if len(text) <= 60 else text[:60] + "…"
    return json.dumps(cut, ensure_ascii=not cut.isprintable())


def nearest(name: str, known: list[str], *, most_known: int = _MOST_KNOWN) -> str:
    """`` (did you mean "x"?)``, or nothing when no known name is near, or there are more than ``most_known``."""
    quick = len(name) <= 64 and len(known) <= most_known
    close = difflib.get_close_matches(name, known, n=1) if quick else []
    return f" (did you mean {quoted(close[0])}?)" if close else ""


def shown(value: object) -> str:
    """What was found, short and without a password."""
    match value:
        case None:
            return "nothing"
        case str():
            return quoted(shown_source(value))
        case bool():
            return str(value).lower()
        case int() | float():
            return "a very large number" if abs(value) >= 10**18 else str(value)
        case list():
            return "an array" if value else "an empty array"
        case dict():
            return "a table" if value else "an empty table"
        case datetime() if value.tzinfo is None:
            return "a date and time without an offset"
    return "a date or time"
