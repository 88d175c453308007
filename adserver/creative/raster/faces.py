"""The fonts of pictures: which of them draws which character, and each in the sizes that are asked for."""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from PIL import ImageFont, features

from adserver.creative.raster.coverage import coverage

FOLDER = Path(__file__).parents[1] / "fonts"

SHAPES = features.check("raqm")
"""Whether text is shaped and kerned; otherwise letters are set one beside the other."""

BOLD = 600
"""From this weight on the bold files are taken, or letters drawn thicker."""

MOST_SIZES = 600
"""Of all faces together: what is opened beyond is not kept."""

_ENGINE = ImageFont.Layout.RAQM if SHAPES else ImageFont.Layout.BASIC
_INVISIBLE = frozenset("\u200b\u200c\u200d\u200e\u200f\u061c\u2060\ufe0e\ufe0f\ufeff")
_ORDER = (
    "inter",
    "noto-arabic",
    "noto-hebrew",
    "noto-thai",
    "noto-devanagari",
    "droid-cjk",
    "noto-korean",
    "noto-emoji",
)

Font = ImageFont.FreeTypeFont


@dataclass(frozen=True, eq=False, slots=True)
class Face:
    """A font file and what it covers; ``thicker`` where it stands in for a bold one that there is not."""

    path: Path
    characters: frozenset[int]
    thicker: bool


class Run(NamedTuple):
    """Characters that one face draws."""

    text: str
    face: Face


@cache
def faces(bold: bool) -> tuple[Face, ...]:
    """In the order in which they are asked for a character."""
    return tuple([_face(name, bold) for name in _ORDER])


def runs(text: str, bold: bool) -> Iterator[Run]:
    """``text`` cut where another face has to draw. What no face knows the first one draws, as a box."""
    choice = faces(bold)
    if choice[0].characters.issuperset(map(ord, text)):
        yield Run(text, choice[0])
        return
    start, current = 0, None
    for place, character in enumerate(text):
        if current is not None and _stays(character, current):
            continue
        face = next((face for face in choice if ord(character) in face.characters), choice[0])
        if face is not current:
            if current is not None:
                yield Run(text[start:place], current)
            start, current = place, face
    if current is not None:
        yield Run(text[start:], current)


def font(face: Face, px: float) -> Font:
    """In pixels, to a quarter. Where files can no longer be opened, the nearest size that was."""
    return _opened(face.path, max(16, round(px * 4)))


def open_all(sizes: Iterable[float]) -> None:
    """Every face in every size (pixels), for a process that can open no file afterwards."""
    for px in sorted(set(sizes)):
        for bold in (False, True):
            for face in faces(bold):
                font(face, px)


_fonts: dict[tuple[Path, int], Font] = {}


def _opened(path: Path, quarters: int) -> Font:
    kept = _fonts.get((path, quarters))
    if kept is not None:
        return kept
    try:
        made = ImageFont.truetype(path, quarters / 4, layout_engine=_ENGINE)
    except OSError:
        nearest = min((size for name, size in _fonts if name == path), key=lambda size: abs(size - quarters), default=0)
        if not nearest:
            raise
        return _fonts[path, nearest]
    if len(_fonts) < MOST_SIZES:
        _fonts[path, quarters] = made
    return made


@cache
def _face(name: str, bold: bool) -> Face:
    path = FOLDER / f"{name}-700.ttf"
    if bold and path.is_file():
        return Face(path, coverage(path.read_bytes()), False)
    path = FOLDER / f"{name}-400.ttf"
    return Face(path, coverage(path.read_bytes()), bold and name != "noto-emoji")


def _stays(character: str, face: Face) -> bool:
    """Spaces and marks are drawn by the face of what stands before them, when it can."""
    if character in _INVISIBLE:
        return True
    common = character == " " or unicodedata.combining(character) > 0
    return common and ord(character) in face.characters
