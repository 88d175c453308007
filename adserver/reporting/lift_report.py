"""What ``adserver lift`` shows: of each campaign with a holdout and each experiment, arm by arm."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from adserver.model.account import Accounts, Campaign
from adserver.model.experiment import Experiment
from adserver.model.profile import GHOST, TREATED, met_by
from adserver.reporting.lift import Arm, Balance, Lift, balance_of, lift_of

ArmSum = tuple[str, str, int, int, int, int]
"""Campaign or ``~`` and experiment, arm, visitors, buyers, purchases, value in micros."""


class Measurement(NamedTuple):
    """``kind`` is "campaign" or "experiment"; the first of ``arms`` is what the others are held against. ``cost`` is
    what a campaign's line items have cost, in micros; None of an experiment, and of a part of the time: visitors are
    counted by when they were first met, money by when it was spent."""

    kind: str
    name: str
    currency: str
    arms: tuple[Arm, ...]
    lifts: tuple[Lift, ...]
    balance: Balance
    cost: int | None

    @property
    def return_on_cost(self) -> float | None:
        """What was sold because of the ads for each unit of money they cost; None where that is not known."""
        return self.lifts[0].more_value / self.cost if self.cost and self.lifts else None


def measurements(
    accounts: Accounts, sums: Iterable[ArmSum], costs: Mapping[str, int] | None
) -> dict[str, list[Measurement]]:
    """By the name of the account, campaigns before experiments. ``costs`` in micros by line item; None: not to be
    told."""
    found: dict[str, list[Arm]] = defaultdict(list)
    for name, arm, *counts in sums:
        found[name].append(Arm(arm, *counts))
    made: dict[str, list[Measurement]] = defaultdict(list)
    for campaign in accounts.campaigns.values():
        if campaign.holdout > 0 or campaign.id in found:
            made[campaign.id].append(_of_campaign(campaign, found[campaign.id], accounts, costs))
    for experiment in accounts.experiments.values():
        made[experiment.id].append(_of_experiment(experiment, found[met_by(experiment.id)], accounts))
    return dict(made)


def _of_campaign(
    campaign: Campaign, found: Sequence[Arm], accounts: Accounts, costs: Mapping[str, int] | None
) -> Measurement:
    arms = _in_order(found, (GHOST, TREATED))
    mine = [name for name, item in accounts.line_items.items() if item.campaign == campaign.id]
    return Measurement(
        "campaign",
        campaign.id,
        accounts.advertisers[campaign.advertiser].currency,
        arms,
        _lifts(arms),
        balance_of(arms, {TREATED: 1 - campaign.holdout, GHOST: campaign.holdout}),
        None if costs is None else sum(costs.get(name, 0) for name in mine),
    )


def _of_experiment(experiment: Experiment, found: Sequence[Arm], accounts: Accounts) -> Measurement:
    """Of arms that no line item names nobody is ever met, however many are dealt to them."""
    used = {item.arm for item in accounts.line_items.values() if item.experiment == experiment.id}
    arms = _in_order(found, tuple(arm for arm in experiment.arms if arm in used))
    return Measurement(
        "experiment",
        experiment.id,
        accounts.advertisers[experiment.advertiser].currency,
        arms,
        _lifts(arms),
        balance_of(arms, {arm: weight for arm, weight in experiment.arms.items() if arm in used}),
        None,
    )


def _in_order(found: Sequence[Arm], names: tuple[str, ...]) -> tuple[Arm, ...]:
    """Those of ``names``, met or not; then what was met under names that are gone."""
    by_name = {arm.name: arm for arm in found}
    gone = sorted(by_name.keys() - set(names))
    return tuple(by_name.get(name, Arm(name, 0, 0)) for name in (*names, *gone))


def _lifts(arms: Sequence[Arm]) -> tuple[Lift, ...]:
    return tuple(lift for arm in arms[1:] if (lift := lift_of(arm, arms[0])) is not None)
