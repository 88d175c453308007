"""What is known of one visitor."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from adserver.model.account import Cap

EPOCH = 1_577_836_800
"""Profile times count seconds from 2020-01-01T00:00:00Z: four bytes for the next 68 years."""


_NOTHING: Mapping[str, int] = MappingProxyType({})


class Shopping(NamedTuple):
    """What a visitor did at one advertiser: product id -> time (seconds since EPOCH, strictly growing per visitor).

    ``visited_at``: the newest visit that named no product, 0 for none.
    """

    viewed: Mapping[str, int] = _NOTHING
    carted: Mapping[str, int] = _NOTHING
    bought: Mapping[str, int] = _NOTHING
    visited_at: int = 0

    @property
    def seen_at(self) -> int:
        """When the visitor was there last, whatever for."""
        return max((self.visited_at, *self.viewed.values(), *self.carted.values(), *self.bought.values()))


class Offer(NamedTuple):
    """A line item that could be shown, by its small stable number, and the caps that all have to hold."""

    line_item_ref: int
    caps: tuple[Cap, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """Ads of one line item to one visitor: ``count`` since ``started_at`` (seconds since EPOCH). It has ended
    ``window_s`` seconds after that, and is no cap any more, however many it counts."""

    window_s: int
    started_at: int
    count: int


class Receipt(NamedTuple):
    """What the visitor's consent rests on, ``text`` opaque, and since when (seconds since EPOCH)."""

    since: int
    text: bytes


class Profile(NamedTuple):
    """All of it: ``shopping`` by the advertiser's ``ref``, ``frequency`` by the line item's, ended windows among them.

    An unknown visitor has an empty one.
    """

    shopping: Mapping[int, Shopping] = MappingProxyType({})
    frequency: Mapping[int, tuple[Window, ...]] = MappingProxyType({})
    receipt: Receipt | None = None
