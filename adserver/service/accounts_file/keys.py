"""What a row of ``TABLES`` says of one key."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adserver.model.account import ACCOUNT_ID_PATTERN
from adserver.service.accounts_file import values

ID = "an id of 1 to 64 letters A-Z a-z, digits, _ or -"


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a table: its check answers the value to keep or ``Wrong``.

    ``keys`` make it a table, of which ``check`` gets the fields; ``{}`` stands for None where ``empty`` allows it. What
    is ``optional`` and not there has the default of the noun. ``field`` is the noun's, where that has another name
    (``every`` is kept as ``every_s``).
    """

    name: str
    expected: str
    check: Callable[[Any], object] = lambda value: value
    optional: bool = True
    keys: tuple["Key", ...] = ()
    field: str = ""
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """``[<name>.<id>]``: its keys are the fields of ``noun``."""

    name: str
    noun: Callable[..., Any]
    keys: tuple[Key, ...]


def reference(name: str, noun: str, *, optional: bool = False) -> Key:
    """The id of something; an empty text takes an optional one away."""
    if optional:
        pattern = f"({ACCOUNT_ID_PATTERN})?"
        return Key(name, f'the id of {noun}, or "" for none', values.matching(pattern))
    expected = f"the id of {noun}, in letters A-Z a-z, digits, _ or -"
    return Key(name, expected, values.matching(ACCOUNT_ID_PATTERN), optional=False)


def references(name: str, nouns: str) -> Key:
    """A list of ids, each kept once."""
    return Key(name, f"a list of ids of {nouns}", values.each(values.matching(ACCOUNT_ID_PATTERN)))


def texts(name: str, expected: str, longest: int, *, folded: bool = False) -> Key:
    """A list of texts."""
    return Key(name, expected, values.each(values.folded(longest) if folded else values.text(longest)))


def whole(name: str, least: int, most: int) -> Key:
    """A whole number."""
    return Key(name, f"a whole number from {least:,} to {most:,}", values.whole(least, most))
