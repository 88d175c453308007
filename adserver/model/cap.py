"""How often something may be shown to one visitor."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

WINDOW_UNITS: Mapping[str, int] = MappingProxyType({"week": 604_800, "day": 86_400, "hour": 3_600, "min": 60})
"""Seconds in each unit that a cap's window is written in, the longest first."""


class Level(StrEnum):
    """What a cap counts the ads of."""

    ADVERTISER = "advertiser"
    CAMPAIGN = "campaign"
    LINE_ITEM = "line_item"
    PRODUCT = "product"


@dataclass(frozen=True, slots=True)
class Cap:
    """At most ``limit`` (1 to 1,000) ads for one visitor within a window that begins with the first of them.

    ``window_s`` is the window's length in seconds: one minute to 180 days. ``per`` says what is counted: all ads of the
    advertiser, of the campaign, of the line item, or those that show one product, each product by itself. ``str()`` is
    the short form of the accounts file: ``3/day``.
    """

    limit: int
    window_s: int
    per: Level = Level.LINE_ITEM

    def __str__(self) -> str:
        unit, seconds = next(((unit, s) for unit, s in WINDOW_UNITS.items() if self.window_s % s == 0), ("s", 1))
        count = self.window_s // seconds
        window = unit if count == 1 else f"{count}{unit}"
        shown = f"{self.limit}/{window}"
        return shown if self.per is Level.LINE_ITEM else f"{shown} per {self.per.value}"
