"""What a check of a creative says."""

from enum import StrEnum
from typing import NamedTuple


class Gravity(StrEnum):
    """``error``: not to be served like this. ``warning``: somebody should look at it. ``note``: nobody could tell."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Flaw(NamedTuple):
    """``file``: of the folder. ``what`` is wrong, and ``expected`` in its place. ``where``: a line of the file
    (``line 12``), or sizes and counts (``300x250 of 4``); empty where it is all of the file."""

    gravity: Gravity
    file: str
    what: str
    expected: str = ""
    where: str = ""


def error(file: str, what: str, expected: str = "", where: str = "") -> Flaw:
    """One that must not be served."""
    return Flaw(Gravity.ERROR, file, what, expected, where)


def warning(file: str, what: str, expected: str = "", where: str = "") -> Flaw:
    """One that somebody should look at."""
    return Flaw(Gravity.WARNING, file, what, expected, where)


def note(file: str, what: str, expected: str = "", where: str = "") -> Flaw:
    """What the check could not tell."""
    return Flaw(Gravity.NOTE, file, what, expected, where)
