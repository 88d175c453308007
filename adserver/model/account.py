"""Who uses the server and what they booked: advertiser, campaign, line item, publisher, placement, feed.

The ids are the keys of the accounts file (``[advertisers.acme]``): 1 to 64 characters of ``A-Z a-z 0-9 _ -``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

ACCOUNT_ID_PATTERN = r"[A-Za-z0-9_-]{1,64}"


class Status(StrEnum):
    """Whether a campaign, line item or placement takes part in decisions."""

    ACTIVE = "active"
    PAUSED = "paused"


class ConsentDefault(StrEnum):
    """What silence means: no consent signal at all in a request."""

    DENY = "deny"
    ALLOW = "allow"


class StrikeThrough(StrEnum):
    """When a former price may stand struck through beside the price to pay.

    ``PROVEN``: only where our own history says that it was the lowest price of the last 30 days before the reduction
    (Directive 98/6/EC, article 6a). ``CLAIMED``: as the feed says it. ``NEVER``: not at all.
    """

    PROVEN = "proven"
    CLAIMED = "claimed"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertiser:
    """A shop. ``ref`` is its small stable number (the SQL key), 0 while it has none; visitor keys use it.

    ``strike_through`` None means ``PROVEN`` where the currency is that of a member state of the EU, else ``CLAIMED``.
    ``color`` is its brand's colour (``#rrggbb``), empty for none.
    """

    id: str
    name: str
    domains: tuple[str, ...]
    currency: str
    locale: str
    consent_default: ConsentDefault | None = None
    strike_through: StrikeThrough | None = None
    color: str = ""
    ref: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Where an advertiser's products come from: an absolute path or an http(s) URL. One per advertiser.

    It is looked at every ``every_s`` seconds (0: only by hand). When nobody could read it for ``max_age_s`` seconds,
    its products are not advertised any more (0: they are for ever). A feed that has lost more than ``max_loss`` (0 to
    1) of the products is held back until somebody accepts it.
    """

    advertiser: str
    source: str
    every_s: int = 21_600
    max_age_s: int = 604_800
    max_loss: float = 0.3


SPAN_UNITS = {"d": 86_400, "h": 3_600, "min": 60}
"""Seconds in each unit that a feed's times are written in, the longest first."""

NEVER = "never"
"""What the accounts file writes for a time that never comes."""


def span(seconds: int) -> str:
    """A time as the accounts file writes it: ``6h``; 0 is ``never``, and less than whole minutes are seconds."""
    if not seconds:
        return NEVER
    return next((f"{seconds // s}{unit}" for unit, s in SPAN_UNITS.items() if seconds % s == 0), f"{seconds}s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What an advertiser booked. ``holdout`` is the share of visitors (0 to 1) kept as a control group."""

    id: str
    advertiser: str
    status: Status = Status.ACTIVE
    holdout: float = 0.0


WINDOW_UNITS = {"week": 604_800, "day": 86_400, "hour": 3_600, "min": 60}
"""Seconds in each unit that a cap's window is written in, the longest first."""


@dataclass(frozen=True, slots=True)
class Cap:
    """At most ``limit`` (1 to 1,000) ads for one visitor within a window that begins with the first of them.

    ``window_s`` is the window's length in seconds: whole minutes, at most 180 days. ``str()`` is what the accounts file
    writes: ``3/day``.
    """

    limit: int
    window_s: int

    def __str__(self) -> str:
        unit, seconds = next((unit, s) for unit, s in WINDOW_UNITS.items() if self.window_s % s == 0)
        count = self.window_s // seconds
        return f"{self.limit}/{unit}" if count == 1 else f"{self.limit}/{count}{unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineItem:
    """One way of spending a campaign: which creative, to whom, and how often at most.

    All ``caps`` hold together; no two have the same window, and the shortest window comes first. ``ref`` is the line
    item's small stable number (the SQL key), 0 while it has none; visitor keys use it.
    """

    id: str
    campaign: str
    creative: str
    status: Status = Status.ACTIVE
    caps: tuple[Cap, ...] = ()
    ref: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """A partner site. ``domains`` covers subdomains."""

    id: str
    name: str
    domains: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """One slot of a publisher; ``size`` is ``<width>x<height>`` in CSS pixels."""

    id: str
    publisher: str
    size: str
    status: Status = Status.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """All accounts, each table by id (feeds by advertiser id)."""

    advertisers: Mapping[str, Advertiser] = field(default_factory=dict)
    feeds: Mapping[str, Feed] = field(default_factory=dict)
    campaigns: Mapping[str, Campaign] = field(default_factory=dict)
    line_items: Mapping[str, LineItem] = field(default_factory=dict)
    publishers: Mapping[str, Publisher] = field(default_factory=dict)
    placements: Mapping[str, Placement] = field(default_factory=dict)
