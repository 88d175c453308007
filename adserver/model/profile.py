"""What is known of one visitor."""

from collections.abc import Mapping
from dataclasses import dataclass, field

EPOCH = 1_577_836_800
"""Profile times count seconds from 2020-01-01T00:00:00Z: four bytes for the next 68 years."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shopping:
    """What a visitor did at one advertiser: product id -> time (seconds since EPOCH, strictly growing per visitor)."""

    viewed: Mapping[str, int] = field(default_factory=dict)
    carted: Mapping[str, int] = field(default_factory=dict)
    bought: Mapping[str, int] = field(default_factory=dict)
    seen_at: int = 0


@dataclass(frozen=True, slots=True)
class Profile:
    """All of it, by the advertiser's ``ref``. An unknown visitor has an empty one."""

    shopping: Mapping[int, Shopping] = field(default_factory=dict)
