"""Where everything of a banner stands: ``raster.toml`` of a design, as measured in a browser."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

Box = tuple[float, float, float, float]
"""Left, top, width, height in CSS pixels."""

LAYOUT_FILE = "raster.toml"


class Style(Struct, frozen=True, forbid_unknown_fields=True):
    """How text is set, in CSS pixels. ``color`` and all other colours: ``#rrggbb``, ``#rrggbbaa``, the name of one of
    the brand's (``accent``), or a share of that upon a colour (``accent*0.120+#e0e0e0``); empty paints nothing."""

    px: float
    line: float
    color: str
    weight: int = 400
    spacing: float = 0.0
    upper: bool = False
    figures: bool = False
    """Figures of one width."""


class Ground(Struct, frozen=True, forbid_unknown_fields=True):
    """What is painted below: ``border`` is the widths of top, right, bottom and left, ``radius`` from the top left on,
    ``fade`` a direction (``to right``, ``135deg``) and two colours."""

    fill: str = ""
    edge: str = ""
    border: tuple[float, float, float, float] = (0, 0, 0, 0)
    radius: tuple[float, float, float, float] = (0, 0, 0, 0)
    dashed: bool = False
    fade: tuple[str, str, str] = ("", "", "")
    opacity: float = 1.0


class Member(Struct, frozen=True, forbid_unknown_fields=True):
    """One text of a row. ``padding`` left and right, border counted in; ``high`` is its whole height. ``row`` tells
    which stand side by side where a row has been broken into several."""

    what: str
    style: int
    high: float
    padding: tuple[float, float] = (0, 0)
    lines: int = 1
    row: int = 0
    ground: Ground = Ground()


class Element(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that is painted.

    ``kind``: ``box``, ``picture``, ``text``, ``chip`` (as wide as its text), ``row`` (of members) or ``icon``. ``role``
    says which text. ``style`` is a place in the styles; of a picture it is that of the letter that stands in for it.
    ``align`` is ``start``, ``center`` or ``end``, as is ``upright``, from top to bottom. ``whole`` is the room of a
    picture's letter. ``gap`` is between members side by side, ``leading`` between those above each other.
    """

    kind: str
    box: Box
    role: str = ""
    style: int = 0
    align: str = "start"
    upright: str = "start"
    lines: int = 1
    ground: Ground = Ground()
    padding: tuple[float, float] = (0, 0)
    gap: float = 0.0
    leading: float = 0.0
    fit: str = "contain"
    whole: Box = (0, 0, 0, 0)
    members: tuple[Member, ...] = ()


class TileKind(Struct, frozen=True, forbid_unknown_fields=True):
    """The elements of one tile, from its corner: with a title of as many lines as it may have, of two, or of one;
    with a former price or without. What is the same as with a long title is left out."""

    long_was: tuple[Element, ...]
    long: tuple[Element, ...] | None = None
    middle_was: tuple[Element, ...] | None = None
    middle: tuple[Element, ...] | None = None
    short_was: tuple[Element, ...] | None = None
    short: tuple[Element, ...] | None = None

    def elements(self, title_lines: int, *, was: bool) -> tuple[Element, ...]:
        """Those of a tile; 0 lines for as many as it may have."""
        full = self.long_was if was or self.long is None else self.long
        if title_lines == 1:
            return (self.short_was if was else self.short) or full
        if title_lines == 2:
            return (self.middle_was if was else self.middle) or full
        return full


class Layout(Struct, frozen=True, forbid_unknown_fields=True):
    """One size with ``count`` products. ``tiles`` are left, top and the place of their kind; ``over`` is painted
    after them, ``frame`` before. ``offer``: 0 for none, 1 for a text or coupon, 2 where it also tells when it ends."""

    size: str
    width: int
    height: int
    count: int
    offer: int
    frame: tuple[Element, ...]
    over: tuple[Element, ...]
    tiles: tuple[tuple[float, float, int], ...]


class Layouts(Struct, frozen=True, forbid_unknown_fields=True):
    """Those of one design."""

    styles: tuple[Style, ...]
    kinds: tuple[TileKind, ...]
    layouts: tuple[Layout, ...]

    def choose(self, size: str, count: int, *, offer: int) -> Layout | None:
        """The one for so many products, else for the nearest number below; None where the size is not there."""
        fitting = [layout for layout in self.layouts if layout.size == size]
        below = [layout for layout in fitting if layout.count <= count] or fitting
        return max(
            below,
            key=lambda layout: (layout.count, layout.offer == offer, bool(layout.offer) == bool(offer)),
            default=None,
        )


class LayoutError(ValueError):
    """A ``raster.toml`` that can not be used: which, and what was expected."""


def read_layouts(file: Path) -> Layouts:
    """Raises LayoutError, and OSError where there is no such file."""
    try:
        return msgspec.convert(tomllib.loads(file.read_text("utf-8")), Layouts)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise LayoutError(f"{file}: {error}") from error


def find_layouts(folders: list[Path]) -> Mapping[str, Layouts]:
    """By the design's name, which is that of its folder. What can not be used is left out: its pictures have the
    general layout then."""
    found = {}
    for file in sorted(file for folder in folders for file in folder.glob(f"*/{LAYOUT_FILE}")):
        try:
            found[file.parent.name] = read_layouts(file)
        except (LayoutError, OSError):
            continue
    return found
