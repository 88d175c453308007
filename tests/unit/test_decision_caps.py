"""Which counters an ad counts in, and what has to hold of each."""

from dataclasses import replace

from adserver.decision.caps import UNLIMITED, Counters
from adserver.decision.frequency import cap_reason
from adserver.decision.index import build_index
from adserver.model.account import Accounts
from adserver.model.cap import Cap, Level
from adserver.model.profile import Count, Window
from adserver.model.reason import LineItemReason
from adserver.model.status import Status
from tests.decisions import SIZES, accounts_of

HOUR, DAY, WEEK = 3_600, 86_400, 604_800

TOML = """
[advertisers.acme]
name = "Acme"
domains = ["acme.example"]
currency = "EUR"
locale = "de_DE"
caps = ["10/day", "6/week per product"]
[campaigns.one]
advertiser = "acme"
caps = ["5/day"]
[campaigns.two]
advertiser = "acme"
[line_items.a]
campaign = "one"
creative = "grid"
caps = ["3/day", "8/day per advertiser", "2/hour per product"]
min_gap = "30s"
[line_items.b]
campaign = "one"
creative = "grid"
[line_items.c]
campaign = "two"
creative = "grid"
caps = ["20/week per advertiser"]
[line_items.own]
campaign = "two"
creative = "house"
caps = ["1/hour"]
[publishers.daily]
name = "Daily"
domains = ["daily.example"]
[placements.here]
publisher = "daily"
size = "300x250"
"""
ACCOUNTS = accounts_of(TOML)


def counts(name: str, accounts: Accounts = ACCOUNTS) -> dict[str, tuple[tuple[int, int], ...]]:
    found, _ = Counters(accounts).of(accounts.line_items[name])
    return {count.counter: count.limits for count in found}


def test_all_that_bind_it_hold_together_and_the_stricter_of_two() -> None:
    assert counts("a") == {
        "a1": ((8, DAY), (UNLIMITED, WEEK)),
        "gone": ((5, DAY),),
        "f1": ((1, 30), (3, DAY)),
    }


def test_what_another_line_item_looks_at_is_counted_without_a_limit() -> None:
    assert counts("b") == {"a1": ((10, DAY), (UNLIMITED, WEEK)), "gone": ((5, DAY),)}
    assert counts("c") == {"a1": ((10, DAY), (20, WEEK))}


def test_products_are_counted_in_every_window_that_anybody_caps() -> None:
    limits = {name: Counters(ACCOUNTS).of(ACCOUNTS.line_items[name])[1] for name in "abc"}
    assert limits == {
        "a": ((2, HOUR), (6, WEEK)),
        "b": ((UNLIMITED, HOUR), (6, WEEK)),
        "c": ((UNLIMITED, HOUR), (6, WEEK)),
    }


def test_house_line_items_obey_their_own_caps_only_and_count_for_nobody() -> None:
    assert counts("own") == {"f4": ((1, HOUR),)}
    alone = replace(
        ACCOUNTS, line_items={"own": replace(ACCOUNTS.line_items["own"], caps=(Cap(1, DAY, Level.CAMPAIGN),))}
    )
    assert counts("own", alone) == {"gtwo": ((1, DAY),)}


def test_what_is_paused_is_not_counted_for() -> None:
    paused = {**ACCOUNTS.line_items, "c": replace(ACCOUNTS.line_items["c"], status=Status.PAUSED)}
    assert counts("b", replace(ACCOUNTS, line_items=paused))["a1"] == ((10, DAY),)


def test_without_caps_nothing_is_counted() -> None:
    bare = replace(
        ACCOUNTS,
        advertisers={"acme": replace(ACCOUNTS.advertisers["acme"], caps=())},
        line_items={"c": replace(ACCOUNTS.line_items["c"], caps=())},
    )
    assert Counters(bare).of(bare.line_items["c"]) == ((), ())


def test_a_gap_as_long_as_a_cap_is_told_from_it() -> None:
    item = replace(ACCOUNTS.line_items["a"], caps=(Cap(3, 60),), min_gap_s=60)
    accounts = replace(ACCOUNTS, line_items={"a": item})
    (booking,) = build_index(accounts, SIZES).placements["here"].bookings
    assert Count("f1", ((1, 60),)) in booking.counts
    reasons = [cap_reason(booking, {"f1": (Window(60, 1_000, seen),)}, 1_059) for seen in (1, 2, 3)]
    assert reasons == [LineItemReason.MIN_GAP, LineItemReason.MIN_GAP, LineItemReason.LINE_ITEM_CAP]
    assert cap_reason(booking, {"f1": (Window(60, 1_000, 3),)}, 1_060) is None
