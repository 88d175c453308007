"""Boxes, rings and pictures, with smooth edges."""

import io
from functools import lru_cache
from typing import NamedTuple

from PIL import Image, ImageDraw

from adserver.creative.raster.colors import Rgba, over

_FINE = 4
"""Shapes are drawn so many times larger and made small: Pillow draws hard edges."""

_MOST_PIXELS = 4_000_000
_RADII = tuple[int, int, int, int]


class Area(NamedTuple):
    """Whole pixels: left, top, right, bottom; right and bottom are outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> tuple[int, int]:
        return max(1, self.right - self.left), max(1, self.bottom - self.top)


def blank(width: int, height: int) -> Image.Image:
    """A white sheet."""
    return Image.new("RGB", (width, height), "white")


def fill(image: Image.Image, area: Area, color: Rgba, radii: _RADII = (0, 0, 0, 0)) -> None:
    """Paints a box; ``radii`` in pixels, from the top left on."""
    if not color[3]:
        return
    if color[3] == 255 and not any(radii):
        image.paste(color[:3], (area.left, area.top, area.right, area.bottom))
        return
    mask = _box(area.size, _fitting(radii, area.size))
    image.paste(color[:3], area[:2], mask if color[3] == 255 else mask.point(_scale(color[3])))


def fade(image: Image.Image, area: Area, colors: tuple[Rgba, Rgba], angle: float, radii: _RADII) -> None:
    """A run of one colour into another; 0 degrees is upwards, 90 to the right."""
    share = Image.linear_gradient("L").rotate(180 - angle, Image.Resampling.BILINEAR, fillcolor=127).resize(area.size)
    tints = [Image.new("RGBA", area.size, color) for color in colors]
    tinted = Image.composite(tints[1], tints[0], share)
    mask = _box(area.size, _fitting(radii, area.size))
    alpha = tinted.getchannel("A")
    shown = Image.composite(alpha, Image.new("L", area.size, 0), mask)
    image.paste(tinted.convert("RGB"), area[:2], shown)


def edge(image: Image.Image, area: Area, color: Rgba, widths: _RADII, radii: _RADII, *, dashed: bool) -> None:
    """A border inside the box; ``widths`` in pixels of top, right, bottom and left."""
    if not color[3] or not any(widths):
        return
    mask = _frame(area.size, widths, _fitting(radii, area.size), dashed)
    image.paste(color[:3], area[:2], mask if color[3] == 255 else mask.point(_scale(color[3])))


def ring(image: Image.Image, area: Area, color: Rgba) -> None:
    """The sign that more can be known: an "i" in a circle."""
    image.paste(color[:3], area[:2], _ring(area.size).point(_scale(color[3])))


def place(image: Image.Image, area: Area, picture: Image.Image, radii: _RADII = (0, 0, 0, 0)) -> None:
    """A picture in the middle of ``area``."""
    left = area.left + (area.size[0] - picture.width) // 2
    top = area.top + (area.size[1] - picture.height) // 2
    if not any(radii):
        image.paste(picture, (left, top))
        return
    whole = image.crop((area.left, area.top, area.right, area.bottom))
    whole.paste(picture, (left - area.left, top - area.top))
    image.paste(whole, area[:2], _box(area.size, _fitting(radii, area.size)))


@lru_cache(96)
def picture(raw: bytes, width: int, height: int, fit: str) -> Image.Image | None:
    """Decoded, as large as ``fit`` (``contain``, ``cover``, ``scale-down``) lets it be in a room of so many pixels;
    None for what is no picture."""
    try:
        with Image.open(io.BytesIO(raw), formats=("JPEG", "PNG", "WEBP")) as image:
            if image.width * image.height > _MOST_PIXELS:
                return None
            image.draft("RGB", (width, height))
            return _fitted(_opaque(image), width, height, fit)
    except Exception:  # decoders raise whatever they like
        return None


def below(image: Image.Image, x: float, y: float) -> tuple[int, int, int]:
    """The colour at a place; the nearest one for a place outside."""
    found = image.getpixel((min(max(0, int(x)), image.width - 1), min(max(0, int(y)), image.height - 1)))
    return found if isinstance(found, tuple) else (255, 255, 255)  # type: ignore[return-value]


def seen(image: Image.Image, color: Rgba, x: float, y: float) -> tuple[int, int, int]:
    """``color`` over what is painted there."""
    return color[:3] if color[3] == 255 else over(color, below(image, x, y))


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _fitted(image: Image.Image, width: int, height: int, fit: str) -> Image.Image:
    ratios = width / image.width, height / image.height
    scale = max(ratios) if fit == "cover" else min(ratios)
    if fit == "scale-down":
        scale = min(1.0, scale)
    if fit == "fill":
        return image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=2.0)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    # A thin strip made to cover a box would become a huge picture before it is cut.
    wide, high = min(image.width, width / scale), min(image.height, height / scale)
    left, top = (image.width - wide) / 2, (image.height - high) / 2
    shown = min(size[0], width), min(size[1], height)
    return image.resize(shown, Image.Resampling.BICUBIC, box=(left, top, left + wide, top + high), reducing_gap=2.0)


def _scale(cover: int) -> list[int]:
    return [value * cover // 255 for value in range(256)]


def _fitting(radii: _RADII, size: tuple[int, int]) -> _RADII:
    most = min(size) // 2
    one, two, three, four = (min(radius, most) for radius in radii)
    return one, two, three, four


@lru_cache(512)
def _box(size: tuple[int, int], radii: _RADII) -> Image.Image:
    if not any(radii):
        return Image.new("L", size, 255)
    mask = Image.new("L", size, 255)
    for corner, radius in enumerate(radii):
        if radius:
            mask.paste(_corner(corner, radius), _at(corner, radius, size))
    return mask


def _at(corner: int, radius: int, size: tuple[int, int]) -> tuple[int, int]:
    return (size[0] - radius if corner in (1, 2) else 0), (size[1] - radius if corner in (2, 3) else 0)


@lru_cache(256)
def _corner(corner: int, radius: int) -> Image.Image:
    """A quarter of a disc: of the top left corner, then on clockwise."""
    side = radius * _FINE
    fine = Image.new("L", (side, side), 0)
    left, top = (0 if corner in (0, 3) else -side), (0 if corner in (0, 1) else -side)
    ImageDraw.Draw(fine).ellipse((left, top, left + 2 * side - 1, top + 2 * side - 1), fill=255)
    return fine.reduce(_FINE)


@lru_cache(512)
def _frame(size: tuple[int, int], widths: _RADII, radii: _RADII, dashed: bool) -> Image.Image:
    top, right, bottom, left = widths
    mask = _box(size, radii).copy()
    inner = max(0, size[0] - left - right), max(0, size[1] - top - bottom)
    if all(inner):
        thick = max(widths)
        smaller = tuple(max(0, radius - thick) for radius in radii)
        mask.paste(0, (left, top), _box(inner, smaller))
    if dashed:
        _cut_gaps(mask, max(widths))
    return mask


def _cut_gaps(mask: Image.Image, width: int) -> None:
    """Dashes three times as long as the line is wide, and gaps of two."""
    draw = ImageDraw.Draw(mask)
    far_right, far_bottom = mask.width - width, mask.height - width
    for left in range(4 * width, far_right - 2 * width, 5 * width):
        draw.rectangle((left, 0, left + 2 * width - 1, width - 1), fill=0)
        draw.rectangle((left, far_bottom, left + 2 * width - 1, mask.height), fill=0)
    for top in range(4 * width, far_bottom - 2 * width, 5 * width):
        draw.rectangle((0, top, width - 1, top + 2 * width - 1), fill=0)
        draw.rectangle((far_right, top, mask.width, top + 2 * width - 1), fill=0)


@lru_cache(32)
def _ring(size: tuple[int, int]) -> Image.Image:
    wide, high = size[0] * _FINE, size[1] * _FINE
    fine = Image.new("L", (wide, high), 0)
    draw = ImageDraw.Draw(fine)
    unit = wide / 16
    draw.ellipse((unit * 1.1, unit * 1.1, unit * 14.9, unit * 14.9), outline=255, width=max(1, round(unit * 1.3)))
    draw.rectangle((unit * 7.2, unit * 7, unit * 8.8, unit * 11.8), fill=255)
    draw.ellipse((unit * 7.1, unit * 4.2, unit * 8.9, unit * 6), fill=255)
    return fine.reduce(_FINE)
