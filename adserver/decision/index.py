"""The line items that may run in each placement, worked out once per snapshot and not per request."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from adserver.decision.caps import Counters
from adserver.decision.fits import designs_in, static_reason
from adserver.decision.hours import Hours, changes_at, hours_of, is_running
from adserver.model.account import Accounts, Advertiser, Campaign, Placement, Publisher
from adserver.model.decision import HOUSE_CREATIVE
from adserver.model.line_item import BidModel, LineItem, Recommend
from adserver.model.product_set import ProductSet
from adserver.model.profile import Count
from adserver.model.reason import LineItemReason
from adserver.model.status import Status


@dataclass(frozen=True, slots=True)
class Booking:
    """A line item as it stands in placements of one size, with all that a decision asks of it.

    ``max_age_s``: the age in seconds beyond which its feed is too old to be advertised (0: none). ``designs``: those of
    the line item's that come in the size. ``counts``: what an ad of it counts in, and what of that has to hold; of each
    of its products ``product_limits``. ``micros``: what is paid ``paid_by`` impression or click, 0 and None without a
    bid. ``hours``: the dayparts, None for always.
    """

    line_item: LineItem
    campaign: Campaign
    advertiser: Advertiser
    max_age_s: int = 0
    designs: tuple[str, ...] = ()
    counts: tuple[Count, ...] = ()
    product_limits: tuple[tuple[int, int], ...] = ()
    micros: int = 0
    paid_by: BidModel | None = None
    product_set: ProductSet | None = None
    hours: Hours | None = None


class Equals:
    """Bookings of one priority and one ``value`` (minus the expected one), by advertiser and id. ``sums`` of their
    weights, up to each of them, once somebody needed these."""

    __slots__ = ("bookings", "priority", "sums", "value")

    def __init__(self, priority: int, value: float, bookings: tuple[Booking, ...]) -> None:
        self.priority = priority
        self.value = value
        self.bookings = bookings
        self.sums: list[int] | None = None


class _Held:
    """What an entry has worked out for a while: the entry of what runs from ``since`` until ``until``, and under the
    ``rates`` of now the order of its bookings, by whatever they were chosen by."""

    __slots__ = ("live", "ranked", "rates", "since", "until")

    def __init__(self) -> None:
        self.live: PlacementEntry | None = None
        self.since = self.until = 0.0
        self.rates: object = None
        self.ranked: dict[int | None, list[Equals]] = {}


@dataclass(frozen=True, slots=True)
class PlacementEntry:
    """A placement, where it may stand, and what may run in it, by everything that does not change with time.

    ``bookings`` are sorted by priority, then id, and so are those of each advertiser (by its ``ref``). ``house``: when
    none of them can be shown. ``prospecting``: those of ``bookings`` that need nothing known of who looks.
    ``categories``: of the placement. ``consents``: of the advertisers of ``bookings`` one for each of their consent
    defaults, as all that have the same may do the same.
    """

    placement: Placement
    publisher: Publisher
    domains: tuple[str, ...]
    bookings: tuple[Booking, ...] = ()
    by_advertiser: Mapping[int, tuple[Booking, ...]] = field(default_factory=dict)
    house: tuple[Booking, ...] = ()
    prospecting: tuple[Booking, ...] = ()
    categories: frozenset[str] = frozenset()
    consents: tuple[Advertiser, ...] = ()
    held: _Held = field(default_factory=_Held, compare=False, repr=False)

    def live(self, now: int) -> "PlacementEntry":
        """The same with what runs at ``now`` (seconds since 1970) only; remembered until a date or daypart changes."""
        held = self.held
        if held.live is None or not held.since <= now < held.until:
            held.live = self._running(now)
            held.since = now
            held.until = min((changes_at(b, now) for b in (*self.bookings, *self.house)), default=float("inf"))
        return held.live

    def _running(self, now: int) -> "PlacementEntry":
        """Itself while everything runs: most entries have no dates."""
        if all(is_running(booking, now) for booking in (*self.bookings, *self.house)):
            return self
        running = tuple(booking for booking in self.bookings if is_running(booking, now))
        return replace(
            self,
            bookings=running,
            by_advertiser=_by_advertiser(running),
            house=tuple(booking for booking in self.house if is_running(booking, now)),
            prospecting=tuple(booking for booking in self.prospecting if is_running(booking, now)),
            consents=_consents(running),
            held=_Held(),
        )


@dataclass(frozen=True, slots=True)
class Index:
    """``placements`` by id. Nothing in a request is linear in the number of all line items."""

    placements: Mapping[str, PlacementEntry] = field(default_factory=dict)


def build_index(accounts: Accounts, creative_sizes: Mapping[str, frozenset[str]]) -> Index:
    """``creative_sizes``: the sizes (``"300x250"``) each creative can be drawn in.

    Line items that name no placement and no publisher are looked at once per size; the others once per placement that
    they name.
    """
    return _Builder(accounts, creative_sizes).build()


@dataclass(frozen=True, slots=True)
class _Lineup:
    """Bookings that several placements share."""

    bookings: tuple[Booking, ...]
    by_advertiser: Mapping[int, tuple[Booking, ...]]
    house: tuple[Booking, ...]
    prospecting: tuple[Booking, ...]
    consents: tuple[Advertiser, ...]


class _Builder:
    def __init__(self, accounts: Accounts, creative_sizes: Mapping[str, frozenset[str]]) -> None:
        self._accounts = accounts
        self._creative_sizes = creative_sizes
        self._counters = Counters(accounts)
        self._booked: dict[str, dict[tuple[str, ...], Booking]] = {}
        self._lineups: dict[tuple[str, tuple[str, ...]], _Lineup] = {}
        active = sorted(
            filter(self._is_active, accounts.line_items.values()), key=lambda item: (item.priority, item.id)
        )
        self._rank = {item.id: rank for rank, item in enumerate(active)}
        self._anywhere = [item for item in active if not item.placements and not item.publishers]
        self._named = self._by_placement(item for item in active if item.placements or item.publishers)

    def build(self) -> Index:
        return Index({placement.id: self._entry(placement) for placement in self._accounts.placements.values()})

    def _is_active(self, line_item: LineItem) -> bool:
        campaign = self._accounts.campaigns[line_item.campaign]
        return line_item.status is Status.ACTIVE and campaign.status is Status.ACTIVE

    def _by_placement(self, line_items: Iterable[LineItem]) -> dict[str, list[LineItem]]:
        """Those that name placements or publishers, under each placement that they may mean."""
        of_publisher: dict[str, list[str]] = {}
        for placement in self._accounts.placements.values():
            of_publisher.setdefault(placement.publisher, []).append(placement.id)
        named: dict[str, list[LineItem]] = {}
        for item in line_items:
            wanted = item.placements or [p for name in item.publishers for p in of_publisher.get(name, ())]
            for placement_id in wanted:
                named.setdefault(placement_id, []).append(item)
        return named

    def _entry(self, placement: Placement) -> PlacementEntry:
        publisher = self._accounts.publishers[placement.publisher]
        shared = self._shared(placement, publisher)
        named = self._fitting(self._named.get(placement.id, ()), placement, publisher)
        lineup = self._merged(shared, named) if named else shared
        return PlacementEntry(
            placement,
            publisher,
            publisher.domains,
            lineup.bookings,
            lineup.by_advertiser,
            lineup.house,
            lineup.prospecting,
            frozenset(placement.categories),
            lineup.consents,
        )

    def _shared(self, placement: Placement, publisher: Publisher) -> _Lineup:
        """What names no placement: looked at once per size, without the advertisers that this publisher excludes."""
        excluded = publisher.exclude_advertisers
        key = (placement.size, excluded)
        if key not in self._lineups:
            if excluded:
                shared = self._shared(placement, replace(publisher, exclude_advertisers=()))
                self._lineups[key] = _without(shared, frozenset(excluded))
            else:
                self._lineups[key] = _lineup(self._fitting(self._anywhere, placement, publisher))
        return self._lineups[key]

    def _merged(self, shared: _Lineup, named: Sequence[Booking]) -> _Lineup:
        return _lineup(sorted((*shared.bookings, *shared.house, *named), key=lambda b: self._rank[b.line_item.id]))

    def _fitting(self, line_items: Iterable[LineItem], placement: Placement, publisher: Publisher) -> list[Booking]:
        campaigns, sizes = self._accounts.campaigns, self._creative_sizes
        return [
            self._booking(item, placement.size)
            for item in line_items
            if static_reason(item, campaigns[item.campaign], placement, publisher, sizes) in _FITTING
        ]

    def _booking(self, line_item: LineItem, size: str) -> Booking:
        designs = designs_in(line_item, size, self._creative_sizes)
        booked = self._booked.setdefault(line_item.id, {})
        if designs not in booked:
            first = next(iter(booked.values()), None)
            booked[designs] = (
                replace(first, designs=designs)
                if first
                else booking_of(line_item, self._accounts, self._counters, designs)
            )
        return booked[designs]


_FITTING = (None, LineItemReason.HOUSE)


def booking_of(line_item: LineItem, accounts: Accounts, counters: Counters, designs: tuple[str, ...]) -> Booking:
    """The line item with what the accounts say about it, in ``designs``."""
    campaign = accounts.campaigns[line_item.campaign]
    advertiser = accounts.advertisers[campaign.advertiser]
    feed = accounts.feeds.get(advertiser.id)
    bid = line_item.bid
    counts, product_limits = counters.of(line_item)
    return Booking(
        line_item,
        campaign,
        advertiser,
        feed.max_age_s if feed else 0,
        designs,
        counts,
        product_limits,
        bid.per_event if bid else 0,
        bid.model if bid else None,
        accounts.product_sets.get(line_item.product_set),
        hours_of(line_item.dayparts, advertiser.time_zone) if line_item.dayparts else None,
    )


def needs_nobody(booking: Booking) -> bool:
    """Whether it can be shown to somebody nothing is known of: it asks for nothing known, counts nothing, and has
    products for everybody."""
    item = booking.line_item
    asks = item.segment or item.exclude_segments or item.include_lists or item.exclude_lists or item.experiment
    return not (asks or booking.counts or booking.product_limits) and Recommend.BEST_SELLERS in item.recommend


def _lineup(sorted_bookings: Sequence[Booking]) -> _Lineup:
    bookings = tuple(booking for booking in sorted_bookings if booking.line_item.creative != HOUSE_CREATIVE)
    return _Lineup(
        bookings,
        _by_advertiser(bookings),
        tuple(booking for booking in sorted_bookings if booking.line_item.creative == HOUSE_CREATIVE),
        tuple(booking for booking in bookings if needs_nobody(booking)),
        _consents(bookings),
    )


def _without(lineup: _Lineup, excluded: frozenset[str]) -> _Lineup:
    """Without those of some advertisers, by id."""
    bookings = tuple([booking for booking in lineup.bookings if booking.advertiser.id not in excluded])
    return _Lineup(
        bookings,
        {ref: theirs for ref, theirs in lineup.by_advertiser.items() if theirs[0].advertiser.id not in excluded},
        tuple([booking for booking in lineup.house if booking.advertiser.id not in excluded]),
        tuple([booking for booking in lineup.prospecting if booking.advertiser.id not in excluded]),
        _consents(bookings),
    )


def _consents(bookings: Iterable[Booking]) -> tuple[Advertiser, ...]:
    return tuple({booking.advertiser.consent_default: booking.advertiser for booking in bookings}.values())


def _by_advertiser(bookings: Iterable[Booking]) -> Mapping[int, tuple[Booking, ...]]:
    found: dict[int, list[Booking]] = {}
    for booking in bookings:
        found.setdefault(booking.advertiser.ref, []).append(booking)
    return {ref: tuple(theirs) for ref, theirs in found.items()}
