"""What holds of every decision, whatever was booked and whoever looks."""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adserver.decision.explain import CHOSEN, explain
from adserver.decision.fits import static_reason
from adserver.decision.hours import Hours, time_reason
from adserver.decision.index import Booking, build_index
from adserver.decision.rank import FEW, drawn, equals_of, in_turn
from adserver.decision.shortlist import shortlist
from adserver.decision.viewer import Viewer
from adserver.model.account import Accounts, Advertiser, Campaign, Placement, Publisher
from adserver.model.cap import Cap, Level
from adserver.model.line_item import Bid, BidModel, Budget, Daypart, Device, ExcludePurchased, LineItem, PurchaseScope
from adserver.model.profile import EPOCH, Profile, Shopping, Window
from adserver.model.rates import Rates
from adserver.model.reason import LineItemReason
from adserver.model.status import Status
from tests.decisions import SIZES, viewer_of

NOW = 1_800_000_000
DAY = 86_400
SHOPS = ("acme", "bolt", "coda")
PLACEMENTS = ("one", "two", "tall")
PUBLISHERS = ("daily", "rival")

LAW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])

STATUS = st.sampled_from((Status.ACTIVE, Status.ACTIVE, Status.ACTIVE, Status.PAUSED))


def some(*values: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    """Mostly none of them."""
    return st.one_of(st.just(()), st.lists(st.sampled_from(values), max_size=2, unique=True).map(tuple))


CAPS = st.lists(
    st.builds(Cap, st.integers(1, 4), st.sampled_from((60, 3_600, DAY)), st.sampled_from(tuple(Level))),
    max_size=2,
    unique_by=lambda cap: (cap.per, cap.window_s),
).map(tuple)

LINE_ITEMS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "campaign": st.sampled_from(SHOPS),
        "creative": st.sampled_from(("grid", "cart", "tower", "grid", "house")),
        "status": STATUS,
        "creatives": some("cart", "tower"),
        "priority": st.sampled_from((10, 20)),
        "weight": st.integers(1, 5),
        "start": st.sampled_from((0, 0, NOW, NOW + 1)),
        "end": st.sampled_from((0, 0, NOW, NOW - 1)),
        "dayparts": st.one_of(st.just(()), st.just((Daypart((4,), 0, 600),))),
        "devices": some(*Device),
        "geo": some("DE", "AT-9"),
        "placements": some(*PLACEMENTS),
        "publishers": some(*PUBLISHERS),
        "exclude_page_categories": some("war", "sport"),
        "segment": st.sampled_from(("", "", "product_viewer", "cart_abandoner", "big")),
        "exclude_segments": some("past_buyer", "big"),
        "include_lists": some("club"),
        "exclude_lists": some("staff"),
        "experiment": st.sampled_from(("", "", "layout")),
        "arm": st.just("a"),
        "bid": st.one_of(
            st.none(),
            st.builds(Bid, model=st.sampled_from(tuple(BidModel)), amount=st.sampled_from((10**6, 4 * 10**6))),
        ),
        "budget": st.one_of(st.none(), st.just(Budget(total=10**9))),
        "caps": CAPS,
        "min_gap_s": st.sampled_from((0, 0, 30)),
        "exclude_purchased": st.builds(
            ExcludePurchased, scope=st.sampled_from(tuple(PurchaseScope)), days=st.sampled_from((1, 30))
        ),
    }
)


@st.composite
def accounts(draw: st.DrawFn) -> Accounts:
    items = draw(st.lists(LINE_ITEMS, min_size=1, max_size=9))
    return Accounts(
        advertisers={
            name: Advertiser(
                id=name, name=name, domains=(f"{name}.test",), currency="EUR", locale="en", caps=draw(CAPS), ref=ref
            )
            for ref, name in enumerate(SHOPS, 1)
        },
        campaigns={name: Campaign(id=name, advertiser=name, status=draw(STATUS), caps=draw(CAPS)) for name in SHOPS},
        line_items={f"item{n}": LineItem(id=f"item{n}", ref=n, **item) for n, item in enumerate(items, 1)},
        publishers={
            name: Publisher(id=name, name=name, domains=(), exclude_advertisers=draw(some(*SHOPS)))
            for name in PUBLISHERS
        },
        placements={
            "one": Placement(id="one", publisher="daily", size="300x250"),
            "two": Placement(id="two", publisher="rival", size="300x250"),
            "tall": Placement(id="tall", publisher="daily", size="160x600"),
        },
    )


