"""A/B tests: visitors are dealt to arms, and stay where they were dealt to."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """``arms``: name -> weight (1 to 1,000), two to eight of them. Line items name the arm that they belong to."""

    id: str
    advertiser: str
    arms: Mapping[str, int]
