"""Visitors are dealt by hash: the same one always the same, all together by the shares, each deal by itself."""

from collections import Counter
from math import sqrt

import pytest

from adserver.decision.assign import Assigner, measured_names
from adserver.model.account import Accounts, Campaign
from adserver.model.experiment import Experiment
from adserver.random_ids import RandomIds

SALT = b"0123456789abcdef0123456789abcdef"
VISITORS = [f"{number:022d}" for number in range(20_000)]


def campaign(holdout: float, name: str = "summer") -> Campaign:
    return Campaign(id=name, advertiser="acme", holdout=holdout)


def experiment(name: str = "colours", **arms: int) -> Experiment:
    return Experiment(id=name, advertiser="acme", arms=arms)


def ghosts(assigner: Assigner, of: Campaign) -> set[str]:
    return {visitor for visitor in VISITORS if assigner.is_ghost(visitor, of)}


def test_nobody_and_everybody() -> None:
    assert ghosts(Assigner(SALT), campaign(0)) == set()
    assert ghosts(Assigner(SALT), campaign(1)) == set(VISITORS)


@pytest.mark.parametrize("holdout", [0.01, 0.05, 0.5])
def test_ghosts_are_as_many_as_the_holdout_says(holdout: float) -> None:
    count = len(ghosts(Assigner(SALT), campaign(holdout)))
    assert abs(count - holdout * len(VISITORS)) < 4 * sqrt(len(VISITORS) * holdout * (1 - holdout))


def test_a_visitor_stays_what_it_is() -> None:
    """On another worker, of accounts read anew, when the holdout grows, and when other names come and go."""
    first = ghosts(Assigner(SALT), campaign(0.05))
    again = Assigner(SALT)
    ghosts(again, campaign(0.2, "winter"))
    assert ghosts(again, campaign(0.05)) == first
    assert first < ghosts(again, campaign(0.1))
    assert ghosts(Assigner(b"another salt"), campaign(0.05)) != first


def test_random_ids_are_dealt_as_well_as_any() -> None:
    mint, assigner = RandomIds(22), Assigner(SALT)
    count = sum(assigner.is_ghost(mint(), campaign(0.05)) for _ in range(20_000))
    assert abs(count - 1_000) < 5 * sqrt(20_000 * 0.05 * 0.95)


def test_deals_tell_nothing_of_each_other() -> None:
    """Two campaigns, a campaign and an experiment of the same name, two experiments."""
    assigner = Assigner(SALT)
    one, other = ghosts(assigner, campaign(0.5)), ghosts(assigner, campaign(0.5, "winter"))
    same, colours = experiment("summer", a=1, b=1), experiment(a=1, b=1)
    in_same = {visitor for visitor in VISITORS if assigner.arm_of(visitor, same) == "a"}
    in_colours = {visitor for visitor in VISITORS if assigner.arm_of(visitor, colours) == "a"}
    for left, right in ((one, other), (one, in_same), (in_same, in_colours)):
        assert abs(len(left & right) - len(VISITORS) / 4) < 4 * sqrt(len(VISITORS) * 3 / 16)


def test_arms_by_weight_and_not_by_the_order_in_which_they_are_written() -> None:
    assigner = Assigner(SALT)
    written, turned = experiment(a=1, b=2, c=7), experiment(c=7, a=1, b=2)
    first = [assigner.arm_of(visitor, written) for visitor in VISITORS]
    assert [assigner.arm_of(visitor, turned) for visitor in VISITORS] == first
    counts = Counter(first)
    expected = {"a": 2_000, "b": 4_000, "c": 14_000}
    assert sum((counts[arm] - due) ** 2 / due for arm, due in expected.items()) < 13.8  # p = 0.001


def test_changed_weights_hold_from_the_next_visitor_on() -> None:
    assigner = Assigner(SALT)
    assert {assigner.arm_of(visitor, experiment(a=1, b=1)) for visitor in VISITORS[:100]} == {"a", "b"}
    assert {assigner.arm_of(visitor, experiment(c=1, d=1)) for visitor in VISITORS[:100]} == {"c", "d"}


def test_which_names_an_advertiser_measures() -> None:
    accounts = Accounts(
        campaigns={"summer": campaign(0.05), "off": campaign(0, "off")},
        experiments={"colours": experiment(a=1, b=1)},
    )
    assert measured_names(accounts) == {"acme": ("summer", "~colours")}