TIMES = st.dictionaries(st.sampled_from("xyz"), st.integers(0, 40 * DAY).map(lambda ago: NOW - EPOCH - ago), max_size=2)
SHOPPING = st.builds(Shopping, viewed=TIMES, carted=TIMES, bought=TIMES, visited_at=st.sampled_from((0, NOW - EPOCH)))
WINDOWS = st.lists(
    st.builds(
        Window,
        st.sampled_from((30, 60, 3_600, DAY)),
        st.integers(0, 4_000).map(lambda ago: NOW - EPOCH - ago),
        st.integers(1, 4),
    ),
    max_size=4,
    unique_by=lambda window: window.window_s,
).map(tuple)
COUNTERS = [f"a{n}" for n in (1, 2, 3)] + [f"g{name}" for name in SHOPS] + [f"f{n}" for n in range(1, 13)]
PROFILES = st.builds(
    Profile,
    st.dictionaries(st.integers(1, 4), SHOPPING, max_size=3),
    st.dictionaries(st.sampled_from(COUNTERS), WINDOWS, max_size=8),
)
REQUESTS = st.fixed_dictionaries(
    {
        "refuses": some(*SHOPS),
        "segments": some("big"),
        "lists": some("club", "staff"),
        "arms": st.sampled_from(({}, {"layout": "a"}, {"layout": "b"})),
        "device": st.sampled_from(tuple(Device)),
        "geo": some("DE", "AT-9"),
        "categories": some("war", "Sport"),
        "stale": some(*SHOPS),
        "broke": st.dictionaries(
            st.integers(1, 12).map(lambda n: f"item{n}"), st.sampled_from(("pacing", "total_budget")), max_size=3
        ),
    }
)


def listed(known: Accounts, placement: str, viewer: Viewer, seed: int) -> list[str]:
    entry = build_index(known, SIZES).placements[placement]
    found = shortlist(entry, viewer, Rates(), random.Random(seed).random).candidates
    return [booking.line_item.id for booking in found]


def told(known: Accounts, placement: str, viewer: Viewer, seed: int) -> dict[str, str]:
    explained = explain(
        known,
        known.placements[placement],
        viewer,
        creative_sizes=SIZES,
        rates=Rates(),
        rng=random.Random(seed).random,
    )
    return {line.line_item: line.reason for line in explained}


CASES = (accounts(), st.sampled_from(PLACEMENTS), PROFILES, REQUESTS, st.integers(0, 99))


@given(*CASES)
@LAW
def test_who_is_listed_is_eligible_and_who_is_eligible_is_listed(
    known: Accounts, placement: str, profile: Profile, request: Mapping[str, Any], seed: int
) -> None:
    viewer = viewer_of(known, profile, NOW, request)
    candidates = listed(known, placement, viewer, seed)
    reasons = told(known, placement, viewer, seed)
    eligible = {CHOSEN, LineItemReason.OUTRANKED.label}
    assert set(candidates) == {name for name, reason in reasons.items() if reason in eligible}
    assert [name for name, reason in reasons.items() if reason == CHOSEN] == candidates[:1]


@given(*CASES, st.randoms(use_true_random=False))
@LAW
def test_the_order_in_which_line_items_were_written_changes_nothing(
    known: Accounts, placement: str, profile: Profile, request: Mapping[str, Any], seed: int, mixed: random.Random
) -> None:
    viewer = viewer_of(known, profile, NOW, request)
    items = list(known.line_items.items())
    mixed.shuffle(items)
    others = replace(known, line_items=dict(items))
    assert listed(known, placement, viewer, seed) == listed(others, placement, viewer, seed)


@given(*CASES)
@LAW
def test_without_those_who_are_not_eligible_nothing_changes(
    known: Accounts, placement: str, profile: Profile, request: Mapping[str, Any], seed: int
) -> None:
    viewer = viewer_of(known, profile, NOW, request)
    candidates = listed(known, placement, viewer, seed)
    left = {name: item for name, item in known.line_items.items() if name in candidates}
    assert listed(replace(known, line_items=left), placement, viewer, seed) == candidates


