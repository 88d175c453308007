"""Colours as layouts name them -> red, green, blue and how much they cover."""

from functools import lru_cache
from typing import NamedTuple

Rgba = tuple[int, int, int, int]
CLEAR: Rgba = (0, 0, 0, 0)


class Brand(NamedTuple):
    """The three colours of a banner that follow the brand, ``#rrggbb``."""

    accent: str
    on_accent: str
    accent_text: str


@lru_cache(4096)
def rgba(name: str, brand: Brand) -> Rgba:
    """See ``layout.Style``; what is no colour paints nothing."""
    share, _, base = name.partition("+")
    mark, _, factor = share.partition("*")
    if mark in Brand._fields:
        return _mixed(getattr(brand, mark), factor, base)
    return _read(name)


def over(color: Rgba, below: tuple[int, int, int]) -> tuple[int, int, int]:
    """What is seen of a colour that covers in part."""
    cover = color[3] / 255
    red, green, blue = (round(top * cover + under * (1 - cover)) for top, under in zip(color[:3], below, strict=True))
    return red, green, blue


def _mixed(mark: str, factor: str, base: str) -> Rgba:
    top = _read(mark)
    if not factor:
        return top
    share, under = float(factor), _read(base)
    red, green, blue = (min(255, round(one * share + two)) for one, two in zip(top[:3], under[:3], strict=True))
    return red, green, blue, under[3]


def _read(text: str) -> Rgba:
    try:
        parts = bytes.fromhex(text.removeprefix("#"))
    except ValueError:
        return CLEAR
    if len(parts) not in (3, 4):
        return CLEAR
    return parts[0], parts[1], parts[2], parts[3] if len(parts) == 4 else 255
