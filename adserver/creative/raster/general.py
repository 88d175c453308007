"""A layout for designs that have none of their own: brand on top, products side by side or one below the other."""

import re

from adserver.creative.raster.layout import Box, Element, Ground, Layout, Layouts, Member, Style, TileKind

_SIZE = re.compile(r"([1-9][0-9]{1,3})x([1-9][0-9]{1,3})")
_MOST_SIDE = 2_000
_FLUID = (300, 250)
_INK, _MUTED, _LINE = "#161a21", "#5a6270", "#e3e7ed"
_STYLES = (
    Style(px=12, line=15.5, color=_INK),
    Style(px=14, line=17, color=_INK, weight=700),
    Style(px=11, line=13.5, color=_MUTED),
    Style(px=10, line=12, color=_MUTED),
    Style(px=12, line=15.5, color="#5c3d00", weight=700),
    Style(px=28, line=28, color="#727b89", weight=700),
    Style(px=13, line=16, color=_INK, weight=700),
    Style(px=13, line=16, color="on_accent", weight=700),
)
_TITLE, _PRICE, _WAS, _LABEL, _OFFER, _LETTER, _BRAND, _ACTION = range(8)


def general_layouts(size: str, count: int, offer: int) -> Layouts | None:
    """For one size only; None for what is no size."""
    width, height = _pixels(size)
    if not width:
        return None
    header = 26 if height >= 120 else 0
    strip = 24 if offer and height >= 80 else 0
    room = (0.0, float(header), float(width), float(height - header - strip))
    tiles, tile = _tiles(count, room)
    frame = [_box((0, 0, width, height), Ground(fill="#ffffff", edge=_LINE, border=(1, 1, 1, 1)))]
    if header:
        frame.append(Element("text", (10, 5, width - 70, 16), role="brand", style=_BRAND))
    if not count:
        frame += _without_products(room)
    if strip:
        frame += _offer((0, height - strip, width, strip))
    over = (Element("chip", (width - 46, 0, 40, 14), role="ad_label", style=_LABEL, align="end", padding=(4, 4)),)
    layout = Layout(size, width, height, count, offer, tuple(frame), over, tuple([(*at, 0) for at in tiles]))
    return Layouts(_STYLES, (TileKind(_tile(*tile)),), (layout,))


def _pixels(size: str) -> tuple[int, int]:
    if size == "fluid":
        return _FLUID
    found = _SIZE.fullmatch(size)
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    return (width, height) if max(width, height) <= _MOST_SIDE else (0, 0)


def _tiles(count: int, room: Box) -> tuple[list[tuple[float, float]], tuple[float, float]]:
    """The corners of the tiles, and how large each is: about as wide as high, or wide and flat."""
    left, top, wide, high = room
    columns = max(1, min(count, round((count * wide / max(high, 1)) ** 0.5)))
    rows = max(1, -(-count // columns))
    tile = wide / columns, high / rows
    return [(left + at % columns * tile[0], top + at // columns * tile[1]) for at in range(count)], tile


def _tile(wide: float, high: float) -> tuple[Element, ...]:
    """The picture above the text, or beside it in a flat tile."""
    prices = (Member("price", _PRICE, 17), Member("was", _WAS, 13.5))
    if wide > 1.6 * high:
        side = high - 12
        texts = (side + 14, wide - side - 22)
        title, row = (texts[0], high / 2 - 17, texts[1], 15.5), (texts[0], high / 2, texts[1], 17)
        picture, lines = (6.0, 6.0, side, side), 1
    else:
        lines = 2 if high > 110 else 1
        text = 17 + 15.5 * lines
        title, row = (8, high - text - 8, wide - 16, 15.5 * lines), (8, high - 25, wide - 16, 17)
        picture = (8.0, 6.0, wide - 16, max(8.0, high - text - 20))
    return (
        Element("picture", picture, style=_LETTER, ground=Ground(fill="#f3f5f8", radius=(4, 4, 4, 4)), whole=picture),
        Element("text", title, role="title", style=_TITLE, lines=lines),
        Element("row", row, role="prices", gap=6, members=prices),
    )


def _offer(box: Box) -> list[Element]:
    coupon = Ground(edge="#5c3d00", border=(1, 1, 1, 1), radius=(3, 3, 3, 3), dashed=True)
    members = (
        Member("offer", _OFFER, 15.5),
        Member("coupon", _OFFER, 18, padding=(6, 6), ground=coupon),
        Member("ends", _WAS, 13.5),
    )
    left, top, wide, high = box
    row = Element(
        "row", (left + 8, top, wide - 16, high), role="offer", gap=8, align="center", upright="center", members=members
    )
    return [_box(box, Ground(fill="#fff3d1")), row]


def _without_products(room: Box) -> list[Element]:
    left, top, wide, high = room
    button = (left + wide / 2 - 60, top + high / 2 + 4, 120, 30)
    return [
        Element("text", (left + 10, top + high / 2 - 28, wide - 20, 16), role="line", style=_BRAND, align="center"),
        _box(button, Ground(fill="accent", radius=(6, 6, 6, 6))),
        Element("text", button, role="action", style=_ACTION, align="center", upright="center"),
    ]


def _box(box: Box, ground: Ground) -> Element:
    return Element("box", box, ground=ground)