@given(accounts())
@LAW
def test_the_index_has_who_has_no_static_reason(known: Accounts) -> None:
    index = build_index(known, SIZES)
    for placement in known.placements.values():
        publisher = known.publishers[placement.publisher]
        reasons = {
            item.id: static_reason(item, known.campaigns[item.campaign], placement, publisher, SIZES)
            for item in known.line_items.values()
        }
        entry = index.placements[placement.id]
        bookings = [booking.line_item.id for booking in entry.bookings]
        assert set(bookings) == {name for name, reason in reasons.items() if reason is None}
        assert len(bookings) == len(set(bookings))
        house = {booking.line_item.id for booking in entry.house}
        assert house == {name for name, reason in reasons.items() if reason is LineItemReason.HOUSE}
        of_advertisers = [booking for theirs in entry.by_advertiser.values() for booking in theirs]
        assert sorted(booking.line_item.id for booking in of_advertisers) == sorted(bookings)


@given(accounts(), st.integers(-2, 2))
@LAW
def test_what_is_live_is_what_runs_now_however_often_it_is_asked(known: Accounts, later: int) -> None:
    for entry in build_index(known, SIZES).placements.values():
        for now in (NOW, NOW + later, NOW + 2 * later):
            live = entry.live(now)
            running = {b.line_item.id for b in entry.bookings if time_reason(b, now) is None}
            assert {booking.line_item.id for booking in live.bookings} == running
            theirs = {booking.line_item.id for some in live.by_advertiser.values() for booking in some}
            assert theirs == running


@given(*CASES)
@LAW
def test_a_line_item_that_is_alone_and_free_of_everything_is_always_shown(
    known: Accounts, placement: str, profile: Profile, request: Mapping[str, Any], seed: int
) -> None:
    known_at_acme = profile._replace(shopping={1: Shopping(visited_at=1), **profile.shopping})
    alone = LineItem(id="alone", campaign="acme", creative="grid", creatives=("tower",), priority=0, ref=99)
    free = replace(
        known,
        line_items={"alone": alone},
        advertisers={**known.advertisers, "acme": replace(known.advertisers["acme"], caps=())},
        campaigns={**known.campaigns, "acme": Campaign(id="acme", advertiser="acme")},
        publishers={name: replace(site, exclude_advertisers=()) for name, site in known.publishers.items()},
    )
    viewer = viewer_of(free, known_at_acme, NOW, {**request, "refuses": ()})
    assert listed(free, placement, viewer, seed) == ["alone"]


def equals(*weights: int) -> list[Booking]:
    advertiser = Advertiser(id="a", name="a", domains=(), currency="EUR", locale="en", ref=1)
    campaign = Campaign(id="c", advertiser="a")
    return [
        Booking(LineItem(id=f"item{n}", campaign="c", creative="grid", weight=weight, ref=n), campaign, advertiser)
        for n, weight in enumerate(weights)
    ]


def chi_square(found: Counter[Any], expected: Mapping[Any, float]) -> float:
    return sum((found[name] - share) ** 2 / share for name, share in expected.items())


ONE_IN_A_THOUSAND = {1: 10.83, 4: 18.47, 5: 20.52}
"""What chi-square passes once in a thousand times, by degrees of freedom."""


def test_equal_weights_have_equal_shares_of_every_place() -> None:
    rng = random.Random(7).random
    bookings = equals(1, 1, 1, 1, 1)
    orders = [[booking.line_item.ref for booking in drawn(bookings, rng)] for _ in range(20_000)]
    for place in range(5):
        found = Counter(order[place] for order in orders)
        assert chi_square(found, dict.fromkeys(range(5), 4_000)) < ONE_IN_A_THOUSAND[4]


def test_every_order_of_equals_is_as_likely_as_any_other() -> None:
    rng = random.Random(8).random
    bookings = equals(3, 3, 3)
    found = Counter(tuple(booking.line_item.ref for booking in drawn(bookings, rng)) for _ in range(12_000))
    assert chi_square(found, dict.fromkeys(found, 2_000)) < ONE_IN_A_THOUSAND[5]
    assert len(found) == 6


def test_weights_of_one_and_three_have_shares_of_one_and_three() -> None:
    rng = random.Random(9).random
    bookings = equals(1, 3)
    found = Counter(drawn(bookings, rng)[0].line_item.ref for _ in range(40_000))
    assert chi_square(found, {0: 10_000, 1: 30_000}) < ONE_IN_A_THOUSAND[1]


