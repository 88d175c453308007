"""Texts that stand side by side or above each other, such as a price and the former one."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from adserver.creative.raster.layout import Element, Member
from adserver.creative.raster.letters import Lettering, baseline
from adserver.creative.raster.lines import lines, shortened

_SMALLEST = 0.6
_SMALLEST_WHOLE = 0.3
_WHOLE = frozenset({"price", "was"})
"""Better hardly to be read than another price: the end of it is what tells a thousand from a million."""

_GIVES_WAY = "offer"
"""The text that is shortened so that the others have room."""


class Cell(NamedTuple):
    """One text with its padding, in pixels."""

    member: Member
    text: str
    how: Lettering
    lines: list[str]
    wide: float
    high: float
    density: int

    @classmethod
    def of(cls, member: Member, text: str, how: Lettering, density: int) -> "Cell":
        """On one line."""
        wide = how.width(text) + sum(member.padding) * density
        return cls(member, text, how, [text], wide, member.high * density, density)

    def within(self, room: float) -> "Cell":
        """No wider than ``room``: in several lines where it has them, else smaller, at last with an ellipsis."""
        if self.wide <= room + 0.5:
            return self
        inner = max(1.0, room - sum(self.member.padding) * self.density)
        if self.member.lines > 1:
            made = lines(self.text, inner, self.member.lines, self.how.width)
            return self._replace(lines=made, wide=room)
        how = self.how
        if self.member.what != _GIVES_WAY:
            least = _SMALLEST_WHOLE if self.member.what in _WHOLE else _SMALLEST
            how = how.scaled(max(least, inner / how.width(self.text)))
        text = self.text if how.width(self.text) <= inner + 1 else shortened(self.text, inner, how.width)
        return self._replace(how=how, lines=[text], wide=min(room, how.width(text) + room - inner))


Placed = list[tuple[Cell, tuple[float, float]]]


def arranged(cells: Sequence[Cell], row: Element, wide: float, high: float, density: int) -> Placed:
    """Each with its place inside the row, in pixels, from the end where reading starts."""
    gap, leading = row.gap * density, row.leading * density
    ranks = [list(rank) for _, rank in groupby(cells, key=lambda cell: cell.member.row)]
    if row.role == "prices" and len(ranks) == 1 and _overflows(cells, wide, gap) and _fits_stacked(cells, high):
        ranks = [[cell] for cell in cells]
    deep = [max(cell.high for cell in rank) for rank in ranks]
    y = _share(row.upright, high - sum(deep) - leading * (len(ranks) - 1))
    placed: Placed = []
    for rank, rank_high in zip(ranks, deep, strict=True):
        placed += _side_by_side(_squeezed(rank, wide, gap), row, (wide, y), gap)
        y += rank_high + leading
    return placed


def _overflows(cells: Sequence[Cell], wide: float, gap: float) -> bool:
    return sum(cell.wide for cell in cells) + gap * (len(cells) - 1) > wide + 0.5


def _fits_stacked(cells: Sequence[Cell], high: float) -> bool:
    return sum(cell.high for cell in cells) <= high * 1.05


def _squeezed(cells: Sequence[Cell], wide: float, gap: float) -> list[Cell]:
    """The text of an offer gives way; else all become smaller by the same share."""
    if not _overflows(cells, wide, gap):
        return list(cells)
    room = wide - gap * (len(cells) - 1)
    others = sum(cell.wide for cell in cells if cell.member.what != _GIVES_WAY)
    if any(cell.member.what == _GIVES_WAY for cell in cells):
        most = max(0.4 * room, room - others)
        share = min(1.0, (room - most) / others) if others else 1.0
        return [cell.within(most if cell.member.what == _GIVES_WAY else cell.wide * share) for cell in cells]
    share = room / sum(cell.wide for cell in cells)
    return [cell._replace(member=cell.member).within(cell.wide * share) for cell in cells]


def _side_by_side(cells: list[Cell], row: Element, at: tuple[float, float], gap: float) -> Placed:
    """In a room so wide, from so far down on."""
    wide, top = at
    x = _share(row.align, wide - sum(cell.wide for cell in cells) - gap * (len(cells) - 1))
    tallest = max(cells, key=lambda cell: cell.how.px)
    base = baseline(0, tallest.high, tallest.how.px)
    placed: Placed = []
    for cell in cells:
        down = base - baseline(0, cell.high, cell.how.px) if row.role == "prices" else (tallest.high - cell.high) / 2
        placed.append((cell, (x, top + down)))
        x += cell.wide + gap
    return placed


def _share(align: str, spare: float) -> float:
    return spare / 2 if align == "center" else spare if align == "end" else 0.0
