"""What a request keeps of those it looked at, and how far it looks."""

import random
from dataclasses import replace

from adserver.decision.index import Booking, PlacementEntry, build_index
from adserver.decision.shortlist import AT_HAND, MAX_PASSED, Shortlist, no_ad_reason, shortlist
from adserver.decision.viewer import Viewer
from adserver.model.account import Accounts, Advertiser, Campaign, Placement, Publisher
from adserver.model.line_item import Bid, BidModel, Budget, LineItem
from adserver.model.profile import EPOCH, Profile, Shopping
from adserver.model.rates import Rates
from adserver.model.reason import LineItemReason, NoAdReason
from tests.decisions import SIZES, viewer_of

NOW = 1_800_000_000
RATES = Rates()


def entry_of(*items: LineItem) -> PlacementEntry:
    return build_index(accounts_of(*items), SIZES).placements["here"]


def accounts_of(*items: LineItem) -> Accounts:
    return Accounts(
        advertisers={"a": Advertiser(id="a", name="a", domains=(), currency="EUR", locale="en", ref=1)},
        campaigns={"c": Campaign(id="c", advertiser="a")},
        line_items={item.id: item for item in items},
        publishers={"p": Publisher(id="p", name="p", domains=())},
        placements={"here": Placement(id="here", publisher="p", size="300x250")},
    )


def items(count: int) -> list[LineItem]:
    """Each in a tier of its own, all with a budget."""
    return [
        LineItem(id=f"item{n:03}", campaign="c", creative="grid", priority=n, budget=Budget(total=1), ref=n + 1)
        for n in range(count)
    ]


class Payers:
    """Those with these refs can pay. ``asked``: who was looked at to the end."""

    def __init__(self, *refs: int) -> None:
        self.refs = refs
        self.asked: list[int] = []

    def can_pay(self, booking: Booking) -> LineItemReason | None:
        self.asked.append(booking.line_item.ref)
        return None if booking.line_item.ref in self.refs else LineItemReason.PACING


KNOWN = Profile({1: Shopping(viewed={"x": NOW - EPOCH})})


def viewer(payers: Payers, profile: Profile = KNOWN) -> Viewer:
    return viewer_of(accounts_of(), profile, NOW)._replace(can_pay=payers.can_pay)


def look(entry: PlacementEntry, payers: Payers) -> Shortlist:
    return shortlist(entry, viewer(payers), RATES, random.Random(1).random)


def test_no_more_is_looked_at_than_is_needed() -> None:
    payers = Payers(*range(1, 101))
    listed = look(entry_of(*items(100)), payers)
    assert payers.asked == list(range(1, AT_HAND + 1))
    candidates = listed.candidates
    assert [next(candidates).line_item.ref for _ in range(6)] == [1, 2, 3, 4, 5, 6]
    assert payers.asked == [1, 2, 3, 4, 5, 6]


def test_candidates_come_once_however_often_they_are_asked_for() -> None:
    listed = look(entry_of(*items(3)), Payers(1, 2, 3))
    assert next(listed.candidates).line_item.ref == 1
    assert [booking.line_item.ref for booking in listed.candidates] == [2, 3]
    assert list(listed.candidates) == []


def test_so_many_reasons_are_kept_and_no_more() -> None:
    listed = look(entry_of(*items(100)), Payers(100))
    assert [booking.line_item.ref for booking in listed.candidates] == [100]
    assert len(listed.passed) == MAX_PASSED
    assert len(listed.passed_over(None)) == MAX_PASSED


def test_candidates_that_were_not_taken_are_outranked_unless_something_else_was_told() -> None:
    listed = look(entry_of(*items(5)), Payers(2, 3, 4))
    first, second, third = listed.candidates
    listed.note(first, LineItemReason.NO_PRODUCT)
    assert [(passed.line_item, passed.reason.label) for passed in listed.passed_over(second)] == [
        (1, "pacing"),
        (5, "pacing"),
        (2, "no_product"),
        (4, "outranked"),
    ]
    assert third.line_item.ref == 4


def test_a_request_is_told_the_reason_of_the_one_that_came_furthest() -> None:
    entry = entry_of(replace(items(1)[0], segment="big"), *items(3)[1:])
    assert look(entry, Payers()).reason is NoAdReason.BUDGET
    listed = look(entry, Payers(2))
    listed.note(next(listed.candidates), LineItemReason.NO_PRODUCT)
    assert listed.reason is NoAdReason.NO_PRODUCT
    assert look(entry_of(replace(items(1)[0], segment="big")), Payers()).reason is NoAdReason.TARGETING
    assert look(entry_of(replace(items(1)[0], end=NOW - 1)), Payers()).reason is NoAdReason.TARGETING
    assert look(entry_of(), Payers()).reason is NoAdReason.NO_LINE_ITEM
    assert look(entry_of(LineItem(id="h", campaign="c", creative="house")), Payers()).reason is NoAdReason.NO_LINE_ITEM


def test_every_reason_of_a_line_item_stands_for_one_of_a_request() -> None:
    told = {reason: no_ad_reason(reason) for reason in LineItemReason}
    assert {reason for reason, no_ad in told.items() if no_ad is NoAdReason.NO_LINE_ITEM} == {
        *(reason for reason in LineItemReason if reason < 410),
        LineItemReason.OUTRANKED,  # somebody was chosen, so nobody is told
    }


def test_new_rates_make_a_new_order() -> None:
    bids = [replace(item, priority=1, budget=None, bid=Bid(model=BidModel.CPC, amount=10**6)) for item in items(2)]
    entry = entry_of(*bids)
    seen = viewer(Payers())
    for better in (1, 2):
        rates = Rates(line_items={1: 0.01, 2: 0.01} | {better: 0.02})
        listed = shortlist(entry, seen, rates, random.Random(1).random)
        assert next(listed.candidates).line_item.ref == better
