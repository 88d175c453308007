"""Frequency caps of one visitor: taken atomically, in windows that begin with the first ad in them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest

from adserver.model.account import Advertiser, Cap
from adserver.model.event import Event, EventName
from adserver.model.profile import EPOCH, Offer, Profile, Window
from adserver.storage.valkey import keys
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.visitors import MAX_ENTRIES, MAX_FREQUENCIES, ValkeyVisitors
from tests.contract.hot_link import hot_to

pytest_plugins = ["tests.contract.valkey_server", "tests.contract.redis_server"]
pytestmark = pytest.mark.anyio

NOW = 1_790_000_000.0
SINCE = int(NOW) - EPOCH
DAY_S = 86_400
RETENTION_S = 90 * DAY_S
NEW_S = 3_600
ANNA = "annaannaannaannaannaan"


def offer(ref: int, *caps: tuple[int, int]) -> Offer:
    return Offer(ref, tuple(Cap(*cap) for cap in caps))


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


async def reserve_all(visitors: ValkeyVisitors, offers: Sequence[Offer], moments: Sequence[float]) -> list[int]:
    return [await visitors.reserve(ANNA, offers, NOW + moment) for moment in moments]


async def test_of_two_hundred_at_once_exactly_the_cap_wins(valkey: Valkey, valkey_url: str) -> None:
    async with AsyncExitStack() as stack:
        workers = []
        for _ in range(4):
            hot = await stack.enter_async_context(hot_to(valkey_url))
            workers.append(ValkeyVisitors(hot, retention_s=RETENTION_S, new_visitor_s=NEW_S))
        offers = [offer(1, (5, DAY_S)), offer(2, (7, 3_600), (3, 60))]
        places = await asyncio.gather(*(workers[n % 4].reserve(ANNA, offers, NOW) for n in range(200)))
    assert (places.count(0), places.count(1), places.count(-1)) == (5, 3, 192)


async def test_every_cap_has_to_hold(visitors: ValkeyVisitors) -> None:
    offers = [offer(1, (2, 60), (3, 3_600))]
    assert await reserve_all(visitors, offers, [0, 1, 2, 60, 61, 3_599, 3_600]) == [0, 0, -1, 0, -1, -1, 0]


async def test_a_window_begins_with_the_first_ad_in_it(visitors: ValkeyVisitors) -> None:
    offers = [offer(1, (2, 100))]
    moments = [0, 99, 99, 100, 150, 199, 250, 349]
    assert await reserve_all(visitors, offers, moments) == [0, 0, -1, 0, 0, -1, 0, 0]
    assert (await visitors.read_visitor(ANNA)).frequency == {1: (Window(100, SINCE + 250, 2),)}


async def test_only_the_offer_that_won_is_counted(visitors: ValkeyVisitors) -> None:
    offers = [offer(1, (1, 60), (9, 3_600)), offer(2, (1, DAY_S)), offer(3, (1, 60))]
    assert await reserve_all(visitors, offers, [0, 1, 2, 3]) == [0, 1, 2, -1]
    assert (await visitors.read_visitor(ANNA)).frequency == {
        1: (Window(60, SINCE, 1), Window(3_600, SINCE, 1)),
        2: (Window(DAY_S, SINCE + 1, 1),),
        3: (Window(60, SINCE + 2, 1),),
    }


async def test_an_offer_without_caps_always_holds(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    assert await visitors.reserve(ANNA, [], NOW) == -1
    assert await visitors.reserve(ANNA, [offer(1), offer(2, (1, 60))], NOW) == 0
    assert await valkey.redis.dbsize() == 0
    offers = [offer(2, (1, 60)), offer(1), offer(3, (1, 60))]
    assert await reserve_all(visitors, offers, [0, 0, 0]) == [0, 1, 1]


async def test_nothing_is_ever_shown_where_the_limit_is_none(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    assert await visitors.reserve(ANNA, [offer(1, (0, 60))], NOW) == -1
    assert await valkey.redis.dbsize() == 0


async def test_what_was_counted_stays_when_a_cap_is_added_or_changed(visitors: ValkeyVisitors) -> None:
    await reserve_all(visitors, [offer(1, (5, 60))], [0, 1])
    assert await visitors.reserve(ANNA, [offer(1, (9, 3_600), (3, 60))], NOW + 2) == 0
    assert await visitors.reserve(ANNA, [offer(1, (9, 3_600), (3, 60))], NOW + 3) == -1
    assert (await visitors.read_visitor(ANNA)).frequency == {1: (Window(3_600, SINCE + 2, 1), Window(60, SINCE, 3))}
    assert await visitors.reserve(ANNA, [offer(1, (9, 3_600))], NOW + 4) == 0
    assert (await visitors.read_visitor(ANNA)).frequency == {1: (Window(3_600, SINCE + 2, 2),)}


async def test_what_the_store_holds_may_be_any_bytes(visitors: ValkeyVisitors) -> None:
    lengths = [10, 13, 32, 255, 256, 2_592_000, 31_536_000]  # line ends, blanks, zero bytes
    offers = [offer(ref, *((ref, length) for length in lengths)) for ref in (1, 10, 13)]
    assert await reserve_all(visitors, offers, [0] * 24) == [0] + [1] * 10 + [2] * 13
    counts = {ref: {window.count for window in windows} for ref, windows in (await read(visitors)).frequency.items()}
    assert counts == {1: {1}, 10: {10}, 13: {13}}


async def read(visitors: ValkeyVisitors) -> Profile:
    return await visitors.read_visitor(ANNA)


async def test_an_unknown_visitor_is_forgotten_with_the_longest_window(
    visitors: ValkeyVisitors, valkey: Valkey
) -> None:
    await visitors.reserve(ANNA, [offer(1, (5, 60), (9, 600))], NOW)
    assert 600 - 30 < await valkey.redis.ttl(keys.visitor(ANNA)) <= 600
    await visitors.read_visitor(ANNA)
    await visitors.reserve(ANNA, [offer(1, (5, 60), (9, 600))], NOW + 590)
    assert await valkey.redis.ttl(keys.visitor(ANNA)) <= 600


async def test_a_profile_lives_as_long_as_its_longest_window(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    key = keys.visitor(ANNA)
    await visitors.record_event(ANNA, view("a"), NOW, returning=False)
    await visitors.reserve(ANNA, [offer(1, (5, 30 * DAY_S), (3, 60))], NOW)
    assert 30 * DAY_S - 60 < await valkey.redis.ttl(key) <= 30 * DAY_S
    await visitors.record_event(ANNA, view("b"), NOW, returning=False)
    await visitors.reserve(ANNA, [offer(2, (3, 60))], NOW)
    assert 30 * DAY_S - 60 < await valkey.redis.ttl(key) <= 30 * DAY_S
    await visitors.record_event(ANNA, view("b"), NOW, returning=True)
    await visitors.reserve(ANNA, [offer(1, (5, 30 * DAY_S), (3, 60))], NOW)
    assert RETENTION_S - 60 < await valkey.redis.ttl(key) <= RETENTION_S


async def test_counting_for_an_unknown_visitor_first_does_not_shorten_its_life(
    visitors: ValkeyVisitors, valkey: Valkey
) -> None:
    await visitors.reserve(ANNA, [offer(1, (5, 30 * DAY_S))], NOW)
    await visitors.record_event(ANNA, view("a"), NOW, returning=False)
    assert 30 * DAY_S - 60 < await valkey.redis.ttl(keys.visitor(ANNA)) <= 30 * DAY_S
    assert list((await read(visitors)).shopping[7].viewed) == ["a"]


async def test_no_flood_of_views_takes_frequency_away(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    offers = [offer(ref, (1, DAY_S)) for ref in range(1, 61)]
    await reserve_all(visitors, offers, [0.0] * 60)
    for number in range(600):
        await visitors.record_event(ANNA, view(f"flood-{number}"), NOW + number, returning=True)
    assert await visitors.reserve(ANNA, offers, NOW + 600) == -1
    profile = await read(visitors)
    assert (len(profile.frequency), "flood-599" in profile.shopping[7].viewed) == (60, True)
    assert len(profile.shopping[7].viewed) > MAX_ENTRIES // 2
    assert await valkey.redis.hlen(keys.visitor(ANNA)) <= MAX_ENTRIES


async def test_of_many_line_items_the_ended_go_first_and_then_the_oldest(visitors: ValkeyVisitors) -> None:
    long = [offer(ref, (9, DAY_S)) for ref in range(100, 100 + MAX_FREQUENCIES - 4)]
    short = [offer(ref, (9, 60)) for ref in range(1, 5)]
    for number, one in enumerate([*long, *short]):
        await visitors.reserve(ANNA, [one], NOW + number)
    assert len((await read(visitors)).frequency) == MAX_FREQUENCIES
    await visitors.reserve(ANNA, [offer(7, (9, 60))], NOW + 3_600)
    left = sorted((await read(visitors)).frequency)
    # An eighth more than needed went: the four that had ended, and the five that began first.
    assert left == [7, *range(105, 160)]


async def test_line_items_without_end_keep_to_the_bound(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    await visitors.record_event(ANNA, view("a"), NOW, returning=True)
    for ref in range(1, 300):
        assert await visitors.reserve(ANNA, [offer(ref, (1, DAY_S))], NOW) == 0
        assert await visitors.reserve(ANNA, [offer(ref, (1, DAY_S))], NOW) == -1
        assert len((await read(visitors)).frequency) <= MAX_FREQUENCIES
    assert list((await read(visitors)).shopping[7].viewed) == ["a"]
