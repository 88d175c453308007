"""What was learned of clicks: how likely one is, and how often each design of a line item is to be drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

FIRST_GUESS = 0.002
"""Clicks per impression that are expected where nothing at all was counted yet."""


class Tally(NamedTuple):
    """Impressions and the clicks on them. Older ones count less, so neither is a whole number."""

    impressions: float = 0.0
    clicks: float = 0.0


class Rotation(NamedTuple):
    """Designs that take turns: how often each is drawn (probabilities in the order of the designs, sum 1), and how
    often an impression of such a draw is clicked (0 to 1)."""

    propensities: tuple[float, ...]
    click_rate: float


Designs = tuple[int, tuple[str, ...]]
"""A line item by its ``ref``, and those of its designs, in its own order, that come in a placement's size."""


@dataclass(frozen=True, slots=True)
class Rates:
    """``rotations`` by line item and designs. Of a line item that has none, ``line_items`` (by ``ref``) tells how often
    an impression is clicked; of one that is not there either, ``campaigns`` (by id), and else ``overall``."""

    rotations: Mapping[Designs, Rotation] = field(default_factory=dict)
    line_items: Mapping[int, float] = field(default_factory=dict)
    campaigns: Mapping[str, float] = field(default_factory=dict)
    overall: float = FIRST_GUESS
