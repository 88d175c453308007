"""What stands where the shop's picture can not be shown: the product's letter on the brand's colour."""

import re

_GROUND, _INK = (241, 243, 246), (91, 100, 114)
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")

Rgb = tuple[int, int, int]


def placeholder(letter: str, color: str) -> bytes:
    """An SVG of no size of its own, so that it fills whatever room it gets; the letter is drawn by the browser, which
    has fonts for every script. ``color`` is ``#rrggbb``, or empty for none; the letter is black or white, whichever can
    be read on it (a contrast of 4.5 to 1 or more, WCAG 2.2).
    """
    ground, ink = _colors(color)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg">'
        f'<rect width="100%" height="100%" fill="{_hex(ground)}"/>'
        '<svg viewBox="0 0 100 100"><text x="50" y="50" dy=".35em" text-anchor="middle" font-size="42" '
        'font-weight="700" font-family="system-ui,-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif" '
        f'fill="{_hex(ink)}">{_text(letter)}</text></svg></svg>'
    ).encode("utf-8", "replace")


def _colors(color: str) -> tuple[Rgb, Rgb]:
    if not _COLOR.fullmatch(color):
        return _GROUND, _INK
    ground = int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
    # White on it and black on it are equally readable where the luminance is 0.179.
    return ground, (255, 255, 255) if luminance(ground) < 0.179 else (0, 0, 0)


def luminance(color: Rgb) -> float:
    """Relative luminance, 0 to 1, as WCAG 2.2 defines it."""
    red, green, blue = (part / 3_294.6 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _hex(color: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)


def _text(letter: str) -> str:
    """One character, as XML takes it."""
    return f"&#{ord(letter[0])};" if letter[:1].isalnum() else "\N{BULLET}"
