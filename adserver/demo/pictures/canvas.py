"""A small drawing kit on Pillow: Bézier outlines, soft fills and clips, drawn large and scaled down.

All coordinates are on a board of 800 x 800; a picture is drawn three times as large and
reduced once, at the end.
"""

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageFilter

SIZE = 800
SCALE = 3
Points = list[tuple[float, float]]
Outline = Sequence[tuple[float, float]]

_PATH_TOKEN = re.compile(r"[MLCQZ]|-?\d+(?:\.\d+)?")
_STEPS = 28


@dataclass(frozen=True, slots=True)
class Blend:
    """A gradient of evenly spaced colours, from top to bottom or, with ``across``, from left to right."""

    colours: tuple[str, ...]
    across: bool = False


Paint = str | Blend


def down(*colours: str) -> Blend:
    """A gradient from top to bottom."""
    return Blend(colours)


def across(*colours: str) -> Blend:
    """A gradient from left to right; with a light colour in the middle, a cylinder."""
    return Blend(colours, across=True)


def path(outline: str) -> Points:
    """The points of an SVG path made of absolute M, L, C, Q and Z."""
    tokens = _PATH_TOKEN.findall(outline)
    points: Points = []
    command, at = "M", 0
    while at < len(tokens):
        if tokens[at].isalpha():
            command, at = tokens[at], at + 1
            continue
        count = {"M": 1, "L": 1, "Q": 2, "C": 3}[command]
        numbers = [float(token) for token in tokens[at : at + 2 * count]]
        at += 2 * count
        pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
        points += pairs if count == 1 else _curve([points[-1], *pairs])
    return points


def _curve(control: Points) -> Points:
    """De Casteljau, for any degree."""
    curve: Points = []
    for step in range(1, _STEPS + 1):
        t, level = step / _STEPS, control
        while len(level) > 1:
            level = [(a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t) for a, b in pairwise(level)]
        curve.append(level[0])
    return curve


def ellipse(x: float, y: float, rx: float, ry: float | None = None) -> Points:
    """An ellipse around a centre; a circle without ``ry``."""
    ry = rx if ry is None else ry
    turn = [2 * math.pi * step / 96 for step in range(96)]
    return [(x + rx * math.cos(angle), y + ry * math.sin(angle)) for angle in turn]


def box(left: float, top: float, right: float, bottom: float, radius: float = 0) -> Points:
    """A rectangle with round corners."""
    r = min(radius, (right - left) / 2, (bottom - top) / 2)
    points: Points = []
    for x, y, start in (
        (right - r, top + r, 270),
        (right - r, bottom - r, 0),
        (left + r, bottom - r, 90),
        (left + r, top + r, 180),
    ):
        turns = [math.radians(start + 90 * step / 12) for step in range(13)]
        points += [(x + r * math.cos(angle), y + r * math.sin(angle)) for angle in turns]
    return points


def mirror(points: Outline, axis: float = SIZE / 2) -> Points:
    """The same outline on the other side of a vertical axis."""
    return [(2 * axis - x, y) for x, y in points]


def shift(points: Outline, dx: float, dy: float) -> Points:
    """The same outline elsewhere."""
    return [(x + dx, y + dy) for x, y in points]


