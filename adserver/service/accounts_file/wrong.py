"""What a check answers for a value that may not stand there."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final


class _TheValue:
    """What was found is the value itself."""


THE_VALUE: Final = _TheValue()


@dataclass(frozen=True, slots=True)
class Wrong:
    """A refusal. ``expected`` says more than the key's row, ``hint`` is added to it.

    ``at`` leads from the value to what is wrong in it: names of keys and places in arrays. ``found`` is told instead of
    the value at that place.
    """

    expected: str = ""
    at: tuple[str | int, ...] = ()
    found: object = THE_VALUE
    hint: str = ""


Check = Callable[[Any], object]
"""Answers the value to keep, or ``Wrong``."""


def inside(wrong: Wrong, *at: str | int) -> Wrong:
    """The same, seen from further out."""
    return replace(wrong, at=(*at, *wrong.at))


def found_in(value: Any, wrong: Wrong) -> object:
    """What was found at the place that is wrong."""
    if wrong.found is not THE_VALUE:
        return wrong.found
    for step in wrong.at:
        value = value[step]
    return value
