"""The line items that may run in each placement, worked out once per snapshot and not per request."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from adserver.model.account import Accounts, Advertiser, LineItem, Placement, Status
from adserver.model.decision import HOUSE_CREATIVE


@dataclass(frozen=True, slots=True)
class Booking:
    """A line item with the advertiser who pays for it, and the age in seconds beyond which its feed is too old to be
    advertised (0: none)."""

    line_item: LineItem
    advertiser: Advertiser
    max_age_s: int = 0


@dataclass(frozen=True, slots=True)
class PlacementEntry:
    """A placement, where it may stand, and what may run in it; ``house``: when nothing of ``bookings`` can be shown."""

    placement: Placement
    domains: tuple[str, ...]
    bookings: tuple[Booking, ...]
    house: tuple[Booking, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """``placements`` by id. Nothing in a request is linear in the number of all line items."""

    placements: Mapping[str, PlacementEntry] = field(default_factory=dict)


def build_index(accounts: Accounts, creative_sizes: Mapping[str, frozenset[str]]) -> Index:
    """``creative_sizes``: the sizes (``"300x250"``) each creative can be drawn in."""
    by_size: dict[str, tuple[tuple[Booking, ...], tuple[Booking, ...]]] = {}
    entries = {}
    for placement in accounts.placements.values():
        if placement.size not in by_size:
            fitting = _bookings(accounts, placement.size, creative_sizes)
            by_size[placement.size] = (
                tuple(booking for booking in fitting if booking.line_item.creative != HOUSE_CREATIVE),
                tuple(booking for booking in fitting if booking.line_item.creative == HOUSE_CREATIVE),
            )
        publisher = accounts.publishers[placement.publisher]
        entries[placement.id] = PlacementEntry(placement, publisher.domains, *by_size[placement.size])
    return Index(entries)


def _bookings(accounts: Accounts, size: str, creative_sizes: Mapping[str, frozenset[str]]) -> tuple[Booking, ...]:
    max_ages = {advertiser: feed.max_age_s for advertiser, feed in accounts.feeds.items()}
    return tuple(
        Booking(line_item, accounts.advertisers[campaign.advertiser], max_ages.get(campaign.advertiser, 0))
        for line_item in accounts.line_items.values()
        if line_item.status is Status.ACTIVE
        and (campaign := accounts.campaigns[line_item.campaign]).status is Status.ACTIVE
        and size in creative_sizes.get(line_item.creative, frozenset())
    )
