"""One visitor, one hash: order, what is forgotten first, and how long it lives."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adserver.audience.interest import interests
from adserver.model.account import Advertiser
from adserver.model.event import Event
from adserver.model.event_name import EventName
from adserver.model.profile import EPOCH, Claim, Count, Profile, Receipt, Shopping, Window
from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.valkey import keys
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.hot import Answer, Argument, Key
from adserver.storage.valkey.visitors import MAX_ENTRIES, ValkeyVisitors
from tests.contract.hot_link import hot_to

pytest_plugins = ["tests.contract.valkey_server", "tests.contract.redis_server"]
pytestmark = pytest.mark.anyio

NOW = 1_790_000_000.0
RETENTION_S = 90 * 86_400
NEW_S = 3_600
ANNA = "annaannaannaannaannaan"


def shop(ref: int = 7) -> Advertiser:
    return Advertiser(id=f"shop-{ref}", name="Shop", domains=("shop.test",), currency="EUR", locale="de_DE", ref=ref)


def event(name: EventName, *products: str, ref: int = 7) -> Event:
    return Event(name=name, advertiser=shop(ref), products=products)


def view(*products: str, ref: int = 7) -> Event:
    return event(EventName.VIEW_ITEM, *products, ref=ref)


@pytest.fixture(params=["valkey", "redis"])
def valkey_url(request: pytest.FixtureRequest, valkey_url: str) -> str:
    return valkey_url if request.param == "valkey" else str(request.getfixturevalue("redis_url"))


@pytest.fixture
async def visitors(valkey_url: str, valkey: Valkey) -> AsyncIterator[ValkeyVisitors]:
    async with hot_to(valkey_url) as hot:
        yield ValkeyVisitors(hot, retention_s=RETENTION_S, new_visitor_s=NEW_S)


async def shopping(visitors: ValkeyVisitors, ref: int = 7) -> Shopping:
    return (await visitors.read_visitor(ANNA, NOW)).shopping[ref]


async def test_a_key_that_is_no_hash_harms_nobody_else(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    await valkey.redis.set(keys.visitor("ben"), "no hash")
    both = [visitors.record_event(who, view("SKU1"), NOW, returning=True) for who in ("ben", ANNA)]
    refusal, kept = await asyncio.gather(*both, return_exceptions=True)
    assert isinstance(refusal, StoreUnavailable)
    assert (str(refusal), refusal.lasting) == ("Valkey refused: WRONGTYPE", True)
    assert kept == 2
    assert (await shopping(visitors)).viewed.keys() == {"SKU1"}


async def test_an_unknown_visitor_is_empty_and_stays_unwritten(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    assert await visitors.read_visitor(ANNA, NOW) == Profile()
    assert await valkey.redis.dbsize() == 0


async def test_a_hundred_events_within_one_second_keep_their_order(visitors: ValkeyVisitors) -> None:
    products = [f"p{number}" for number in range(100)]
    for product in products:
        await visitors.record_event(ANNA, view(product), NOW, returning=True)
    assert interests(await shopping(visitors)) == products[::-1]


async def test_order_is_that_of_arrival_when_the_clock_goes_back(visitors: ValkeyVisitors) -> None:
    for product, now in (("first", NOW), ("second", NOW - 3_600), ("third", NOW - 7_200)):
        await visitors.record_event(ANNA, view(product), now, returning=True)
    assert interests(await shopping(visitors)) == ["third", "second", "first"]


async def test_products_of_one_event_are_oldest_first(visitors: ValkeyVisitors) -> None:
    await visitors.record_event(ANNA, view("a", "b", "c"), NOW, returning=True)
    await visitors.record_event(ANNA, view("a"), NOW, returning=True)
    assert interests(await shopping(visitors)) == ["a", "c", "b"]


async def test_times_never_repeat_however_many_write_at_once(visitors: ValkeyVisitors) -> None:
    await asyncio.gather(*(visitors.record_event(ANNA, view(f"p{n}", f"q{n}"), NOW, returning=True) for n in range(60)))
    times = list((await shopping(visitors)).viewed.values())
    assert len(times) == len(set(times)) == 120


async def test_what_cart_purchase_and_refund_do(visitors: ValkeyVisitors) -> None:
    async def after(name: EventName, *products: str) -> tuple[set[str], set[str], set[str]]:
        await visitors.record_event(ANNA, event(name, *products), NOW, returning=True)
        known = await shopping(visitors)
        return set(known.viewed), set(known.carted), set(known.bought)

    assert await after(EventName.VIEW_ITEM, "a") == ({"a"}, set(), set())
    assert await after(EventName.ADD_TO_CART, "a", "b") == ({"a"}, {"a", "b"}, set())
    assert await after(EventName.REMOVE_FROM_CART, "b") == ({"a"}, {"a"}, set())
    assert await after(EventName.PURCHASE, "a") == ({"a"}, set(), {"a"})
    assert await after(EventName.REFUND, "a") == ({"a"}, set(), set())


async def test_events_without_products_only_say_that_the_visitor_was_there(visitors: ValkeyVisitors) -> None:
    await visitors.record_event(ANNA, event(EventName.PAGE_VIEW), NOW, returning=True)
    await visitors.record_event(ANNA, event(EventName.SEARCH, "a"), NOW + 5, returning=True)
    known = await shopping(visitors)
    assert (known.viewed, known.carted, known.bought) == ({}, {}, {})
    assert known.seen_at > 0


async def test_a_visitor_was_last_seen_with_or_without_a_product(visitors: ValkeyVisitors) -> None:
    begin = int(NOW) - EPOCH
    steps = [
        (EventName.PAGE_VIEW, ()),
        (EventName.VIEW_ITEM, ("a",)),
        (EventName.ADD_TO_CART, ("a",)),
        (EventName.REMOVE_FROM_CART, ("a",)),
        (EventName.PURCHASE, ("a", "b")),
        (EventName.REFUND, ("a", "b")),
        (EventName.PURCHASE, ()),
    ]
    for number, (name, products) in enumerate(steps):
        await visitors.record_event(ANNA, event(name, *products), NOW + number * 60, returning=True)
        assert (await shopping(visitors)).seen_at in range(begin + number * 60, begin + number * 60 + 2)


async def test_advertisers_are_apart_and_ids_may_hold_anything(visitors: ValkeyVisitors) -> None:
    odd = ["a:b", "7:a", ":", "\"'\\", "größe 42", "鞋", "x" * 240, "0", "-1"]
    await visitors.record_event(ANNA, view(*odd), NOW, returning=True)
    await visitors.record_event(ANNA, view("other", ref=77), NOW, returning=True)
    assert interests(await shopping(visitors)) == odd[::-1]
    assert interests(await shopping(visitors, 77)) == ["other"]


async def test_cart_and_purchase_outlive_a_flood_of_views(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    await visitors.record_event(ANNA, event(EventName.ADD_TO_CART, "carted"), NOW, returning=True)
    await visitors.record_event(ANNA, event(EventName.PURCHASE, "bought"), NOW, returning=True)
    for number in range(2_000):
        await visitors.record_event(ANNA, view(f"flood-{number}"), NOW + number, returning=True)
        if number % 25 == 0:
            assert await valkey.redis.hlen(keys.visitor(ANNA)) <= MAX_ENTRIES + 1  # the newest time
    known = await shopping(visitors)
    assert ("carted" in known.carted, "bought" in known.bought) == (True, True)
    assert await valkey.redis.hlen(keys.visitor(ANNA)) <= MAX_ENTRIES + 1  # the newest time
    # What is left of the views is the newest of them, without a gap.
    kept = interests(known)[:-1]
    assert kept == [f"flood-{number}" for number in range(1_999, 1_999 - len(kept), -1)]
    assert len(kept) > MAX_ENTRIES // 2


async def test_a_full_profile_is_still_one_compact_piece(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    dice = random.Random(5)
    for number in range(300):
        product = f"{number}-" + "".join(dice.choices("abcdefgh", k=235))
        await visitors.record_event(ANNA, view(product), NOW, returning=True)
    assert await valkey.redis.object("ENCODING", keys.visitor(ANNA)) == b"listpack"


async def test_a_new_id_lives_short_until_its_cookie_comes_back(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    await visitors.record_event(ANNA, view("a"), NOW, returning=False)
    assert NEW_S - 60 < await valkey.redis.ttl(keys.visitor(ANNA)) <= NEW_S
    await visitors.record_event(ANNA, view("b"), NOW, returning=True)
    assert RETENTION_S - 60 < await valkey.redis.ttl(keys.visitor(ANNA)) <= RETENTION_S


async def test_an_ad_shows_that_the_cookie_came_back(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    await visitors.record_event(ANNA, view("a"), NOW, returning=False)
    await visitors.read_visitor(ANNA, NOW)
    assert RETENTION_S - 60 < await valkey.redis.ttl(keys.visitor(ANNA)) <= RETENTION_S


async def test_looking_does_not_prolong_the_retention(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    await visitors.record_event(ANNA, view("a"), NOW, returning=True)
    await valkey.redis.expire(keys.visitor(ANNA), 40 * 86_400)
    await visitors.read_visitor(ANNA, NOW)
    assert await valkey.redis.ttl(keys.visitor(ANNA)) <= 40 * 86_400


async def test_a_flood_of_carts_does_not_keep_views_out(visitors: ValkeyVisitors) -> None:
    for number in range(300):
        cart = event(EventName.ADD_TO_CART, f"cart-{number}")
        await visitors.record_event(ANNA, cart, NOW + number, returning=True)
    for number in range(3):
        await visitors.record_event(ANNA, view(f"view-{number}"), NOW + 300 + number, returning=True)
    found = await shopping(visitors)
    assert sorted(found.viewed) == ["view-0", "view-1", "view-2"]
    assert "cart-299" in found.carted
    assert len(found.viewed) + len(found.carted) <= MAX_ENTRIES


async def test_the_receipt_says_since_when(visitors: ValkeyVisitors) -> None:
    async def after(receipt: bytes, now: float) -> Receipt | None:
        await visitors.record_event(ANNA, view("a"), now, returning=True, receipt=receipt)
        return (await visitors.read_visitor(ANNA, NOW)).receipt

    begin = int(NOW) - EPOCH
    assert await after(b"", NOW) is None
    assert await after(b"t:1-7", NOW + 10) == Receipt(begin + 10, b"t:1-7")
    assert await after(b"t:1-7", NOW + 20) == Receipt(begin + 10, b"t:1-7")
    assert await after(b"", NOW + 30) == Receipt(begin + 10, b"t:1-7")
    assert await after(b"\x00\n\xff", NOW + 40) == Receipt(begin + 40, b"\x00\n\xff")
    assert await after(b"t:1-7", NOW + 50) == Receipt(begin + 50, b"t:1-7")


async def test_the_receipt_comes_with_any_event(visitors: ValkeyVisitors) -> None:
    await visitors.record_event(ANNA, event(EventName.PAGE_VIEW), NOW, returning=False, receipt=b"d")
    await visitors.record_event(ANNA, view("a", "b"), NOW, returning=True, receipt=b"d")
    profile = await visitors.read_visitor(ANNA, NOW)
    assert profile.receipt == Receipt(int(NOW) - EPOCH, b"d")
    assert interests(profile.shopping[7]) == ["b", "a"]


async def test_the_retention_begins_anew_with_every_day_of_events(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    await visitors.record_event(ANNA, view("a"), NOW, returning=True)
    for day in range(1, 6):
        await valkey.redis.expire(keys.visitor(ANNA), RETENTION_S - 86_400)  # a day has gone
        await visitors.record_event(ANNA, view("a"), NOW + day * 86_400, returning=True)
        assert RETENTION_S * 0.99 - 60 < await valkey.redis.ttl(keys.visitor(ANNA)) <= RETENTION_S


async def test_events_of_a_new_id_keep_their_order_and_its_short_life(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    for product in "abc":
        await visitors.record_event(ANNA, view(product), NOW, returning=False)
    assert NEW_S - 60 < await valkey.redis.ttl(keys.visitor(ANNA)) <= NEW_S
    await visitors.record_event(ANNA, view("d", "e"), NOW, returning=True)
    assert interests(await shopping(visitors)) == ["e", "d", "c", "b", "a"]


async def test_a_second_new_id_claim_does_not_shorten_a_known_visitors_life(
    visitors: ValkeyVisitors, valkey: Valkey
) -> None:
    await visitors.record_event(ANNA, view("a"), NOW, returning=True)
    await visitors.record_event(ANNA, view("b"), NOW + 5, returning=False)
    assert RETENTION_S - 60 < await valkey.redis.ttl(keys.visitor(ANNA)) <= RETENTION_S


async def test_a_new_id_is_kept_once_and_nobody_else(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    key = keys.visitor(ANNA)
    assert await valkey.call("keep_visitor", key, RETENTION_S) == 0
    await visitors.record_event(ANNA, view("a"), NOW, returning=False)
    assert [await valkey.call("keep_visitor", key, RETENTION_S) for _ in range(2)] == [1, 0]
    assert RETENTION_S - 60 < await valkey.redis.ttl(key) <= RETENTION_S
    assert interests(await shopping(visitors)) == ["a"]


async def test_views_of_a_product_are_counted_up_to_four(visitors: ValkeyVisitors) -> None:
    for number, product in enumerate("abaabaaabc"):
        await visitors.record_event(ANNA, view(product), NOW + number, returning=True, receipt=b"d")
    known = await shopping(visitors)
    assert known.views == {"a": 4, "b": 3}
    assert interests(known) == ["c", "b", "a"]
    begin = int(NOW) - EPOCH
    assert known.viewed == {"a": begin + 7, "b": begin + 8, "c": begin + 9}
    await visitors.record_event(ANNA, view("c", "d", "c2"), NOW + 20, returning=True)
    known = await shopping(visitors)
    assert (known.views, known.viewed["c"]) == ({"a": 4, "b": 3, "c": 2}, begin + 20)


async def test_products_often_viewed_are_no_younger_than_others(visitors: ValkeyVisitors) -> None:
    for number in range(4):
        await visitors.record_event(ANNA, view("often"), NOW + number, returning=True)
    for number in range(300):
        await visitors.record_event(ANNA, view(f"flood-{number}"), NOW + 10 + number, returning=True)
    known = await shopping(visitors)
    assert ("often" in known.viewed, "flood-299" in known.viewed) == (False, True)


async def bought_after(visitors: ValkeyVisitors, *steps: tuple[EventName, str, tuple[str, ...]]) -> set[str]:
    for number, (name, order, products) in enumerate(steps):
        done = Event(name=name, advertiser=shop(), products=products, order_id=order)
        await visitors.record_event(ANNA, done, NOW + number, returning=True)
    return set((await shopping(visitors)).bought)


BUY, REFUND = EventName.PURCHASE, EventName.REFUND
BOUGHT = ((BUY, "o-1", ("a", "b")), (BUY, "o-2", ("c",)), (BUY, "", ("d",)))


@pytest.mark.parametrize(
    ("order", "products", "left"),
    [
        ("o-1", (), {"c", "d"}),
        ("o-2", (), {"a", "b", "d"}),
        ("another", (), {"a", "b", "c", "d"}),
        ("", (), set()),
        ("", ("a", "c", "never"), {"b", "d"}),
        ("o-1", ("a",), {"b", "c", "d"}),
        ("o-1", ("a", "c", "d"), {"b", "c"}),  # c was bought in another order; of d's nobody knows
    ],
)
async def test_what_a_refund_undoes(
    visitors: ValkeyVisitors, order: str, products: tuple[str, ...], left: set[str]
) -> None:
    assert await bought_after(visitors, *BOUGHT, (REFUND, order, products)) == left


async def test_a_refund_is_one_advertisers(visitors: ValkeyVisitors) -> None:
    await visitors.record_event(ANNA, event(BUY, "a", ref=77), NOW, returning=True)
    assert await bought_after(visitors, *BOUGHT, (REFUND, "", ())) == set()
    assert set((await shopping(visitors, 77)).bought) == {"a"}


async def test_a_purchase_that_names_no_product_empties_the_cart(visitors: ValkeyVisitors) -> None:
    for ref in (7, 77):
        await visitors.record_event(ANNA, event(EventName.ADD_TO_CART, "a", "b", ref=ref), NOW, returning=True)
    assert await bought_after(visitors, (BUY, "o-1", ())) == {""}
    assert (await shopping(visitors)).carted == {}
    assert set((await shopping(visitors, 77)).carted) == {"a", "b"}
    assert await bought_after(visitors, (REFUND, "o-2", ())) == {""}
    assert await bought_after(visitors, (REFUND, "o-1", ())) == set()


async def test_rules_count_the_newest_times(visitors: ValkeyVisitors) -> None:
    moments = [0, 5, 5, 90, 30, 7]  # late ones come in between
    for moment in moments:
        happened = [("of-three", 3), ("of-nine", 9)] if moment != 7 else [("of-one", 1)]
        await visitors.record_event(ANNA, event(EventName.SEARCH), NOW + moment, returning=True, happened=happened)
    begin = int(NOW) - EPOCH
    assert (await visitors.read_visitor(ANNA, NOW)).happened == {
        "of-three": (begin + 90, begin + 30, begin + 5),
        "of-nine": (begin + 90, begin + 30, begin + 5, begin + 5, begin),
        "of-one": (begin + 7,),
    }


async def test_an_event_tells_everything_at_once(visitors: ValkeyVisitors) -> None:
    done = Event(
        name=BUY, advertiser=shop(), products=("a", "b"), order_id="o", mail=b"\x00\r\n\xff1234", value=5_000_000
    )
    await visitors.record_event(ANNA, done, NOW, returning=True, receipt=b"d", happened=[("bought", 2)])
    profile, begin = await visitors.read_visitor(ANNA, NOW), int(NOW) - EPOCH
    assert profile.shopping[7] == Shopping(bought={"a": begin, "b": begin + 1})
    assert profile.mails == {7: b"\x00\r\n\xff1234"}
    assert (profile.happened, profile.receipt) == ({"bought": (begin,)}, Receipt(begin, b"d"))


async def test_what_rules_ask_for_keeps_a_returning_visitor_longer(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    key, long = keys.visitor(ANNA), 180 * 86_400
    await visitors.record_event(ANNA, view("a"), NOW, returning=False, keep_s=long)
    assert await valkey.redis.ttl(key) <= NEW_S
    await visitors.record_event(ANNA, view("a"), NOW, returning=True, keep_s=60)
    assert RETENTION_S - 60 < await valkey.redis.ttl(key) <= RETENTION_S
    await visitors.record_event(ANNA, view("a"), NOW, returning=True, keep_s=long)
    assert long - 60 < await valkey.redis.ttl(key) <= long
    await visitors.record_event(ANNA, view("a"), NOW, returning=True)
    assert long - 60 < await valkey.redis.ttl(key) <= long


async def test_an_event_that_is_replayed_is_not_counted_twice(valkey: Valkey, valkey_url: str) -> None:
    """As the spool does it with what may have been written already."""

    class Twice:
        """Calls, and then replays."""

        def call(self, function: str, key: Key, *args: Argument, deadline: float | None = None) -> Answer:
            async def both() -> object:
                await hot.call(function, key, *args)
                return await hot.call(f"replay_{function.removeprefix('record_')}", key, *args)

            return both()

    async with hot_to(valkey_url) as hot:
        visitors = ValkeyVisitors(hot, retention_s=RETENTION_S, new_visitor_s=NEW_S, writes=Twice())
        for number in range(2):
            done = event(EventName.VIEW_ITEM, "a", *"b" * number)
            await visitors.record_event(ANNA, done, NOW + 60 * number, returning=True, happened=[("viewed", 9)])
        await visitors.record_event(ANNA, view("c"), NOW + 120, returning=True)
        profile, begin = await visitors.read_visitor(ANNA, NOW), int(NOW) - EPOCH
        assert profile.happened == {"viewed": (begin + 60, begin)}
        assert profile.shopping[7].views == {"a": 2}


async def test_a_profile_of_an_earlier_server_is_continued(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    """Written before there were levels of views, orders of purchases and claims that wait."""
    begin = int(NOW) - EPOCH
    window = (86_400).to_bytes(4) + begin.to_bytes(4)
    old: dict[Any, Any] = {
        "t": begin + 4,
        "v7:a": begin + 1,
        "c7:a": begin + 2,
        "b7:b": begin + 3,
        "b7:c": begin + 4,
        "s8": begin,
        "r": begin.to_bytes(4) + b"d",
        "f12": window + b"\x00\x02" + (60).to_bytes(4) + begin.to_bytes(4) + b"\x00\x01",
    }
    await valkey.redis.hset(keys.visitor(ANNA), mapping=old)
    profile = await visitors.read_visitor(ANNA, NOW)
    assert profile.shopping[7] == Shopping({"a": begin + 1}, {"a": begin + 2}, {"b": begin + 3, "c": begin + 4})
    assert (profile.shopping[8].visited_at, profile.receipt) == (begin, Receipt(begin, b"d"))
    assert profile.frequency == {"f12": (Window(86_400, begin, 2), Window(60, begin, 1))}

    await visitors.record_event(ANNA, view("a"), NOW + 9, returning=True, receipt=b"d")
    await visitors.record_event(ANNA, event(REFUND, "b"), NOW + 10, returning=True)
    claim = Claim((Count("f12", ((3, 86_400), (1, 60))),), "decision", begin + 120)
    assert [(await visitors.reserve(ANNA, [claim], NOW + at)).place for at in (59, 60, 61)] == [-1, 0, -1]
    profile = await visitors.read_visitor(ANNA, NOW + 61)
    assert (profile.shopping[7].viewed, profile.shopping[7].views) == ({"a": begin + 9}, {"a": 2})
    assert set(profile.shopping[7].bought) == {"c"}
    assert profile.frequency == {"f12": (Window(86_400, begin, 3), Window(60, begin + 60, 1))}
    assert (await visitors.read_visitor(ANNA, NOW + 120)).frequency == {"f12": (Window(86_400, begin, 2),)}
