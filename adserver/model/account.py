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


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertiser:
    """A shop. ``ref`` is its small stable number (the SQL key), 0 while it has none; visitor keys use it."""

    id: str
    name: str
    domains: tuple[str, ...]
    currency: str
    locale: str
    consent_default: ConsentDefault | None = None
    ref: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Where an advertiser's products come from: an absolute path or an http(s) URL. One per advertiser."""

    advertiser: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What an advertiser booked. ``holdout`` is the share of visitors (0 to 1) kept as a control group."""

    id: str
    advertiser: str
    status: Status = Status.ACTIVE
    holdout: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LineItem:
    """One way of spending a campaign: which creative, to whom."""

    id: str
    campaign: str
    creative: str
    status: Status = Status.ACTIVE


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
