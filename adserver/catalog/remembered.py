"""What a text was read as last time, for fields whose values come again and again."""

from collections.abc import Callable
from typing import TypeVar

REMEMBERED = 4_096
"""Texts of one field that are remembered, unless said otherwise."""

PRICES_REMEMBERED = 32_768
"""There are more different prices than other values; they are short, and take about 6 MB."""

_LONGEST = 160


V = TypeVar("V")


class Remembered(dict[str, V]):
    """``remembered[text]`` is ``read(text)``, from memory where it can be.

    Holds at most ``most`` texts of at most 160 characters: then it begins anew. A longer one is read each time.
    """

    __slots__ = ("_most", "_read")

    def __init__(self, read: Callable[[str], V], most: int = REMEMBERED) -> None:
        super().__init__()
        self._read = read
        self._most = most

    def __missing__(self, text: str) -> V:
        value = self._read(text)
        if len(text) <= _LONGEST:
            if len(self) >= self._most:
                self.clear()
            self[text] = value
        return value