def turn(points: Outline, degrees: float, x: float = SIZE / 2, y: float = SIZE / 2) -> Points:
    """The same outline, turned clockwise around a point."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [(x + (px - x) * c - (py - y) * s, y + (px - x) * s + (py - y) * c) for px, py in points]


class Canvas:
    """One picture: a tinted wall, a pale disc, soft shadows, and the thing itself on a layer above them."""

    def __init__(self, wall: str, disc: str) -> None:
        self._wall = wall
        self._disc = disc
        side = SIZE * SCALE
        self._thing = Image.new("RGBA", (side, side))
        self._ground = Image.new("L", (SIZE // 2, SIZE // 2))

    def fill(
        self, points: Outline, paint: Paint, *, clip: Outline | None = None, alpha: float = 1, blur: float = 0
    ) -> None:
        """Paint an outline, optionally only inside ``clip``, translucent, or with soft edges."""
        frame = _frame(points, 3 * blur)
        mask = _mask(points, frame, blur)
        self._apply(mask, frame, paint, clip, alpha)

    def line(
        self,
        points: Outline,
        width: float,
        paint: Paint,
        *,
        clip: Outline | None = None,
        alpha: float = 1,
        blur: float = 0,
    ) -> None:
        """Paint a line with round ends."""
        frame = _frame(points, width + 3 * blur)
        mask = Image.new("L", _size(frame))
        pen = ImageDraw.Draw(mask)
        spots = [(x * SCALE - frame[0], y * SCALE - frame[1]) for x, y in points]
        pen.line(spots, fill=255, width=max(1, round(width * SCALE)), joint="curve")
        radius = width * SCALE / 2
        for x, y in (spots[0], spots[-1]):
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
        if blur:
            mask = mask.filter(ImageFilter.GaussianBlur(blur * SCALE))
        self._apply(mask, frame, paint, clip, alpha)

    def shadow(self, x: float, y: float, rx: float, ry: float, strength: float = 0.34) -> None:
        """Where the thing touches the ground."""
        patch = Image.new("L", self._ground.size)
        ImageDraw.Draw(patch).ellipse(
            ((x - rx) / 2, (y - ry) / 2, (x + rx) / 2, (y + ry) / 2), fill=round(255 * strength)
        )
        patch = patch.filter(ImageFilter.GaussianBlur(ry / 4))
        self._ground = ImageChops.lighter(self._ground, patch)

    def webp(self) -> bytes:
        """The finished picture."""
        picture = self._background()
        thing = self._thing.reduce(SCALE)
        picture.paste(Image.new("RGB", picture.size, "#3a2f25"), mask=self._ground.resize(picture.size))
        cast = thing.getchannel("A").resize((SIZE // 4, SIZE // 4)).filter(ImageFilter.GaussianBlur(5))
        cast = ImageChops.offset(cast.resize(picture.size), 10, 18).point(lambda value: value * 0.2)
        picture.paste(Image.new("RGB", picture.size, "#3a2f25"), mask=cast)
        picture.paste(thing, mask=thing.getchannel("A"))
        out = io.BytesIO()
        picture.save(out, "WEBP", quality=90, method=3)
        return out.getvalue()

    def _background(self) -> Image.Image:
        picture = _blend(down(_mix(self._wall, "#ffffff", 0.22), self._wall), (SIZE, SIZE)).convert("RGB")
        disc = Image.new("L", (SIZE * 2, SIZE * 2))
        ImageDraw.Draw(disc).ellipse((190, 170, 1410, 1390), fill=255)
        picture.paste(Image.new("RGB", picture.size, self._disc), mask=disc.reduce(2))
        return picture

    def _apply(
        self,
        mask: Image.Image,
        frame: tuple[int, int, int, int],
        paint: Paint,
        clip: Outline | None,
        alpha: float,
    ) -> None:
        if clip is not None:
            mask = ImageChops.multiply(mask, _mask(clip, frame, 0))
        if alpha < 1:
            mask = mask.point(lambda value: value * alpha)
        patch = _blend(paint, mask.size) if isinstance(paint, Blend) else Image.new("RGBA", mask.size, paint)
        patch.putalpha(mask)
        self._thing.alpha_composite(patch, (frame[0], frame[1]))


def _frame(points: Outline, margin: float) -> tuple[int, int, int, int]:
    """The pixels that an outline can touch."""
    limit, extra = SIZE * SCALE, margin + 1
    left = max(0, math.floor((min(x for x, _ in points) - extra) * SCALE))
    top = max(0, math.floor((min(y for _, y in points) - extra) * SCALE))
    right = min(limit, math.ceil((max(x for x, _ in points) + extra) * SCALE))
    bottom = min(limit, math.ceil((max(y for _, y in points) + extra) * SCALE))
    return left, top, max(left + 1, right), max(top + 1, bottom)


def _size(frame: tuple[int, int, int, int]) -> tuple[int, int]:
    return frame[2] - frame[0], frame[3] - frame[1]


def _mask(points: Outline, frame: tuple[int, int, int, int], blur: float) -> Image.Image:
    mask = Image.new("L", _size(frame))
    ImageDraw.Draw(mask).polygon([(x * SCALE - frame[0], y * SCALE - frame[1]) for x, y in points], fill=255)
    return mask.filter(ImageFilter.GaussianBlur(blur * SCALE)) if blur else mask


def _blend(paint: Blend, size: tuple[int, int]) -> Image.Image:
    return _strip(paint).resize(size, Image.Resampling.BILINEAR)


@cache
def _strip(paint: Blend) -> Image.Image:
    """A gradient one pixel wide."""
    strip = Image.new("RGB", (1, 256))
    strip.putdata([_at(paint.colours, step / 255) for step in range(256)])
    return (strip.transpose(Image.Transpose.ROTATE_90) if paint.across else strip).convert("RGBA")


def _at(colours: Sequence[str], position: float) -> tuple[int, ...]:
    """The colour at a position from 0 to 1 along a row of colours."""
    place = position * (len(colours) - 1)
    first = min(int(place), len(colours) - 2)
    a, b = ImageColor.getrgb(colours[first]), ImageColor.getrgb(colours[first + 1])
    return tuple(round(p + (q - p) * (place - first)) for p, q in zip(a, b, strict=True))


def _mix(a: str, b: str, share: float) -> str:
    return "#{:02x}{:02x}{:02x}".format(*_at((a, b), share))
