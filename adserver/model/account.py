"""Who uses the server and what they booked: advertiser, feed, campaign, publisher, placement; and all accounts.

The ids are the keys of the accounts file (``[advertisers.acme]``): 1 to 64 characters of ``A-Z a-z 0-9 _ -``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from adserver.model.cap import Cap
from adserver.model.experiment import Experiment
from adserver.model.line_item import LineItem
from adserver.model.product_set import ProductSet
from adserver.model.segment import CustomerList, Segment
from adserver.model.status import Status

ACCOUNT_ID_PATTERN = r"[A-Za-z0-9_-]{1,64}"


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
    ``color`` is its brand's colour (``#rrggbb``), empty for none. ``time_zone`` (IANA) is that of its days and hours.
    ``segment_days`` (1 to 180) is how long a visitor stays on a rung of the ladder. ``caps`` count all its ads.
    """

    id: str
    name: str
    domains: tuple[str, ...]
    currency: str
    locale: str
    consent_default: ConsentDefault | None = None
    strike_through: StrikeThrough | None = None
    color: str = ""
    time_zone: str = "UTC"
    segment_days: int = 30
    caps: tuple[Cap, ...] = ()
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
class Attribution:
    """A sale counts for an ad clicked up to ``click_days`` (0 to 90) before, or seen up to ``view_days`` (0 to 30)."""

    click_days: int = 7
    view_days: int = 1


DEFAULT_HOLDOUT = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What an advertiser booked. ``holdout`` is the share of visitors (0 to 1) who are decided for like all others, but
    shown the passback: the control group that tells what the ads really cause. ``caps`` count all its ads."""

    id: str
    advertiser: str
    status: Status = Status.ACTIVE
    holdout: float = DEFAULT_HOLDOUT
    attribution: Attribution = Attribution()
    caps: tuple[Cap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """A partner site. ``domains`` covers subdomains. ``exclude_advertisers`` are ids of those not shown there.
    ``click_hosts`` are hosts, with their subdomains, whose click trackers may stand before our own links."""

    id: str
    name: str
    domains: tuple[str, ...]
    exclude_advertisers: tuple[str, ...] = ()
    click_hosts: tuple[str, ...] = ()


class NoHistory(StrEnum):
    """What is shown to somebody nothing is known of: best sellers, a house ad, or the publisher's own passback."""

    BEST_SELLERS = "best_sellers"
    HOUSE = "house"
    PASSBACK = "passback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """One slot of a publisher; ``size`` is ``<width>x<height>`` in CSS pixels, or ``fluid``: what its slot
    has room for. ``categories`` say in the publisher's
    words what its pages are about."""

    id: str
    publisher: str
    size: str
    status: Status = Status.ACTIVE
    categories: tuple[str, ...] = ()
    no_history: NoHistory = NoHistory.HOUSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """All accounts, each table by id (feeds by advertiser id)."""

    advertisers: Mapping[str, Advertiser] = field(default_factory=dict)
    feeds: Mapping[str, Feed] = field(default_factory=dict)
    campaigns: Mapping[str, Campaign] = field(default_factory=dict)
    segments: Mapping[str, Segment] = field(default_factory=dict)
    product_sets: Mapping[str, ProductSet] = field(default_factory=dict)
    experiments: Mapping[str, Experiment] = field(default_factory=dict)
    lists: Mapping[str, CustomerList] = field(default_factory=dict)
    line_items: Mapping[str, LineItem] = field(default_factory=dict)
    publishers: Mapping[str, Publisher] = field(default_factory=dict)
    placements: Mapping[str, Placement] = field(default_factory=dict)
