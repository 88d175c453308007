"""Designs take turns: as often as each is probably the best, and never not at all."""

import random
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adserver.decision.bandit import FLOOR, Beta, best_of, propensities
from adserver.decision.index import Booking
from adserver.decision.value import Rates, click_rate, designs_of, draw_design, expected_value
from adserver.model.account import Advertiser, Campaign
from adserver.model.line_item import Bid, BidModel, LineItem
from adserver.model.rates import FIRST_GUESS, Rotation

arms = st.builds(Beta, st.floats(0.2, 1e6), st.floats(0.2, 1e8))
several = st.lists(arms, min_size=1, max_size=8)


@pytest.mark.parametrize(
    "given_arms",
    [
        [Beta(1, 499), Beta(5, 995)],
        [Beta(50, 9_950), Beta(60, 9_940)],
        [Beta(5_000, 1e6), Beta(1, 200)],
        [Beta(1, 1), Beta(2, 1), Beta(1, 3)],
        [Beta(0.5, 100), Beta(3, 400), Beta(30_000, 1e7)],
        [Beta(1 + place, 500 + 100 * place) for place in range(8)],
    ],
)
def test_it_is_what_throwing_dice_gives(given_arms: list[Beta]) -> None:
    dice, draws = random.Random(1), 40_000
    wins = Counter(
        max(range(len(given_arms)), key=lambda place: drawn[place])
        for drawn in ([dice.betavariate(*arm) for arm in given_arms] for _ in range(draws))
    )
    assert best_of(given_arms) == pytest.approx([wins[place] / draws for place in range(len(given_arms))], abs=0.01)


def test_equals_share_equally() -> None:
    assert best_of([Beta(3, 997)] * 5) == pytest.approx([0.2] * 5, abs=1e-6)
    assert propensities([Beta(3, 997)]) == (1.0,)


@settings(deadline=None)
@given(several)
def test_it_is_a_distribution_with_a_floor(given_arms: list[Beta]) -> None:
    drawn = propensities(given_arms)
    assert sum(drawn) == pytest.approx(1, abs=1e-9)
    assert min(drawn) >= FLOOR - 1e-12
    assert drawn == propensities(given_arms)


@settings(deadline=None)
@given(st.integers(0, 200), st.integers(1, 200), st.integers(500, 100_000))
def test_the_better_one_is_drawn_more_often(clicks: int, more: int, impressions: int) -> None:
    worse, better = best_of(
        [Beta(1 + clicks, 500 + impressions - clicks), Beta(1 + clicks + more, 500 + impressions - clicks - more)]
    )
    assert worse < better


@settings(deadline=None)
@given(several, st.randoms(use_true_random=False))
def test_their_order_does_not_matter(given_arms: list[Beta], dice: random.Random) -> None:
    order = list(range(len(given_arms)))
    dice.shuffle(order)
    drawn = propensities(given_arms)
    shuffled = propensities([given_arms[place] for place in order])
    assert shuffled == pytest.approx([drawn[place] for place in order], abs=1e-9)


def test_it_is_quick_enough_to_be_done_for_every_line_item() -> None:
    given_arms = [Beta(1 + place, 500 + 100 * place) for place in range(8)]
    spans = []
    for _ in range(20):
        begin = time.perf_counter()
        propensities(given_arms)
        spans.append(time.perf_counter() - begin)
    assert min(spans) < 0.005


ACME = Advertiser(id="acme", name="Acme", domains=("acme.example",), currency="EUR", locale="de_DE", ref=1)


def booking(bid: Bid | None = None, designs: tuple[str, ...] = ("grid",)) -> Booking:
    item = LineItem(id="viewers", campaign="summer", creative=designs[0], creatives=designs[1:], bid=bid, ref=7)
    return Booking(item, Campaign(id="summer", advertiser="acme"), ACME, designs=designs)


CPC = Bid(model=BidModel.CPC, amount=400_000)


def test_what_an_impression_is_worth() -> None:
    assert expected_value(booking(), Rates()) == 0
    assert expected_value(booking(Bid(model=BidModel.CPM, amount=4_000_001)), Rates()) == 4_000.001
    assert expected_value(booking(CPC), Rates()) == 400_000 * FIRST_GUESS


def test_a_click_rate_is_that_of_the_smallest_whole_that_is_known() -> None:
    two = ("grid", "hero")
    rates = Rates(overall=0.001)
    assert click_rate(booking(), rates) == 0.001
    rates = Rates(campaigns={"summer": 0.002}, overall=0.001)
    assert click_rate(booking(), rates) == 0.002
    rates = Rates(line_items={7: 0.003}, campaigns={"summer": 0.002}, overall=0.001)
    assert click_rate(booking(), rates) == 0.003
    rates = Rates({(7, two): Rotation((0.9, 0.1), 0.004)}, {7: 0.003}, {}, 0.001)
    assert click_rate(booking(designs=two), rates) == 0.004
    assert click_rate(booking(designs=("grid", "cart")), rates) == 0.003
    assert expected_value(booking(CPC, two), rates) == pytest.approx(1_600)


def test_one_design_needs_no_dice() -> None:
    def no_dice() -> float:
        raise AssertionError

    assert draw_design(booking(), Rates(), no_dice) == ("grid", 1.0)
    assert designs_of(booking(), Rates()) == (("grid", 1.0),)


@pytest.mark.parametrize("rates", [Rates(), Rates({(7, ("a", "b", "c")): Rotation((0.01, 0.69, 0.3), 0.01)})])
def test_designs_are_drawn_as_often_as_is_said(rates: Rates) -> None:
    """The propensity that is logged is the one that holds: chi-square over 30,000 draws, seeded."""
    dice, draws = random.Random(3).random, 30_000
    what = booking(designs=("a", "b", "c"))
    drawn = Counter(draw_design(what, rates, dice) for _ in range(draws))
    assert set(drawn) == set(designs_of(what, rates))
    assert sum((count - draws * p) ** 2 / (draws * p) for (_, p), count in drawn.items()) < 13.8  # p = 0.001


def test_the_end_of_the_dice_is_a_design_as_well() -> None:
    rates = Rates({(7, ("a", "b")): Rotation((0.3, 0.7 - 1e-15), 0.01)})
    assert draw_design(booking(designs=("a", "b")), rates, lambda: 1 - 2**-53)[0] == "b"
