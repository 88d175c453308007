"""Text set in pixels: how wide it is, and its drawing."""

import math
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

from adserver.creative.raster import faces
from adserver.creative.raster.bidi import parts
from adserver.creative.raster.shaping import as_seen

Rgb = tuple[int, int, int]

FINE = 2
"""Pixels of the finest drawing of letters in one CSS pixel, at every density."""

_MARKS = re.compile("[\u200b\u200e\u200f\u061c]+")
"""What has told which way text runs, and is not drawn."""

_TOO_MUCH = (OSError, ValueError)
"""What the libraries raise for a letter that is larger than they can draw, such as a whole sentence in one, and for
text that they can make nothing of: it is left out."""

_SEEN = re.compile("[^\u200c\u200d\ufe0e\ufe0f\u2060\ufeff\u00ad]")

ASCENT, DESCENT = 1984 / 2048, 494 / 2048
"""Of the first face, in parts of its size; lines are laid out by them, as browsers do."""

_STRIKE, _STRIKE_THICKNESS = 671 / 2048, 140 / 2048
_MOST = 200
"""Characters of a line that are drawn; more can not be seen."""

_UP, _DOWN, _MARGIN = 1.35, 0.55, 3
"""Room of a line above and below its letters in parts of their size, and pixels at both ends."""

_THICKER = 0.02
"""Of the size, around every stroke, where there is no bold file."""


class Lettering(NamedTuple):
    """Size in pixels, weight, room between letters in pixels, figures of one width, a line through. Letters are drawn
    ``fine`` times larger and made small, so that each stands where it belongs and not at the next whole pixel."""

    px: float
    bold: bool
    spacing: float = 0.0
    figures: bool = False
    strike: bool = False
    fine: int = FINE

    def width(self, text: str) -> float:
        """Pixels from the first letter's start to the last one's end."""
        wide = _width(text, self.px * self.fine, self.bold, self.figures) / self.fine
        return wide + self.spacing * len(text)

    def scaled(self, factor: float) -> "Lettering":
        """The same, smaller."""
        return self._replace(px=max(4.0, self.px * factor), spacing=self.spacing * factor)


class _Piece(NamedTuple):
    text: str
    face: faces.Face
    rtl: bool


def draw_line(image: Image.Image, at: tuple[float, int], text: str, how: Lettering, color: Rgb, *, rtl: bool) -> None:
    """One line whose left end and baseline stand ``at``; ``rtl`` is the way of the whole line."""
    left = math.floor(at[0])
    part = math.floor((at[0] - left) * how.fine) / how.fine
    mask = _mask(text[:_MOST], how, part, rtl)
    image.paste(color, (left - _MARGIN, at[1] - _above(how)), mask)
    if how.strike:
        top = round(at[1] - how.px * (_STRIKE + _STRIKE_THICKNESS / 2))
        thick = max(1, round(how.px * _STRIKE_THICKNESS))
        begin, end = round(at[0]), round(at[0] + how.width(text))
        if begin < end:
            ImageDraw.Draw(image).rectangle((begin, top, end - 1, top + thick - 1), fill=color)


@lru_cache(2048)
def _mask(text: str, how: Lettering, part: float, rtl: bool) -> Image.Image:
    """How much of each pixel letters cover. Room between letters is made by stretching the whole, by a hundredth or
    two: to set them one by one takes ten times as long."""
    bare = how._replace(spacing=0.0).width(text)
    stretch = bare / max(1.0, how.width(text)) if bare else 1.0
    wide = math.ceil(max(bare, how.width(text))) + 2 * _MARGIN + 1
    start, high = (part + _MARGIN) * how.fine, _above(how) + math.ceil(how.px * _DOWN)
    spare = math.ceil(max(0.0, start * (stretch - 1)))
    fine = Image.new("L", (math.ceil(wide * how.fine * max(1.0, stretch)) + spare, high * how.fine), 0)
    draw = ImageDraw.Draw(fine)
    x = start + spare
    for piece in _pieces(text, how.bold, rtl):
        x += _draw_piece(draw, (x, _above(how) * how.fine), piece, how)
    if stretch == 1.0:
        return fine.reduce(how.fine)
    edge = start + spare - start * stretch
    box = edge, 0, min(fine.width, edge + wide * how.fine * stretch), fine.height
    return fine.resize((wide, high), Image.Resampling.BOX, box=box)


def _above(how: Lettering) -> int:
    return math.ceil(how.px * _UP)


def baseline(top: float, line: float, px: float) -> int:
    """Where letters stand in a line of so many pixels."""
    ascent, descent = math.floor(px * ASCENT + 0.5), math.floor(px * DESCENT + 0.5)
    return math.floor(top + 0.5 + ascent) + math.floor((line - ascent - descent) / 2)


def _pieces(text: str, bold: bool, rtl: bool) -> Iterator[_Piece]:
    for part in parts(text, rtl):
        seen = _MARKS.sub("", part.text)
        found = [_Piece(run.text, run.face, part.rtl) for run in faces.runs(seen, bold)]
        shown = [piece for piece in found if _SEEN.search(piece.text)]
        yield from reversed(shown) if part.rtl else shown


def _draw_piece(draw: ImageDraw.ImageDraw, at: tuple[float, float], piece: _Piece, how: Lettering) -> float:
    """How far the next one is."""
    font = faces.font(piece.face, how.px * how.fine)
    more = _shaping(how.figures, piece.rtl)
    stroke = how.px * how.fine * _THICKER if piece.face.thicker else 0
    text = piece.text if faces.SHAPES else as_seen(piece.text, piece.rtl)
    with suppress(*_TOO_MUCH):
        draw.text(at, text, 255, font, anchor="ls", stroke_width=stroke, **more)
    return _piece_width(text, piece.face, how.px * how.fine, how.figures, piece.rtl)


def _shaping(figures: bool, rtl: bool) -> dict[str, Any]:
    if not faces.SHAPES:
        return {}
    return {"direction": "rtl" if rtl else "ltr", "features": ["tnum"] if figures else None}


@lru_cache(8192)
def _width(text: str, px: float, bold: bool, figures: bool) -> float:
    wide = 0.0
    for piece in _pieces(text, bold, rtl=False):
        shown = piece.text if faces.SHAPES else as_seen(piece.text, piece.rtl)
        wide += _piece_width(shown, piece.face, px, figures, piece.rtl)
    return wide


@lru_cache(8192)
def _piece_width(text: str, face: faces.Face, px: float, figures: bool, rtl: bool) -> float:
    try:
        return faces.font(face, px).getlength(text, **_shaping(figures, rtl))
    except _TOO_MUCH:
        return 0.0


def forget() -> None:
    """What was drawn and measured before, so that it is done anew."""
    for kept in (_mask, _width, _piece_width):
        kept.cache_clear()
