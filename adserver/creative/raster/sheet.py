"""The sheet that a banner is painted on, element by element."""

import re
from math import floor

from adserver.creative.raster import shapes
from adserver.creative.raster.banner_picture import BannerPicture, PictureTile
from adserver.creative.raster.bidi import base_is_rtl
from adserver.creative.raster.colors import Brand, Rgba, rgba
from adserver.creative.raster.layout import Box, Element, Ground, Layout, Layouts, Member, Style
from adserver.creative.raster.letters import FINE, Lettering, baseline, draw_line
from adserver.creative.raster.lines import lines, shortened
from adserver.creative.raster.readable import readable
from adserver.creative.raster.rows import Cell, arranged

_DIRECTIONS = {"to top": 0.0, "to right": 90.0, "to bottom": 180.0, "to left": 270.0}
_SHRINKS = frozenset({"action", "price", "was", "badge", "ad_label", "coupon", "ends"})
"""Texts that are made smaller before anything of them is left out."""

_SMALLEST = 0.6
_BOLD = 600


class Sheet:
    """Paints in CSS pixels; where one reads from right to left, everything stands mirrored."""

    def __init__(self, banner: BannerPicture, design: Layouts, layout: Layout) -> None:
        self._banner = banner
        self._styles = design.styles
        self._width = layout.width
        self._density = banner.density
        self._rtl = banner.dir == "rtl"
        self._brand = Brand(banner.accent, banner.on_accent, banner.accent_text)
        self._texts = {
            "brand": banner.advertiser_name,
            "headline": banner.headline,
            "line": banner.line or banner.headline,
            "offer": banner.offer_text,
            "coupon": banner.coupon,
            "ends": banner.ends_text,
            "action": banner.action,
            "ad_label": banner.ad_label,
        }
        self.image = shapes.blank(layout.width * banner.density, layout.height * banner.density)

    def paint(self, element: Element, corner: tuple[float, float], tile: PictureTile | None) -> None:
        """One element, whose box begins at ``corner``."""
        box = self._at(element.box, corner)
        match element.kind:
            case "box":
                self._ground(element.ground, box)
            case "picture" if tile is not None:
                self._picture(element, box, self._at(element.whole, corner), tile)
            case "text":
                self._text(element, box, self._said(element.role, tile))
            case "chip":
                self._chip(element, box, self._said(element.role, tile))
            case "row":
                self._row(element, box, tile)
            case "icon":
                shapes.ring(self.image, self._area(box), self._color(self._styles[element.style].color))

    def title_lines(self, elements: tuple[Element, ...], tile: PictureTile) -> int:
        """How many lines the title takes; 0 for as many as it may."""
        title = next((element for element in elements if element.role == "title" and element.kind == "text"), None)
        if title is None or title.lines < 2:
            return 0
        width = self._lettering(self._styles[title.style]).width
        count = len(lines(readable(tile.title), title.box[2] * self._density + 0.5, title.lines, width))
        return count if count < title.lines else 0

    def _said(self, role: str, tile: PictureTile | None) -> str:
        if tile is None or role in self._texts:
            return readable(self._texts.get(role, ""))
        own = {"title": tile.title, "price": tile.price_text, "was": tile.was_price_text, "badge": tile.badge}
        return readable(own.get(role, ""))

    def _ground(self, ground: Ground, box: Box) -> None:
        area, (one, two, three, four) = self._area(box), ground.radius
        radii = self._pixels((two, one, four, three) if self._rtl else ground.radius)
        top, right, bottom, left = ground.border
        widths = self._pixels((top, left, bottom, right) if self._rtl else ground.border, least=1)
        shapes.fill(self.image, area, self._color(ground.fill, ground.opacity), radii)
        if ground.fade[0]:
            first, second = (self._color(name, ground.opacity) for name in ground.fade[1:])
            shapes.fade(self.image, area, (first, second), self._angle(ground.fade[0]), radii)
        shapes.edge(self.image, area, self._color(ground.edge, ground.opacity), widths, radii, dashed=ground.dashed)

    def _picture(self, element: Element, box: Box, whole: Box, tile: PictureTile) -> None:
        area = self._area(box)
        shown = shapes.picture(tile.picture, *area.size, element.fit) if tile.picture else None
        radii = self._pixels(element.ground.radius)
        if shown is not None:
            shapes.place(self.image, area, shown, radii)
            return
        shapes.fill(self.image, self._area(whole), self._color(element.ground.fill), radii)
        letter = Element("text", whole, style=element.style, align="center", upright="center")
        self._text(letter, whole, readable(tile.letter)[:2])

    def _text(self, element: Element, box: Box, text: str) -> None:
        if not text:
            return
        style = self._styles[element.style]
        left, top, wide, high = (side * self._density for side in box)
        how = self._lettering(style)
        text = text.upper() if style.upper else text
        if element.lines == 1:
            how, made = self._one_line(text, how, wide, shrinks=element.role in _SHRINKS)
        else:
            made = lines(text, wide + 0.5, element.lines, how.width)
        line = style.line * self._density
        if element.upright == "center":
            top += (high - line * len(made)) / 2
        rtl = base_is_rtl(text, self._rtl)
        for number, part in enumerate(made):
            x = left + _indent(element.align, wide - how.width(part), rtl=rtl)
            self._line((x, top + number * line), part, how, style, rtl=rtl)

    def _chip(self, element: Element, box: Box, text: str) -> None:
        if not text:
            return
        style = self._styles[element.style]
        how = self._lettering(style)
        padding = sum(element.padding) * self._density
        room = self._width * self._density * 0.9 - padding
        how, made = self._one_line(text.upper() if style.upper else text, how, room, shrinks=False)
        wide = how.width(made[0]) + padding
        left, top, was, high = (side * self._density for side in box)
        left += _indent(element.align, was - wide, rtl=self._rtl)
        around = left / self._density, box[1], wide / self._density, box[3]
        self._ground(element.ground, around)
        line = style.line * self._density
        start = left + element.padding[self._rtl] * self._density
        self._line((start, top + (high - line) / 2), made[0], how, style, rtl=base_is_rtl(text, self._rtl))

    def _row(self, element: Element, box: Box, tile: PictureTile | None) -> None:
        cells = [cell for member in element.members if (cell := self._cell(member, element, tile))]
        left, top, wide, high = (side * self._density for side in box)
        placed = arranged(cells, element, wide, high, self._density)
        for cell, (x, y) in placed:
            start = left + (wide - x - cell.wide if self._rtl else x)
            area = (
                start / self._density,
                (top + y) / self._density,
                cell.wide / self._density,
                cell.high / self._density,
            )
            self._ground(cell.member.ground, area)
            style, line = self._styles[cell.member.style], self._styles[cell.member.style].line * self._density
            inset = cell.member.padding[self._rtl] * self._density
            upper = (cell.high - line * len(cell.lines)) / 2
            rtl = base_is_rtl(cell.text, self._rtl)
            room = cell.wide - sum(cell.member.padding) * self._density
            for number, part in enumerate(cell.lines):
                indent = _indent(
                    element.align if len(cell.lines) > 1 else "start", room - cell.how.width(part), rtl=rtl
                )
                self._line((start + inset + indent, top + y + upper + number * line), part, cell.how, style, rtl=rtl)

    def _cell(self, member: Member, element: Element, tile: PictureTile | None) -> Cell | None:
        text = self._said(member.what, tile)
        if not text:
            return None
        style = self._styles[member.style]
        how = self._lettering(style)._replace(strike=member.what == "was")
        return Cell.of(member, text.upper() if style.upper else text, how, self._density)

    def _one_line(self, text: str, how: Lettering, room: float, *, shrinks: bool) -> tuple[Lettering, list[str]]:
        wide = how.width(text)
        if wide <= room + 0.5:
            return how, [text]
        if shrinks:
            how = how.scaled(max(_SMALLEST, room / wide))
            if how.width(text) <= room + 1:
                return how, [text]
        return how, [shortened(text, room, how.width)]

    def _line(self, at: tuple[float, float], text: str, how: Lettering, style: Style, *, rtl: bool) -> None:
        y = baseline(at[1], style.line * self._density, how.px)
        color = shapes.seen(self.image, self._color(style.color), at[0], y)
        draw_line(self.image, (at[0], y), text, how, color, rtl=rtl)

    def _lettering(self, style: Style) -> Lettering:
        px, spacing = style.px * self._density, style.spacing * self._density
        return Lettering(px, style.weight >= _BOLD, spacing, style.figures, fine=FINE // self._density)

    def _color(self, name: str, opacity: float = 1.0) -> Rgba:
        red, green, blue, cover = rgba(name, self._brand)
        return red, green, blue, round(cover * opacity)

    def _at(self, box: Box, corner: tuple[float, float]) -> Box:
        left, top, wide, high = box
        left += corner[0]
        return (self._width - left - wide if self._rtl else left), top + corner[1], wide, high

    def _area(self, box: Box) -> shapes.Area:
        left, top, wide, high = box
        left, top, right, bottom = (floor(side * self._density + 0.5) for side in (left, top, left + wide, top + high))
        return shapes.Area(left, top, right, bottom)

    def _pixels(self, sides: tuple[float, float, float, float], least: int = 0) -> tuple[int, int, int, int]:
        one, two, three, four = (max(least, round(side * self._density)) if side else 0 for side in sides)
        return one, two, three, four

    def _angle(self, turned: str) -> float:
        found = re.fullmatch(r"(-?[\d.]+)deg", turned)
        angle = float(found[1]) if found else _DIRECTIONS.get(turned, 135.0)
        return -angle if self._rtl else angle


def _indent(align: str, spare: float, *, rtl: bool) -> float:
    """How far from the left end something stands that leaves so much room."""
    if align == "center":
        return spare / 2
    return spare if (align == "end") != rtl else 0.0
