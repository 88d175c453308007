"""One way of spending a campaign: to whom, where and when, how often, for how much, and what is shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from adserver.model.cap import Cap
from adserver.model.status import Status


class BidModel(StrEnum):
    """What is paid for: a thousand impressions, or a click."""

    CPM = "CPM"
    CPC = "CPC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bid:
    """``amount`` in micros of the advertiser's currency: for 1,000 impressions (CPM) or for one click (CPC)."""

    model: BidModel
    amount: int

    @property
    def per_event(self) -> int:
        """Micros of one impression or of one click, rounded down."""
        return self.amount // 1_000 if self.model is BidModel.CPM else self.amount


class Pacing(StrEnum):
    """How a budget is spread over its time: by the clock, as fast as it goes, or as traffic came in yesterday."""

    EVEN = "even"
    ASAP = "asap"
    LEARNED = "learned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """``total`` and ``daily`` in micros of the advertiser's currency, None: not limited; at least one of them is.

    A day is one of the advertiser's time zone. Both are hard: they are never passed, whatever dies.
    """

    total: int | None = None
    daily: int | None = None
    pacing: Pacing = Pacing.EVEN


class PurchaseScope(StrEnum):
    """What of a purchase is not advertised any more: the product, its whole category, or anything at all."""

    PRODUCT = "product"
    CATEGORY = "category"
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludePurchased:
    """What was bought is not shown for ``days`` (1 to 180)."""

    scope: PurchaseScope = PurchaseScope.PRODUCT
    days: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Fatigue:
    """A product seen in ``ads`` ads within ``days`` without a click gives way to similar ones."""

    ads: int
    days: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the shop adds for this segment. It is shown once the visitor has seen ``after_ads`` ads of the line item, or
    ``after_s`` seconds after the newest interest, whichever comes first; with neither, at once. From ``ends`` (seconds
    since 1970, 0: never) on it is not shown any more."""

    text: str = ""
    coupon: str = ""
    after_ads: int = 0
    after_s: int = 0
    ends: int = 0


OptionValue = str | int | float | bool
"""What a design can be told: a text, a choice or a colour (``#rrggbb``), a number, yes or no."""


class Device(StrEnum):
    """What the visitor holds in hands, or does not."""

    DESKTOP = "desktop"
    PHONE = "phone"
    TABLET = "tablet"
    TV = "tv"


class Recommend(StrEnum):
    """Where products come from when the visitor's own do not fill the banner, and after a purchase.

    ``BOUGHT_TOGETHER``: what others bought with what this visitor bought (cross-sell). ``UPSELL``: dearer ones of the
    same category. ``TOGETHER``: what is viewed with what this visitor viewed. ``BEST_SELLERS``: of the advertiser.
    """

    BOUGHT_TOGETHER = "bought_together"
    UPSELL = "upsell"
    TOGETHER = "together"
    BEST_SELLERS = "best_sellers"


@dataclass(frozen=True, slots=True)
class Daypart:
    """From ``from_minute`` up to, but not at, ``to_minute`` (minutes of the day, 0 to 1,440) of each of ``days`` (0 is
    Monday) in the advertiser's time zone. A part that runs past midnight is two."""

    days: tuple[int, ...]
    from_minute: int
    to_minute: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LineItem:
    """``ref`` is its small stable number (the SQL key), 0 while it has none; visitor keys use it.

    Whom: ``segment`` is a rung of the ladder or the id of a segment, empty for every visitor with a history at the
    advertiser; ``exclude_segments`` likewise; ``include_lists`` (any of them) and ``exclude_lists`` are customer lists;
    ``experiment`` and ``arm`` keep it to the visitors of that arm; ``devices`` and ``geo`` ("DE", or "DE-BY" as in ISO
    3166-2) are empty for all. Where: ``placements`` and ``publishers`` are empty for all, ``exclude_page_categories``
    are the publishers' own words. When: ``start`` and ``end`` in seconds since 1970, 0 for open; ``dayparts`` empty for
    always. How often: ``caps`` all hold together; ``min_gap_s`` seconds between two of its ads.

    ``priority`` 0 to 1,000, lower goes first; inside one, the higher expected value, and among equals a draw by
    ``weight``. ``creatives`` take turns with ``creative``, the better one more often. ``options`` are what it
    sets of that which its designs can be told, by name. ``product_set`` is the id of one,
    empty for the whole catalog. ``recommend`` is in the order of use: instead of what was bought or seen too often;
    with ``fill_up`` wherever there is room.
    """

    id: str
    campaign: str
    creative: str
    status: Status = Status.ACTIVE
    creatives: tuple[str, ...] = ()
    priority: int = 100
    weight: int = 1
    start: int = 0
    end: int = 0
    dayparts: tuple[Daypart, ...] = ()
    devices: tuple[Device, ...] = ()
    geo: tuple[str, ...] = ()
    placements: tuple[str, ...] = ()
    publishers: tuple[str, ...] = ()
    exclude_page_categories: tuple[str, ...] = ()
    segment: str = ""
    exclude_segments: tuple[str, ...] = ()
    include_lists: tuple[str, ...] = ()
    exclude_lists: tuple[str, ...] = ()
    experiment: str = ""
    arm: str = ""
    product_set: str = ""
    recommend: tuple[Recommend, ...] = (Recommend.BOUGHT_TOGETHER, Recommend.TOGETHER, Recommend.BEST_SELLERS)
    fill_up: bool = False
    bid: Bid | None = None
    budget: Budget | None = None
    caps: tuple[Cap, ...] = ()
    min_gap_s: int = 0
    fatigue: Fatigue | None = None
    exclude_purchased: ExcludePurchased = ExcludePurchased()
    offer: Offer | None = None
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    ref: int = 0

    @property
    def designs(self) -> tuple[str, ...]:
        """All creatives it may be shown in, each once."""
        return tuple(dict.fromkeys((self.creative, *self.creatives)))
