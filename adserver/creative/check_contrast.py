"""Whether text can be read: its colour upon its ground, with brands of many colours, and how small it is.

As much as a style sheet tells without a browser. Where it does not tell, that is said, and nothing is made up.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

import lxml.html

from adserver.creative.cascade import Sheet
from adserver.creative.colors import READABLE, contrast, palette
from adserver.creative.computed import Seen, seen_texts
from adserver.creative.creative import ACCENT, Creative
from adserver.creative.css_colors import Color, over, written
from adserver.creative.flaw import Flaw, error, note, warning
from adserver.creative.manifest import FLUID
from adserver.creative.options import OptionType
from adserver.creative.rendered import Rendered

SMALLEST_PX = 9.0

READABLE_LARGE = 3.0
"""The least contrast of text from 24 px, or from 18.66 px if it is bold."""

BRANDS = ("", "#ffd400", "#f6e7b4", "#ffffff", "#0a5c36", "#d6002a", "#8a8f98", "#000000")
"""Colours that brands have; the first is that of one that has said none."""

_FILE = "banner.css"
_FLUID_BOXES = ((200, 50), (728, 90), (300, 250), (970, 600))
_LANGUAGES = frozenset({"en-GB", "de-DE"})


def contrast_flaws(creative: Creative, banners: list[Rendered]) -> Iterator[Flaw]:
    """Of the fewest and of the most products of each size, and of each option as it may be set."""
    shades = [option.name for option in creative.options.values() if option.type is OptionType.COLOR]
    unread: set[str] = set()
    for one in banners:
        fewest_or_most = (creative.min_products, creative.max_products(one.banner.size))
        if one.banner.lang not in _LANGUAGES or one.shown not in fewest_or_most:
            continue
        sheet = _sheet(str(one.tree.findtext(".//style") or "").partition("}")[2])
        for box in _boxes(one.banner.size):
            styles = sheet.styles(one.tree, box)
            pale: dict[str, _Pale] = {}
            for brand in BRANDS:
                for element, seen in seen_texts(one.tree, styles, _told(shades, brand)):
                    if not brand:
                        yield from _judged(element, seen, one.where)
                    _keep(pale, _named(element), _reached(seen, brand))
            for name, worst in pale.items():
                yield _too_pale(name, worst, one.where, sure=not sheet.unread)
        unread |= sheet.unread
    for selector in sorted(unread):
        yield note(_FILE, f"could not read the selector {selector[:80]}", "it was left out of the checks of colours")


class _Pale(NamedTuple):
    """Text that is hard to read: ``reached`` below ``least``."""

    reached: float
    least: float
    color: Color
    ground: Color
    brand: str


def _reached(seen: Seen, brand: str) -> _Pale | None:
    if not seen.color or not seen.grounds:
        return None
    color, ground = min(((over(seen.color, below), below) for below in seen.grounds), key=_contrast)
    least = READABLE_LARGE if seen.px >= 24 or (seen.px >= 18.66 and seen.weight >= 700) else READABLE
    reached = _contrast((color, ground))
    return _Pale(reached, least, color, ground, brand) if reached < least - 0.005 else None


def _keep(pale: dict[str, _Pale], name: str, found: _Pale | None) -> None:
    if found and (name not in pale or found.reached < pale[name].reached):
        pale[name] = found


def _too_pale(name: str, worst: _Pale, where: str, *, sure: bool) -> Flaw:
    brand = f", with the brand colour {worst.brand}" if worst.brand else ""
    what = f"{name}: {written(worst.color)} on {written(worst.ground)} has a contrast of {worst.reached:.2f}{brand}"
    return (error if sure else warning)(_FILE, what, f"at least {worst.least:g} (WCAG AA)", where)


def _judged(element: lxml.html.HtmlElement, seen: Seen, where: str) -> Iterator[Flaw]:
    name = _named(element)
    if 0 < seen.px < SMALLEST_PX:
        yield warning(_FILE, f"{name}: text of {seen.px:.3g} px", f"at least {SMALLEST_PX:g} px", where)
    if not (seen.color and seen.grounds) and not _is_shared(element):
        yield note(_FILE, f"{name}: could not tell its colours", "look at it in /preview", where)


def _contrast(pair: tuple[Color, Color]) -> float:
    return contrast(written(pair[0]), written(pair[1]))


def _told(shades: list[str], brand: str) -> Mapping[str, str]:
    """What a banner of such a brand says at its root."""
    found = palette(brand)
    told = {"--accent": found.accent, "--on-accent": found.on_accent, "--accent-text": found.accent_text}
    for name in shades if brand else ():
        if name != ACCENT:
            variable = name.replace("_", "-")
            told |= {f"--{variable}": found.accent, f"--on-{variable}": found.on_accent}
    return told


def _boxes(size: str) -> tuple[tuple[int, int], ...]:
    if size == FLUID:
        return _FLUID_BOXES
    width, _, height = size.partition("x")
    return ((int(width), int(height)),)


def _is_shared(element: lxml.html.HtmlElement) -> bool:
    """Whether base.css alone says how it looks."""
    return any("corner" in (holder.get("class") or "").split() for holder in (element, *element.iterancestors()))


def _named(element: lxml.html.HtmlElement) -> str:
    """``.title``, or ``.prices b``."""
    if element.get("class"):
        return f".{element.get('class').split()[0]}" if element.get("class").split() else str(element.tag)
    holder = element.getparent()
    named = holder is not None and (holder.get("class") or "").split()
    return f".{named[0]} {element.tag}" if named else str(element.tag)


@lru_cache(64)
def _sheet(css: str) -> Sheet:
    return Sheet(css)
