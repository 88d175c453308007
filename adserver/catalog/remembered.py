"""What a text was read as last time, for fields whose values come again and again."""

from collections.abc import Callable
from typing import TypeVar

REMEMBERED = 4_096
"""Texts of one field that are remembered."""

_LONGEST = 160


V = TypeVar("V")


class Remembered(dict[str, V]):
    """``remembered[text]`` is ``read(text)``, from memory where it can be.

    Holds at most ``REMEMBERED`` texts of at most 160 characters: then it begins anew. A longer one is read each time.
    """

    __slots__ = ("_read",)

    def __init__(self, read: Callable[[str], V]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, text: str) -> V:
        value = self._read(text)
        if len(text) <= _LONGEST:
            if len(self) >= REMEMBERED:
                self.clear()
            self[text] = value
        return value
