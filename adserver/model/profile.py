"""What is known of one visitor."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from adserver.model.cap import Level

EPOCH = 1_577_836_800
"""Profile times count seconds from 2020-01-01T00:00:00Z: four bytes for the next 68 years."""


_NOTHING: Mapping[str, int] = MappingProxyType({})


class Shopping(NamedTuple):
    """What a visitor did at one advertiser: product id -> time (seconds since EPOCH, strictly growing per visitor).

    ``visited_at``: the newest visit that named no product, 0 for none. ``views``: product id -> how often it was looked
    at, 2 to 4 (four or more); once where it is not named. ``bought`` has the empty id for a purchase that named none.
    """

    viewed: Mapping[str, int] = _NOTHING
    carted: Mapping[str, int] = _NOTHING
    bought: Mapping[str, int] = _NOTHING
    visited_at: int = 0
    views: Mapping[str, int] = _NOTHING

    @property
    def seen_at(self) -> int:
        """When the visitor was there last, whatever for."""
        return max((self.visited_at, *self.viewed.values(), *self.carted.values(), *self.bought.values()))


class Count(NamedTuple):
    """One counter of a visitor, by its name, and what holds of it: (most ads, window in seconds), shortest first."""

    counter: str
    limits: tuple[tuple[int, int], ...]


class Claim(NamedTuple):
    """What one ad takes of a visitor: every limit of every count has to hold, and then each is counted.

    ``expires`` (seconds since EPOCH): unless the ad was seen by then, what it took is given back; 0 for never.
    ``decision`` names it until then. ``met``: (campaign or experiment, arm), of which the first time is remembered.
    """

    counts: tuple[Count, ...] = ()
    decision: str = ""
    expires: int = 0
    met: tuple[tuple[str, str], ...] = ()


class Reserved(NamedTuple):
    """``place`` of the claim that was taken, -1 for none; ``first``: those it named that met this visitor now."""

    place: int
    first: tuple[str, ...] = ()


class Exposure(NamedTuple):
    """When (seconds since EPOCH) a campaign or an experiment first met this visitor, in which ``arm``, and how many
    ``purchases`` came since. The arms of a campaign's holdout are TREATED and GHOST."""

    since: int
    arm: str
    purchases: int = 0


TREATED, GHOST = "treated", "ghost"


def met_by(experiment: str) -> str:
    """The name of an experiment among exposures, where a campaign stands by its id."""
    return f"~{experiment}"


@dataclass(slots=True)
class Window:
    """Ads that a counter has seen: ``count`` since ``started_at`` (seconds since EPOCH). It has ended
    ``window_s`` seconds after that, and is no cap any more, however many it counts. Never changed; not frozen, as that
    would take three times as long to make, and a visitor may have hundreds."""

    window_s: int
    started_at: int
    count: int


class Receipt(NamedTuple):
    """What the visitor's consent rests on, ``text`` opaque, and since when (seconds since EPOCH)."""

    since: int
    text: bytes


class Profile(NamedTuple):
    """All of it. An unknown visitor has an empty one.

    ``shopping`` and ``mails`` (eight bytes of the SHA-256 of an e-mail address) by the advertiser's ``ref``;
    ``frequency`` by the name of a counter, ended windows among them; ``happened`` by the name of a rule's event, newest
    time first; ``exposures`` by campaign, or by ``met_by`` of an experiment; ``hidden`` by the advertiser's ``ref``:
    ids and item groups of products that the visitor does not want to see.
    """

    shopping: Mapping[int, Shopping] = MappingProxyType({})
    frequency: Mapping[str, tuple[Window, ...]] = MappingProxyType({})
    receipt: Receipt | None = None
    happened: Mapping[str, tuple[int, ...]] = MappingProxyType({})
    exposures: Mapping[str, Exposure] = MappingProxyType({})
    mails: Mapping[int, bytes] = MappingProxyType({})
    hidden: Mapping[int, frozenset[str]] = MappingProxyType({})


def counter_of(level: Level, ref: int | str, product: str = "") -> str:
    """The name of the counter of all ads at that level: ``a1``, ``gsummer``, ``f12``, ``p1:SKU7``.

    ``ref``: the advertiser's for advertisers and products, the campaign's id, the line item's ``ref``.
    """
    return f"{_LETTER[level]}{ref}:{product}" if level is Level.PRODUCT else f"{_LETTER[level]}{ref}"


def fatigue_counter(ref: int, product: str) -> str:
    """The name of the counter of ads with a product of advertiser ``ref`` since it was last clicked: ``d1:SKU7``."""
    return f"d{ref}:{product}"


_LETTER = {Level.ADVERTISER: "a", Level.CAMPAIGN: "g", Level.LINE_ITEM: "f", Level.PRODUCT: "p"}
