"""What may run where, worked out ahead of the requests."""

import time
from dataclasses import replace

import pytest

from adserver.decision.index import build_index
from adserver.model.account import Accounts, Advertiser, Campaign, ConsentDefault, Feed, Placement, Publisher
from adserver.model.cap import Cap, Level
from adserver.model.line_item import Bid, BidModel, Daypart, LineItem
from adserver.model.product_set import ProductSet
from adserver.model.snapshot import Snapshot
from adserver.model.status import Status
from adserver.service.live import Live

SIZES = {"grid": frozenset({"300x250", "728x90"}), "tall": frozenset({"160x600"}), "house": frozenset({"300x250"})}


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


def with_items(*items: LineItem) -> Accounts:
    return replace(ACCOUNTS, line_items={item.id: item for item in items})


def bookings(accounts: Accounts, placement: str) -> list[str]:
    return [booking.line_item.id for booking in build_index(accounts, SIZES).placements[placement].bookings]


def test_a_line_item_runs_where_its_creative_fits() -> None:
    assert bookings(ACCOUNTS, "rectangle") == ["a-grid", "b-grid"]
    assert bookings(ACCOUNTS, "tower") == ["a-tall"]
    assert bookings(ACCOUNTS, "odd") == []
    assert build_index(ACCOUNTS, SIZES).placements["odd"].domains == ("news.test",)


def test_a_booking_knows_how_old_its_feed_may_be() -> None:
    feeds = {"acme": Feed(advertiser="acme", source="/feed.xml", max_age_s=60)}
    found = build_index(replace(ACCOUNTS, feeds=feeds), SIZES).placements["rectangle"].bookings
    assert {booking.line_item.id: booking.max_age_s for booking in found} == {"a-grid": 60, "b-grid": 0}


def test_a_booking_knows_what_is_paid_and_out_of_what_it_chooses() -> None:
    shoes = ProductSet(id="shoes", advertiser="acme", categories=("Shoes",))
    shown = LineItem(
        id="shown", campaign="a", creative="grid", bid=Bid(model=BidModel.CPM, amount=4_000_000), product_set="shoes"
    )
    clicked = LineItem(id="clicked", campaign="a", creative="grid", bid=Bid(model=BidModel.CPC, amount=300_000))
    accounts = replace(with_items(shown, clicked), product_sets={"shoes": shoes})
    found = {b.line_item.id: b for b in build_index(accounts, SIZES).placements["rectangle"].bookings}
    assert (found["shown"].micros, found["shown"].paid_by, found["shown"].product_set) == (4_000, BidModel.CPM, shoes)
    assert (found["clicked"].micros, found["clicked"].paid_by) == (300_000, BidModel.CPC)


def test_designs_are_those_that_come_in_the_size() -> None:
    item = LineItem(id="both", campaign="a", creative="tall", creatives=("grid", "tall"))
    entries = build_index(with_items(item), SIZES).placements
    assert [entries[name].bookings[0].designs for name in ("rectangle", "tower")] == [("grid",), ("tall",)]


def test_what_is_paused_does_not_run() -> None:
    paused = {**ACCOUNTS.campaigns, "a": replace(ACCOUNTS.campaigns["a"], status=Status.PAUSED)}
    assert bookings(replace(ACCOUNTS, campaigns=paused), "rectangle") == ["b-grid"]
    items = {**ACCOUNTS.line_items, "b-grid": replace(ACCOUNTS.line_items["b-grid"], status=Status.PAUSED)}
    assert bookings(replace(ACCOUNTS, line_items=items), "rectangle") == ["a-grid"]


def test_lists_of_placements_and_publishers_hold_together() -> None:
    item = LineItem(id="one", campaign="a", creative="grid", placements=("rectangle",), publishers=("other",))
    assert bookings(with_items(item), "rectangle") == []
    assert bookings(with_items(replace(item, publishers=("daily",))), "rectangle") == ["one"]
    assert bookings(with_items(replace(item, placements=(), publishers=("daily",))), "rectangle") == ["one"]


