"""A brand's colour, and those that text needs on it and beside it: readable ones (WCAG 2.2, 1.4.3 level AA)."""

import re
from functools import lru_cache
from typing import NamedTuple

COLOR = re.compile(r"#[0-9a-fA-F]{6}")

READABLE = 4.5
"""The least contrast of a text and its ground."""

INK, PAPER = "#161a21", "#ffffff"

_Rgb = tuple[int, int, int]


class Palette(NamedTuple):
    """Each ``#rrggbb``: the ground of a button, the text on it, and the brand's colour as a text on white."""

    accent: str
    on_accent: str
    accent_text: str


@lru_cache(4_096)
def palette(color: str) -> Palette:
    """That of a brand's colour (``#rrggbb``); a neutral one for anything else."""
    if not COLOR.fullmatch(color):
        return Palette(INK, PAPER, INK)
    accent = color.lower()
    return Palette(accent, text_on(accent), _darkened(accent))


def text_on(ground: str) -> str:
    """White where it can be read on ``ground``, else black: one of the two always can."""
    return PAPER if contrast(PAPER, ground) >= READABLE else "#000000"


def contrast(one: str, other: str) -> float:
    """1 to 21, of two colours ``#rrggbb``."""
    darker, lighter = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))))
    return (lighter + 0.05) / (darker + 0.05)


def _darkened(color: str) -> str:
    """The lightest shade of it that can be read on white; the hue stays."""
    red, green, blue = _rgb(color)
    for percent in range(100, 0, -2):
        shade = f"#{red * percent // 100:02x}{green * percent // 100:02x}{blue * percent // 100:02x}"
        if contrast(shade, PAPER) >= READABLE:
            return shade
    return INK


def _rgb(color: str) -> _Rgb:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _luminance(rgb: _Rgb) -> float:
    red, green, blue = (_linear(channel / 255) for channel in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
