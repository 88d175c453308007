"""Colours as style sheets write them."""

import re
from colorsys import hls_to_rgb

Color = tuple[int, int, int, float]
"""Red, green and blue from 0 to 255, and how much of it covers what is below, 0 to 1."""

_NAMES = {
    "white": "#ffffff",
    "black": "#000000",
    "red": "#ff0000",
    "green": "#008000",
    "blue": "#0000ff",
    "yellow": "#ffff00",
    "orange": "#ffa500",
    "gray": "#808080",
    "grey": "#808080",
    "silver": "#c0c0c0",
    "navy": "#000080",
    "transparent": "#00000000",
}
_HEX = re.compile(r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})")
_RGB = re.compile(r"rgba?\(([^()]*)\)")
_HSL = re.compile(r"hsla?\(([^()]*)\)")
_MIX = re.compile(r"color-mix\(\s*in srgb\s*,(.*)\)")
_PERCENT = re.compile(r"(?P<before>.*?)\s*(?P<share>[\d.]+)%\s*$")
_ANY = re.compile(r"#[0-9a-f]{3,8}\b|(?:rgb|hsl)a?\([^()]*\)|\b(?:" + "|".join(_NAMES) + r")\b")


def color_of(text: str) -> Color | None:
    """``#abc``, ``#aabbcc80``, ``rgb()``, ``hsl()``, some names, and sRGB mixtures of two; None for anything else."""
    text = text.strip().lower()
    text = _NAMES.get(text, text)
    try:
        if _HEX.fullmatch(text):
            return _hex(text[1:])
        if found := _RGB.fullmatch(text):
            return _rgb(found[1])
        if found := _HSL.fullmatch(text):
            return _hsl(found[1])
        if found := _MIX.fullmatch(text):
            return _mixed(found[1])
    except (ValueError, IndexError, OverflowError):
        return None
    return None


def colors_in(text: str) -> list[Color]:
    """Those that a gradient names."""
    found = [color_of(one[0]) for one in _ANY.finditer(text.lower())]
    return [color for color in found if color]


def over(upper: Color, lower: Color) -> Color:
    """What is seen of one upon another, opaque one."""
    share = upper[3]
    red, green, blue = (round(a * share + b * (1 - share)) for a, b in zip(upper[:3], lower[:3], strict=True))
    return red, green, blue, 1.0


def written(color: Color) -> str:
    """``#rrggbb``."""
    return f"#{color[0]:02x}{color[1]:02x}{color[2]:02x}"


def _hex(digits: str) -> Color:
    if len(digits) < 6:
        digits = "".join(digit * 2 for digit in digits)
    red, green, blue = (int(digits[place : place + 2], 16) for place in (0, 2, 4))
    return red, green, blue, int(digits[6:8], 16) / 255 if len(digits) == 8 else 1.0


def _rgb(inside: str) -> Color:
    parts = re.split(r"[\s,/]+", inside.strip())
    red, green, blue = (_bounded(_of(part, 255)) for part in parts[:3])
    return red, green, blue, _share(parts)


def _hsl(inside: str) -> Color:
    parts = re.split(r"[\s,/]+", inside.strip())
    hue = float(parts[0].removesuffix("deg")) / 360
    red, green, blue = hls_to_rgb(hue % 1, _of(parts[2], 1), _of(parts[1], 1))
    return _bounded(red * 255), _bounded(green * 255), _bounded(blue * 255), _share(parts)


def _share(parts: list[str]) -> float:
    return min(1.0, max(0.0, _of(parts[3], 1))) if len(parts) > 3 else 1.0


def _of(part: str, whole: float) -> float:
    return float(part[:-1]) / 100 * whole if part.endswith("%") else float(part)


def _bounded(channel: float) -> int:
    return min(255, max(0, round(channel)))


def _mixed(inside: str) -> Color | None:
    one, _, other = _halves(inside)
    first, second = _PERCENT.fullmatch(one), _PERCENT.fullmatch(other)
    share = float(first["share"]) / 100 if first else 1 - float(second["share"]) / 100 if second else 0.5
    upper, lower = color_of(first["before"] if first else one), color_of(second["before"] if second else other)
    if upper is None or lower is None or not 0 <= share <= 1:
        return None
    if min(upper[3], lower[3]) == 1:
        return over((*upper[:3], share), lower)
    paint, alpha = (lower, (1 - share) * lower[3]) if not upper[3] else (upper, share * upper[3])
    return (*paint[:3], alpha) if not (upper[3] and lower[3]) else None


def _halves(inside: str) -> tuple[str, str, str]:
    depth = 0
    for place, letter in enumerate(inside):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            return inside[:place].strip(), ",", inside[place + 1 :].strip()
    return inside, "", ""