def test_the_lower_priority_goes_first_then_the_id() -> None:
    items = [
        LineItem(id="z", campaign="b", creative="grid", priority=1),
        LineItem(id="y", campaign="a", creative="grid", placements=("rectangle",)),
        LineItem(id="x", campaign="a", creative="grid"),
    ]
    assert bookings(with_items(*items), "rectangle") == ["z", "x", "y"]
    entry = build_index(with_items(*items), SIZES).placements["rectangle"]
    assert {ref: [b.line_item.id for b in theirs] for ref, theirs in entry.by_advertiser.items()} == {
        2: ["z"],
        1: ["x", "y"],
    }


def test_house_line_items_stand_apart() -> None:
    entry = build_index(
        with_items(
            LineItem(id="own", campaign="a", creative="house"), LineItem(id="ad", campaign="a", creative="grid")
        ),
        SIZES,
    ).placements["rectangle"]
    assert [b.line_item.id for b in entry.bookings] == ["ad"]
    assert [b.line_item.id for b in entry.house] == ["own"]


def test_one_advertiser_of_each_consent_default_stands_for_all() -> None:
    allowing = replace(ACCOUNTS.advertisers["bolt"], consent_default=ConsentDefault.ALLOW)
    accounts = replace(ACCOUNTS, advertisers={**ACCOUNTS.advertisers, "bolt": allowing})
    entry = build_index(accounts, SIZES).placements["rectangle"]
    assert {advertiser.consent_default for advertiser in entry.consents} == {None, ConsentDefault.ALLOW}


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


NOON = 1_800_014_400  # 2027-01-15 12:00 UTC, a Friday


def test_what_runs_is_worked_out_again_only_when_something_changes() -> None:
    friday = (Daypart((4,), 0, 13 * 60),)
    entry = build_index(
        with_items(
            LineItem(id="always", campaign="a", creative="grid"),
            LineItem(id="friday", campaign="b", creative="grid", dayparts=friday),
            LineItem(id="later", campaign="a", creative="grid", start=NOON + 7_200),
        ),
        SIZES,
    ).placements["rectangle"]
    live = entry.live(NOON)
    assert [b.line_item.id for b in live.bookings] == ["always", "friday"]
    assert entry.live(NOON + 3_599) is live
    assert [b.line_item.id for b in entry.live(NOON + 3_600).bookings] == ["always"]
    assert list(entry.live(NOON + 3_600).by_advertiser) == [1]
    assert [b.line_item.id for b in entry.live(NOON + 7_200).bookings] == ["always", "later"]
    assert [b.line_item.id for b in entry.live(NOON).bookings] == ["always", "friday"]  # a clock may be put back


def test_without_dates_an_entry_is_its_own_live_one() -> None:
    entry = build_index(ACCOUNTS, SIZES).placements["rectangle"]
    assert entry.live(NOON) is entry


def test_five_thousand_line_items_and_a_hundred_placements_are_quickly_indexed() -> None:
    """The worker answers nothing meanwhile."""
    sizes = ("300x250", "728x90", "160x600", "970x250", "320x50")
    accounts = Accounts(
        advertisers={f"a{n}": advertiser(f"a{n}", n + 1) for n in range(50)},
        campaigns={
            f"c{n}": Campaign(id=f"c{n}", advertiser=f"a{n}", caps=(Cap(9, 86_400, Level.CAMPAIGN),)) for n in range(50)
        },
        line_items={
            f"l{n}": LineItem(
                id=f"l{n}",
                campaign=f"c{n % 50}",
                creative=f"d{n % 5}",
                caps=(Cap(3, 86_400),),
                placements=(f"p{n % 100}", f"p{n % 99}") if n % 2 else (),
                ref=n + 1,
            )
            for n in range(5_000)
        },
        publishers={
            f"s{n}": Publisher(id=f"s{n}", name="s", domains=(), exclude_advertisers=(f"a{n % 50}",))
            for n in range(100)
        },
        placements={f"p{n}": Placement(id=f"p{n}", publisher=f"s{n}", size=sizes[n % 5]) for n in range(100)},
    )
    creatives = {f"d{n}": frozenset(sizes[n : n + 3]) for n in range(5)}
    began = time.process_time()
    index = build_index(accounts, creatives)
    assert time.process_time() - began < 1.0
    assert len(index.placements) == 100
    assert len(index.placements["p2"].bookings) > 1_000
