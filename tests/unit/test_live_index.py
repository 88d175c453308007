"""What may run where, who is asked first, and what a visitor is interested in."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adserver.audience.interest import interests, newest_interest
from adserver.decision.index import Booking, build_index
from adserver.decision.rank import Interest, rank, showable
from adserver.model.account import Accounts, Advertiser, Campaign, Feed, LineItem, Placement, Publisher, Status
from adserver.model.product import Availability, Product
from adserver.model.profile import Shopping
from adserver.model.snapshot import Snapshot
from adserver.service.live import Live

SIZES = {"grid": frozenset({"300x250", "728x90"}), "tall": frozenset({"160x600"})}


def advertiser(name: str, ref: int) -> Advertiser:
    return Advertiser(id=name, name=name, domains=(f"{name}.test",), currency="EUR", locale="de_DE", ref=ref)


ACCOUNTS = Accounts(
    advertisers={"acme": advertiser("acme", 1), "bolt": advertiser("bolt", 2)},
    campaigns={"a": Campaign(id="a", advertiser="acme"), "b": Campaign(id="b", advertiser="bolt")},
    line_items={
        "a-grid": LineItem(id="a-grid", campaign="a", creative="grid"),
        "a-tall": LineItem(id="a-tall", campaign="a", creative="tall"),
        "b-grid": LineItem(id="b-grid", campaign="b", creative="grid"),
        "b-lost": LineItem(id="b-lost", campaign="b", creative="no longer there"),
    },
    publishers={"daily": Publisher(id="daily", name="Daily", domains=("news.test",))},
    placements={
        "rectangle": Placement(id="rectangle", publisher="daily", size="300x250"),
        "tower": Placement(id="tower", publisher="daily", size="160x600"),
        "odd": Placement(id="odd", publisher="daily", size="1x1"),
    },
)


def bookings(accounts: Accounts, placement: str) -> set[str]:
    return {booking.line_item.id for booking in build_index(accounts, SIZES).placements[placement].bookings}


def test_a_line_item_runs_where_its_creative_fits() -> None:
    assert bookings(ACCOUNTS, "rectangle") == {"a-grid", "b-grid"}
    assert bookings(ACCOUNTS, "tower") == {"a-tall"}
    assert bookings(ACCOUNTS, "odd") == set()
    assert build_index(ACCOUNTS, SIZES).placements["odd"].domains == ("news.test",)


def test_a_booking_knows_how_old_its_feed_may_be() -> None:
    feeds = {"acme": Feed(advertiser="acme", source="/feed.xml", max_age_s=60)}
    found = build_index(replace(ACCOUNTS, feeds=feeds), SIZES).placements["rectangle"].bookings
    assert {booking.line_item.id: booking.max_age_s for booking in found} == {"a-grid": 60, "b-grid": 0}


def test_what_is_paused_does_not_run() -> None:
    paused = {**ACCOUNTS.campaigns, "a": replace(ACCOUNTS.campaigns["a"], status=Status.PAUSED)}
    assert bookings(replace(ACCOUNTS, campaigns=paused), "rectangle") == {"b-grid"}
    items = {**ACCOUNTS.line_items, "b-grid": replace(ACCOUNTS.line_items["b-grid"], status=Status.PAUSED)}
    assert bookings(replace(ACCOUNTS, line_items=items), "rectangle") == {"a-grid"}


def test_the_live_view_is_swapped_whole() -> None:
    assert Live(SIZES).snapshot is None
    live = Live(SIZES)
    assert live.index.placements == {}
    live.swap(Snapshot(3, ACCOUNTS))
    assert live.index.placements.keys() == {"rectangle", "tower", "odd"}
    broken = replace(ACCOUNTS, publishers={})
    with pytest.raises(KeyError):
        live.swap(Snapshot(4, broken))
    assert live.snapshot == Snapshot(3, ACCOUNTS)  # the last good one stays
    assert live.index.placements.keys() == {"rectangle", "tower", "odd"}


BOOKINGS = build_index(ACCOUNTS, SIZES).placements["rectangle"].bookings


def order(history: dict[int, Interest], seed: int = 1) -> list[str]:
    return [c.booking.advertiser.id for c in rank(BOOKINGS, history, random.Random(seed).random)]


def test_the_freshest_interest_is_asked_first() -> None:
    assert order({1: Interest(["x"], 10), 2: Interest(["y"], 20)}) == ["bolt", "acme"]
    assert order({1: Interest(["x"], 30), 2: Interest(["y"], 20)}) == ["acme", "bolt"]


def test_no_interest_no_candidate() -> None:
    assert order({}) == []
    assert order({1: Interest([], 10), 3: Interest(["z"], 20)}) == []


def test_equals_take_turns() -> None:
    history = {1: Interest(["x"], 10), 2: Interest(["y"], 10)}
    firsts = [order(history, seed)[0] for seed in range(1_000)]
    assert 400 < firsts.count("acme") < 600


def test_line_items_of_one_advertiser_take_turns() -> None:
    acme = ACCOUNTS.advertisers["acme"]
    twins = [Booking(replace(ACCOUNTS.line_items["a-grid"], id=name), acme) for name in "pq"]
    history = {1: Interest(["x"], 10)}
    firsts = [rank(twins, history, random.Random(s).random)[0].booking.line_item.id for s in range(1_000)]
    assert 400 < firsts.count("p") < 600


def test_only_what_is_in_stock_and_at_home_is_shown() -> None:
    shoe = Product(id="1", title="S", link="https://www.shop.test/1", image_link="", price=1, currency="EUR")
    assert showable(shoe, ("shop.test",))
    assert not showable(shoe._replace(availability=Availability.OUT_OF_STOCK), ("shop.test",))
    assert not showable(shoe._replace(link="https://evil.test/1"), ("shop.test",))
    assert not showable(shoe._replace(link="https://evilshop.test/1"), ("shop.test",))
    assert not showable(shoe, ())


def test_looked_at_newest_first_then_carted_without_a_look() -> None:
    shopping = Shopping(viewed={"a": 1, "b": 5, "c": 3}, carted={"b": 9, "d": 2, "e": 4}, bought={"f": 99})
    assert interests(shopping) == ["b", "c", "a", "e", "d"]
    assert newest_interest(shopping) == 9
    assert (interests(Shopping()), newest_interest(Shopping())) == ([], 0)


PRODUCTS = st.dictionaries(st.text(max_size=5), st.integers(1, 2**31))


@given(PRODUCTS, PRODUCTS)
def test_every_product_comes_once_and_in_order(viewed: dict[str, int], carted: dict[str, int]) -> None:
    found = interests(Shopping(viewed=viewed, carted=carted))
    assert len(found) == len(set(found))
    assert set(found) == viewed.keys() | carted.keys()
    times = [viewed[product] for product in found[: len(viewed)]]
    assert times == sorted(times, reverse=True)