def test_the_second_place_is_drawn_by_weight_among_those_that_are_left() -> None:
    rng = random.Random(10).random
    bookings = equals(1, 2, 3)
    found = Counter(tuple(b.line_item.ref for b in drawn(bookings, rng)[:2]) for _ in range(60_000))
    expected = {
        (first, second): 60_000 * (first + 1) / 6 * (second + 1) / (6 - first - 1)
        for first in range(3)
        for second in range(3)
        if first != second
    }
    assert chi_square(found, expected) < ONE_IN_A_THOUSAND[5]


def test_of_very_many_equals_one_after_the_other_is_drawn_by_weight() -> None:
    """Where not all of them are looked at: every second one is not eligible, and the last half weighs twice."""
    count = 2 * FEW
    (group,) = equals_of(equals(*[1 if n < FEW else 2 for n in range(count)]), Rates())
    rng = random.Random(11).random
    looked = 0

    def is_eligible(booking: Booking) -> bool:
        nonlocal looked
        looked += 1
        return booking.line_item.ref % 2 == 0

    found: Counter[int] = Counter()
    for _ in range(9_000):
        first, second, *_ = islice(in_turn([group], is_eligible, rng), 2)
        assert first is not second
        found[first.line_item.ref * 4 // count] += 1
    assert chi_square(found, {0: 1_500, 1: 1_500, 2: 3_000, 3: 3_000}) < ONE_IN_A_THOUSAND[4]
    assert looked < 9_000 * 6


def test_of_very_many_equals_everybody_comes_once() -> None:
    bookings = equals(*[1 + n % 3 for n in range(2 * FEW)])
    order = list(in_turn(equals_of(bookings, Rates()), lambda _: True, random.Random(12).random))
    assert sorted(booking.line_item.ref for booking in order) == list(range(2 * FEW))


ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC", "Africa/Casablanca")


@pytest.mark.parametrize("zone", ZONES)
@given(
    st.integers(0, 2 * 365 * 24 * 60).map(lambda minutes: NOW + minutes * 60),
    st.integers(0, 1_439),
    st.integers(1, 1_440),
    st.sets(st.integers(0, 6), min_size=1),
)
@settings(max_examples=60, deadline=None)
def test_a_daypart_goes_by_the_clock_on_the_wall(zone: str, now: int, begin: int, length: int, days: set[int]) -> None:
    """Also where it is remembered until when nothing changes, and an hour comes twice or not at all."""
    part = Daypart(tuple(sorted(days)), begin, min(1_440, begin + length))
    hours = Hours((part,), zone)
    for moment in (now, hours.next_look(now) - 1, hours.next_look(now), hours.next_look(now) + 1):
        local = datetime.fromtimestamp(moment, ZoneInfo(zone))
        minute = local.hour * 60 + local.minute
        assert hours.is_on(moment) == (local.weekday() in days and part.from_minute <= minute < part.to_minute)


@pytest.mark.parametrize("day", ["2026-03-28", "2026-03-29", "2026-10-24", "2026-10-25", "2026-06-01"])
def test_every_second_around_an_edge_when_the_clock_is_changed(day: str) -> None:
    """One look after the other, as requests come in."""
    zone = ZoneInfo("Europe/Berlin")
    begin = int(datetime.fromisoformat(day).replace(tzinfo=zone).timestamp())
    hours = Hours((Daypart((0, 1, 2, 3, 4, 5, 6), 150, 210),), "Europe/Berlin")  # from 02:30 to 03:30
    for moment in range(begin, begin + 26 * 3_600, 1_800):
        for second in (moment - 1, moment, moment + 1):
            local = datetime.fromtimestamp(second, zone)
            assert hours.is_on(second) == (timedelta(minutes=150) <= _since_midnight(local) < timedelta(minutes=210))


def _since_midnight(local: datetime) -> timedelta:
    return timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)


@pytest.mark.parametrize("edge", ["start", "end"])
def test_the_first_and_the_last_second_belong_to_it(edge: str) -> None:
    (booking,) = equals(1)
    dates: dict[str, Any] = {edge: NOW}
    dated = replace(booking, line_item=replace(booking.line_item, **dates))
    runs = {offset: time_reason(dated, NOW + offset) for offset in (-1, 0, 1)}
    if edge == "start":
        assert runs == {-1: LineItemReason.NOT_STARTED, 0: None, 1: None}
    else:
        assert runs == {-1: None, 0: None, 1: LineItemReason.ENDED}
