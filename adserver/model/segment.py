"""Groups of visitors: the ladder that every advertiser has, and those that rules make."""

from dataclasses import dataclass
from enum import StrEnum

from adserver.model.event_name import EventName


class Rung(StrEnum):
    """The ladder, deepest last. A visitor stands on one rung per advertiser: the deepest that was reached in time."""

    VISITOR = "visitor"
    PRODUCT_VIEWER = "product_viewer"
    CART_ABANDONER = "cart_abandoner"
    PAST_BUYER = "past_buyer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """``event`` happened at least ``min_count`` (1 to 50) times within ``within_s`` seconds (0: the segment's days).

    Only those events count that pass every filter: ``min_value`` and ``max_value`` are micros of the advertiser's
    currency (an event's ``value``); ``url`` is part of the page's address; ``products`` are ids or item groups; the
    others ask for an event with at least one product that is in ``product_set``, in ``category`` or below it, at
    ``min_price`` to ``max_price`` micros.
    """

    event: EventName
    min_count: int = 1
    within_s: int = 0
    min_value: int | None = None
    max_value: int | None = None
    url: str = ""
    products: tuple[str, ...] = ()
    product_set: str = ""
    category: str = ""
    min_price: int | None = None
    max_price: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Exactly one of the four: all of its parts, any of its parts, not its part, or one thing that happened."""

    all: tuple["Rule", ...] = ()
    any: tuple["Rule", ...] = ()
    negated: "Rule | None" = None
    happened: Happened | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Visitors of ``advertiser`` for whom ``rule`` is true. ``days`` (1 to 180) is the window of what names none."""

    id: str
    advertiser: str
    rule: Rule
    days: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerList:
    """E-mail addresses an advertiser uploaded, as SHA-256; ``version`` changes with every upload, ``size`` counts them.
    ``ref`` is its small stable number (the SQL key)."""

    id: str
    advertiser: str
    version: int = 0
    size: int = 0
    ref: int = 0
