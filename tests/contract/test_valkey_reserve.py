"""What ads take of one visitor: atomically, in windows that begin with the first ad in them, given back when unseen."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest

from adserver.model.account import Advertiser
from adserver.model.cap import Level
from adserver.model.event import Event
from adserver.model.event_name import EventName
from adserver.model.profile import (
    EPOCH,
    GHOST,
    TREATED,
    Claim,
    Count,
    Exposure,
    Profile,
    Reserved,
    Window,
    counter_of,
    fatigue_counter,
    met_by,
)
from adserver.storage.valkey import keys
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.visitors import MAX_ENTRIES, MAX_FREQUENCIES, ValkeyVisitors
from tests.contract.claims_race import race
from tests.contract.hot_link import hot_to

pytest_plugins = ["tests.contract.valkey_server", "tests.contract.redis_server"]
pytestmark = pytest.mark.anyio

NOW = 1_790_000_000.0
SINCE = int(NOW) - EPOCH
DAY_S = 86_400
RETENTION_S = 90 * DAY_S
NEW_S = 3_600
ANNA = "annaannaannaannaannaan"
UNLIMITED = 1_000_000


def claim(ref: int, *limits: tuple[int, int]) -> Claim:
    """An ad of one line item, counted for good."""
    return Claim((Count(f"f{ref}", limits),) if limits else ())


def pending(decision: str, *counts: Count, seen_within_s: int = 60, now: float = NOW) -> Claim:
    """An ad that has to be seen."""
    return Claim(counts, decision, int(now) - EPOCH + seen_within_s)


def view(product: str) -> Event:
    shop = Advertiser(id="shop", name="Shop", domains=("shop.test",), currency="EUR", locale="de_DE", ref=7)
    return Event(name=EventName.VIEW_ITEM, advertiser=shop, products=(product,))


@pytest.fixture(params=["valkey", "redis"])
def valkey_url(request: pytest.FixtureRequest, valkey_url: str) -> str:
    return valkey_url if request.param == "valkey" else str(request.getfixturevalue("redis_url"))


@pytest.fixture
async def visitors(valkey_url: str, valkey: Valkey) -> AsyncIterator[ValkeyVisitors]:
    async with hot_to(valkey_url) as hot:
        yield ValkeyVisitors(hot, retention_s=RETENTION_S, new_visitor_s=NEW_S)


async def place_of(visitors: ValkeyVisitors, claims: Sequence[Claim], moment: float = 0) -> int:
    return (await visitors.reserve(ANNA, claims, NOW + moment)).place


async def reserve_all(visitors: ValkeyVisitors, claims: Sequence[Claim], moments: Sequence[float]) -> list[int]:
    return [await place_of(visitors, claims, moment) for moment in moments]


async def read(visitors: ValkeyVisitors, moment: float = 0) -> Profile:
    return await visitors.read_visitor(ANNA, NOW + moment)


async def count_of(visitors: ValkeyVisitors, counter: str, moment: float = 0) -> int:
    """Ads in the only window of a counter."""
    windows = (await read(visitors, moment)).frequency.get(counter, ())
    return sum(window.count for window in windows)


LEVELS = [
    counter_of(Level.ADVERTISER, 7),
    counter_of(Level.CAMPAIGN, "acme-summer"),
    counter_of(Level.LINE_ITEM, 12),
    counter_of(Level.PRODUCT, 7, "SKU:1"),
]


@pytest.mark.parametrize("capped", [*LEVELS, "together"])
async def test_of_two_hundred_at_once_exactly_the_cap_wins(valkey: Valkey, valkey_url: str, capped: str) -> None:
    """At each level, where the others have room; and where several windows of several levels have to hold together."""
    wide = dict.fromkeys(LEVELS, ((9, 3_600), (50, DAY_S)))
    full = {capped: ((6, 3_600), (5, DAY_S))}
    if capped == "together":
        full = {name: ((5 + n, 60), (8 - n, DAY_S)) for n, name in enumerate(LEVELS)}
    claims = [
        Claim(tuple(Count(name, limits) for name, limits in (wide | full).items()), "decision", SINCE + 60),
        claim(2, (7, 3_600), (3, 60)),
    ]
    async with AsyncExitStack() as stack:
        workers = []
        for _ in range(4):
            hot = await stack.enter_async_context(hot_to(valkey_url))
            workers.append(ValkeyVisitors(hot, retention_s=RETENTION_S, new_visitor_s=NEW_S))
        reserved = await asyncio.gather(*(workers[n % 4].reserve(ANNA, claims, NOW) for n in range(200)))
        counted = await count_of(workers[0], LEVELS[0])
    places = [one.place for one in reserved]
    assert (places.count(0), places.count(1), places.count(-1)) == (5, 3, 192)
    assert counted == 10  # five in each of two windows


async def test_every_cap_has_to_hold(visitors: ValkeyVisitors) -> None:
    claims = [claim(1, (2, 60), (3, 3_600))]
    assert await reserve_all(visitors, claims, [0, 1, 2, 60, 61, 3_599, 3_600]) == [0, 0, -1, 0, -1, -1, 0]


async def test_a_window_begins_with_the_first_ad_in_it(visitors: ValkeyVisitors) -> None:
    claims = [claim(1, (2, 100))]
    moments = [0, 99, 99, 100, 150, 199, 250, 349]
    assert await reserve_all(visitors, claims, moments) == [0, 0, -1, 0, 0, -1, 0, 0]
    assert (await read(visitors)).frequency == {"f1": (Window(100, SINCE + 250, 2),)}


@pytest.mark.parametrize("window_s", [60, 3_600, 180 * DAY_S])
async def test_a_window_ends_to_the_second(visitors: ValkeyVisitors, window_s: int) -> None:
    claims = [claim(1, (1, window_s))]
    assert await reserve_all(visitors, claims, [0, window_s - 1, window_s, window_s + 1]) == [0, -1, 0, -1]


async def test_a_gap_is_a_limit_of_one(visitors: ValkeyVisitors) -> None:
    claims = [claim(1, (1, 30), (3, DAY_S))]
    assert await reserve_all(visitors, claims, [0, 29, 30, 59, 60, 90]) == [0, -1, 0, -1, 0, -1]


async def test_only_the_claim_that_won_is_counted(visitors: ValkeyVisitors) -> None:
    claims = [claim(1, (1, 60), (9, 3_600)), claim(2, (1, DAY_S)), claim(3, (1, 60))]
    assert await reserve_all(visitors, claims, [0, 1, 2, 3]) == [0, 1, 2, -1]
    assert (await read(visitors)).frequency == {
        "f1": (Window(60, SINCE, 1), Window(3_600, SINCE, 1)),
        "f2": (Window(DAY_S, SINCE + 1, 1),),
        "f3": (Window(60, SINCE + 2, 1),),
    }


async def test_one_full_counter_leaves_the_others_of_its_claim_alone(visitors: ValkeyVisitors) -> None:
    await visitors.reserve(ANNA, [Claim((Count("p7:A", ((1, 60),)),))], NOW)
    both = Claim((Count("a7", ((9, 60),)), Count("p7:A", ((1, 60),)), Count("p7:B", ((1, 60),))))
    assert await place_of(visitors, [both]) == -1
    assert set((await read(visitors)).frequency) == {"p7:A"}


async def test_a_claim_that_takes_nothing_always_holds(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    assert await visitors.reserve(ANNA, [], NOW) == Reserved(-1)
    assert await visitors.reserve(ANNA, [claim(1), claim(2, (1, 60))], NOW) == Reserved(0)
    assert await visitors.reserve(ANNA, [Claim((Count("f1", ()),), "d", SINCE + 60)], NOW) == Reserved(0)
    assert await valkey.redis.dbsize() == 0
    claims = [claim(2, (1, 60)), claim(1), claim(3, (1, 60))]
    assert await reserve_all(visitors, claims, [0, 0, 0]) == [0, 1, 1]


async def test_nothing_is_ever_shown_where_the_limit_is_none(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    assert await place_of(visitors, [claim(1, (0, 60))]) == -1
    assert await valkey.redis.dbsize() == 0


async def test_what_is_only_counted_refuses_nothing(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    counter = fatigue_counter(7, "A")
    await visitors.reserve(ANNA, [Claim((Count(counter, ((UNLIMITED, DAY_S),)),))], NOW)
    full = Window(DAY_S, SINCE, 65_534)
    packed = full.window_s.to_bytes(4) + full.started_at.to_bytes(4) + full.count.to_bytes(2)
    await valkey.redis.hset(keys.visitor(ANNA), counter, packed)
    claims = [Claim((Count(counter, ((UNLIMITED, DAY_S),)),))]
    assert await reserve_all(visitors, claims, [0, 1, 2]) == [0, 0, 0]
    assert (await read(visitors)).frequency == {counter: (Window(DAY_S, SINCE, 65_535),)}


async def test_a_click_takes_the_tiredness_away(visitors: ValkeyVisitors) -> None:
    counts = [Count(fatigue_counter(7, product), ((UNLIMITED, DAY_S),)) for product in ("A", "a:B")]
    await visitors.reserve(ANNA, [Claim((*counts, Count("p7:A", ((9, DAY_S),))))], NOW)
    await visitors.clicked(ANNA, 7, "A")
    assert set((await read(visitors)).frequency) == {"d7:a:B", "p7:A"}


async def test_what_was_counted_stays_when_a_cap_is_added_or_changed(visitors: ValkeyVisitors) -> None:
    await reserve_all(visitors, [claim(1, (5, 60))], [0, 1])
    assert await reserve_all(visitors, [claim(1, (9, 3_600), (3, 60))], [2, 3]) == [0, -1]
    assert (await read(visitors)).frequency == {"f1": (Window(3_600, SINCE + 2, 1), Window(60, SINCE, 3))}
    assert await place_of(visitors, [claim(1, (9, 3_600))], 4) == 0
    assert (await read(visitors)).frequency == {"f1": (Window(3_600, SINCE + 2, 2),)}


async def test_what_the_store_holds_may_be_any_bytes(visitors: ValkeyVisitors) -> None:
    lengths = [10, 13, 32, 255, 256, 2_592_000, 31_536_000]  # line ends, blanks, zero bytes
    claims = [claim(ref, *((ref, length) for length in lengths)) for ref in (1, 10, 13)]
    assert await reserve_all(visitors, claims, [0] * 24) == [0] + [1] * 10 + [2] * 13
    counts = {name: {window.count for window in windows} for name, windows in (await read(visitors)).frequency.items()}
    assert counts == {"f1": {1}, "f10": {10}, "f13": {13}}


A, P = Count("a7", ((5, DAY_S), (3, 3_600))), Count("p7:A", ((1, DAY_S),))


async def test_an_ad_nobody_saw_is_given_back_to_the_second(visitors: ValkeyVisitors) -> None:
    before = (await read(visitors)).frequency
    assert await place_of(visitors, [pending("first", A, P)]) == 0
    assert (await count_of(visitors, "p7:A", 59), await count_of(visitors, "a7", 59)) == (1, 2)
    assert (await read(visitors, 60)).frequency == before  # who only reads knows it as well
    assert await place_of(visitors, [pending("late", A, P, now=NOW + 59)], 59) == -1
    assert await place_of(visitors, [pending("second", A, P, now=NOW + 60)], 60) == 0
    assert (await read(visitors, 61)).frequency == {
        "a7": (Window(DAY_S, SINCE + 60, 1), Window(3_600, SINCE + 60, 1)),
        "p7:A": (Window(DAY_S, SINCE + 60, 1),),
    }


async def test_an_ad_that_was_seen_in_time_stays(visitors: ValkeyVisitors) -> None:
    await visitors.reserve(ANNA, [pending("decision-1", A, P)], NOW)
    assert await visitors.seen(ANNA, "decision-1") == 1
    assert await visitors.seen(ANNA, "decision-1") == 0  # again
    assert await visitors.seen(ANNA, "somebody-else") == 0
    assert await place_of(visitors, [pending("decision-2", A, P, now=NOW + 60)], 60) == -1
    assert await count_of(visitors, "p7:A", 3_600) == 1


async def test_an_ad_that_will_not_be_seen_is_given_back_at_once(visitors: ValkeyVisitors) -> None:
    before = (await read(visitors)).frequency
    assert await place_of(visitors, [pending("broken", A, P)]) == 0
    assert await visitors.unseen(ANNA, "somebody-else") == 0
    assert await visitors.unseen(ANNA, "broken") == 1
    assert await visitors.unseen(ANNA, "broken") == 0  # again
    assert (await read(visitors, 1)).frequency == before
    assert await place_of(visitors, [pending("shown", A, P, now=NOW + 1)], 1) == 0
    assert await visitors.seen(ANNA, "shown") == 1
    assert await visitors.unseen(ANNA, "shown") == 0  # it was
    assert await count_of(visitors, "p7:A", 2) == 1


async def test_each_gets_back_its_own(visitors: ValkeyVisitors) -> None:
    """Four ads of one counter in one window, two of them never seen, and one that took something else."""
    wide = Count("f1", ((9, DAY_S),))
    for number, decision in enumerate(["seen", "unseen", "still waits", "lost"]):
        within = 600 if decision == "still waits" else 60
        await visitors.reserve(ANNA, [pending(decision, wide, seen_within_s=within)], NOW + number)
    await visitors.reserve(ANNA, [pending("other", Count("f2", ((9, DAY_S),)))], NOW)
    await visitors.seen(ANNA, "seen")
    assert (await count_of(visitors, "f1", 59), await count_of(visitors, "f1", 70)) == (4, 2)
    await visitors.reserve(ANNA, [claim(3, (1, 60))], NOW + 70)
    assert (await read(visitors, 70)).frequency["f1"] == (Window(DAY_S, SINCE, 2),)
    assert (await count_of(visitors, "f2", 70), await count_of(visitors, "f1", 600)) == (0, 1)
    assert await visitors.seen(ANNA, "lost") == 0  # too late


async def test_what_is_given_back_was_taken_from_that_window(visitors: ValkeyVisitors) -> None:
    """The short window has ended and begun anew before the claim comes back: the new one keeps its ads."""
    both = Count("f1", ((9, 10), (9, DAY_S)))
    await visitors.reserve(ANNA, [pending("unseen", both)], NOW)
    await visitors.reserve(ANNA, [Claim((both,))], NOW + 10)
    expected = (Window(10, SINCE + 10, 1), Window(DAY_S, SINCE, 1))
    assert (await read(visitors, 60)).frequency == {"f1": expected}
    await visitors.reserve(ANNA, [claim(2, (1, 60))], NOW + 60)
    assert (await read(visitors)).frequency["f1"] == expected


async def test_numbers_of_claims_are_not_mixed_up(visitors: ValkeyVisitors) -> None:
    """A claim that was seen leaves its number in its counters; a later one that expires must not take it from there."""
    for number in range(40):
        await visitors.reserve(ANNA, [pending(f"{number}-seen", Count(f"f{number}", ((1, DAY_S),)))], NOW + number)
        await visitors.seen(ANNA, f"{number}-seen")
        lost = pending(f"{number}-lost", Count("f99", ((9, DAY_S),)), seen_within_s=number + 1)
        await visitors.reserve(ANNA, [lost], NOW + number)
    await visitors.reserve(ANNA, [claim(100, (1, 60))], NOW + 100)
    counts = {name: windows[0].count for name, windows in (await read(visitors, 100)).frequency.items()}
    assert counts == {f"f{number}": 1 for number in (*range(40), 100)}


async def test_of_many_that_wait_the_oldest_become_final(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    for number in range(20):
        await visitors.reserve(ANNA, [pending(f"{number:02}-decision", Count("f1", ((99, DAY_S),)))], NOW + number)
    waiting = await valkey.redis.hget(keys.visitor(ANNA), "q")
    assert isinstance(waiting, bytes)
    assert len(waiting) == 2 + 12 * 15
    assert (await count_of(visitors, "f1", 59), await count_of(visitors, "f1", 100)) == (20, 8)
    assert await visitors.seen(ANNA, "07-decision") == 0
    assert await visitors.seen(ANNA, "08-decision") == 1
    await visitors.reserve(ANNA, [claim(2, (1, 60))], NOW + 100)
    assert await count_of(visitors, "f1", 100) == 9


async def test_what_is_met_is_told_the_first_time_only(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    met = (("summer", TREATED), (met_by("colours"), "blue"))
    assert await visitors.reserve(ANNA, [Claim(met=met)], NOW) == Reserved(0, ("summer", "~colours"))
    assert RETENTION_S - 60 < await valkey.redis.ttl(keys.visitor(ANNA)) <= RETENTION_S
    again = Claim((Count("f1", ((1, 60),)),), met=(*met, ("winter", GHOST)))
    assert await visitors.reserve(ANNA, [again], NOW + 5) == Reserved(0, ("winter",))
    assert await visitors.reserve(ANNA, [again], NOW + 6) == Reserved(-1)
    assert (await read(visitors)).exposures == {
        "summer": Exposure(SINCE, TREATED),
        "~colours": Exposure(SINCE, "blue"),
        "winter": Exposure(SINCE + 5, GHOST),
    }


async def test_a_claim_that_lost_has_met_nobody(visitors: ValkeyVisitors) -> None:
    full = Claim((Count("f1", ((0, 60),)),), met=(("summer", TREATED),))
    assert await visitors.reserve(ANNA, [full, Claim(met=(("winter", GHOST),))], NOW) == Reserved(1, ("winter",))
    assert set((await read(visitors)).exposures) == {"winter"}


async def test_of_many_at_once_one_has_met_it_first(visitors: ValkeyVisitors) -> None:
    met = Claim(met=(("summer", TREATED),))
    reserved = await asyncio.gather(*(visitors.reserve(ANNA, [met], NOW) for _ in range(50)))
    assert sum(one.first == ("summer",) for one in reserved) == 1


async def test_purchases_count_for_what_was_met_before(visitors: ValkeyVisitors) -> None:
    await visitors.reserve(ANNA, [Claim(met=(("summer", TREATED), ("winter", GHOST)))], NOW)
    assert await visitors.converted(ANNA, [], NOW) == {}
    assert await visitors.converted(ANNA, ["summer", "spring"], NOW - 1) == {}
    expected = [{"summer": Exposure(SINCE, TREATED, nth)} for nth in (1, 2)]
    assert [await visitors.converted(ANNA, ["spring", "summer"], NOW + 9) for _ in range(2)] == expected
    assert (await read(visitors)).exposures["winter"] == Exposure(SINCE, GHOST, 0)
    assert await visitors.converted("nobody", ["summer"], NOW) == {}


async def test_an_unknown_visitor_is_forgotten_with_the_longest_window(
    visitors: ValkeyVisitors, valkey: Valkey
) -> None:
    await visitors.reserve(ANNA, [claim(1, (5, 60), (9, 600))], NOW)
    assert 600 - 30 < await valkey.redis.ttl(keys.visitor(ANNA)) <= 600
    await read(visitors)
    await visitors.reserve(ANNA, [claim(1, (5, 60), (9, 600))], NOW + 590)
    assert await valkey.redis.ttl(keys.visitor(ANNA)) <= 600


async def test_nothing_is_left_of_a_stranger_who_saw_nothing(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    assert await visitors.seen("nobody", "decision") == 0
    await visitors.clicked("nobody", 7, "A")
    assert await visitors.converted("nobody", ["summer"], NOW) == {}
    assert await valkey.redis.dbsize() == 0


async def test_a_profile_lives_as_long_as_its_longest_window(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    key = keys.visitor(ANNA)
    await visitors.record_event(ANNA, view("a"), NOW, returning=False)
    await visitors.reserve(ANNA, [claim(1, (5, 30 * DAY_S), (3, 60))], NOW)
    assert 30 * DAY_S - 60 < await valkey.redis.ttl(key) <= 30 * DAY_S
    await visitors.record_event(ANNA, view("b"), NOW, returning=False)
    await visitors.reserve(ANNA, [claim(2, (3, 60))], NOW)
    assert 30 * DAY_S - 60 < await valkey.redis.ttl(key) <= 30 * DAY_S
    await visitors.record_event(ANNA, view("b"), NOW, returning=True)
    await visitors.reserve(ANNA, [claim(1, (5, 30 * DAY_S), (3, 60))], NOW)
    assert RETENTION_S - 60 < await valkey.redis.ttl(key) <= RETENTION_S


async def test_counting_for_an_unknown_visitor_first_does_not_shorten_its_life(
    visitors: ValkeyVisitors, valkey: Valkey
) -> None:
    await visitors.reserve(ANNA, [claim(1, (5, 30 * DAY_S))], NOW)
    await visitors.record_event(ANNA, view("a"), NOW, returning=False)
    assert 30 * DAY_S - 60 < await valkey.redis.ttl(keys.visitor(ANNA)) <= 30 * DAY_S
    assert list((await read(visitors)).shopping[7].viewed) == ["a"]


async def test_no_flood_of_views_takes_frequency_away(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    claims = [claim(ref, (1, DAY_S)) for ref in range(1, 151)]
    await reserve_all(visitors, claims, [0.0] * 150)
    for number in range(600):
        await visitors.record_event(ANNA, view(f"flood-{number}"), NOW + number, returning=True)
    assert await place_of(visitors, claims, 600) == -1
    profile = await read(visitors)
    assert (len(profile.frequency), "flood-599" in profile.shopping[7].viewed) == (150, True)
    assert MAX_ENTRIES * 3 // 4 < len(profile.shopping[7].viewed) <= MAX_ENTRIES
    assert await valkey.redis.hlen(keys.visitor(ANNA)) < 512


async def test_of_many_counters_the_ended_go_first_and_then_the_oldest(visitors: ValkeyVisitors) -> None:
    long = [claim(ref, (9, DAY_S)) for ref in range(1_000, 1_000 + MAX_FREQUENCIES - 4)]
    short = [claim(ref, (9, 60)) for ref in range(1, 5)]
    for number, one in enumerate([*long, *short]):
        await visitors.reserve(ANNA, [one], NOW + number)
    assert len((await read(visitors)).frequency) == MAX_FREQUENCIES
    await visitors.reserve(ANNA, [claim(7, (9, 60))], NOW + 3_600)
    left = sorted(int(name[1:]) for name in (await read(visitors)).frequency)
    # An eighth more than needed went: the four that had ended, and those that began first.
    assert left == [7, *range(1_000 + MAX_FREQUENCIES // 8 + 1 - 4, 1_000 + MAX_FREQUENCIES - 4)]


async def test_what_was_met_and_what_rules_count_outlives_counters_of_products(visitors: ValkeyVisitors) -> None:
    await visitors.record_event(ANNA, view("a"), NOW, returning=True, happened=[("rule-one", 3)])
    await visitors.reserve(ANNA, [Claim((Count("f1", ((9, DAY_S),)),), met=(("summer", TREATED),))], NOW)
    for number in range(300):
        counts = (Count(f"p7:{number}", ((9, DAY_S),)), Count(f"d7:{number}", ((UNLIMITED, DAY_S),)))
        await visitors.reserve(ANNA, [Claim(counts)], NOW + 60 + number)
    profile = await read(visitors, 600)
    assert (set(profile.happened), set(profile.exposures)) == ({"rule-one"}, {"summer"})
    assert {"f1", "p7:299", "d7:299"} <= profile.frequency.keys()
    assert MAX_FREQUENCIES // 2 < len(profile.frequency) <= MAX_FREQUENCIES - 2


async def test_counters_without_end_keep_to_the_bound(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    await visitors.record_event(ANNA, view("a"), NOW, returning=True)
    for ref in range(1, 400):
        assert await reserve_all(visitors, [claim(ref, (1, DAY_S))], [0, 0]) == [0, -1]
        if ref % 20 == 0:
            assert len((await read(visitors)).frequency) <= MAX_FREQUENCIES
    assert list((await read(visitors)).shopping[7].viewed) == ["a"]


async def test_two_processes_share_what_there_is(visitors: ValkeyVisitors, valkey_url: str) -> None:
    won = await asyncio.to_thread(race, valkey_url, ANNA)
    assert sum(won) == 5
    assert (await read(visitors)).frequency["f12"] == (Window(3_600, SINCE, 5), Window(DAY_S, SINCE, 5))
