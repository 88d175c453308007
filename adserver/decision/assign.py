"""Who is in the control group of a campaign, and in which arm of an experiment: dealt by hash, so nothing is kept."""

from collections import defaultdict
from collections.abc import Mapping
from hashlib import blake2b
from itertools import accumulate

from adserver.model.account import Accounts, Campaign
from adserver.model.experiment import Experiment
from adserver.model.profile import met_by

_BYTES = 8
_SPAN = 1 << 8 * _BYTES


class Assigner:
    """Deals visitors by their id alone: the same one always gets the same, on every worker, on every day.

    ``salt`` (at most 64 bytes) is the installation's own; with another salt all are dealt anew. What a visitor gets of
    one campaign or experiment tells nothing of what the same visitor gets of another.
    """

    def __init__(self, salt: bytes) -> None:
        self._salt = salt
        # Hashes that have the salt and a name in them already: going on from a copy is cheaper than beginning anew.
        self._campaigns: dict[str, blake2b] = {}
        self._experiments: dict[str, _Dealt] = {}

    def is_ghost(self, visitor: str, campaign: Campaign) -> bool:
        """Whether the visitor is in the campaign's holdout. A larger holdout keeps all those of a smaller one."""
        if campaign.holdout <= 0:
            return False
        begun = self._campaigns.get(campaign.id)
        if begun is None:
            begun = self._campaigns[campaign.id] = self._begin("campaign", campaign.id)
        return _point(begun, visitor) < campaign.holdout * _SPAN

    def arm_of(self, visitor: str, experiment: Experiment) -> str:
        """The name of the visitor's arm. While names and weights stay, so does the arm."""
        dealt = self._experiments.get(experiment.id)
        if dealt is None or dealt[0] is not experiment:
            dealt = (experiment, self._begin("experiment", experiment.id), _bounds(experiment))
            self._experiments[experiment.id] = dealt
        point = _point(dealt[1], visitor)
        for bound, arm in dealt[2]:
            if point < bound:
                return arm
        raise ValueError(f"experiment {experiment.id} has no arms")

    def _begin(self, kind: str, name: str) -> blake2b:
        return blake2b(f"{kind} {name} ".encode(), key=self._salt, digest_size=_BYTES)


def measured_names(accounts: Accounts) -> Mapping[str, tuple[str, ...]]:
    """By advertiser, under which names visitors remember what they were dealt: of each campaign that has a holdout, and
    of each experiment."""
    names: dict[str, list[str]] = defaultdict(list)
    for campaign in accounts.campaigns.values():
        if campaign.holdout > 0:
            names[campaign.advertiser].append(campaign.id)
    for experiment in accounts.experiments.values():
        names[experiment.advertiser].append(met_by(experiment.id))
    return {advertiser: tuple(theirs) for advertiser, theirs in names.items()}


_Dealt = tuple[Experiment, blake2b, list[tuple[int, str]]]


def _bounds(experiment: Experiment) -> list[tuple[int, str]]:
    """Up to where each arm goes. In the order of names: that of an account's file may change without meaning it."""
    arms = sorted(experiment.arms)
    whole = sum(experiment.arms.values())
    ends = accumulate(experiment.arms[arm] for arm in arms)
    return [(end * _SPAN // whole, arm) for end, arm in zip(ends, arms, strict=True)]


def _point(begun: blake2b, visitor: str) -> int:
    """Where the visitor stands, from 0 up to _SPAN."""
    hashed = begun.copy()
    hashed.update(visitor.encode())
    return int.from_bytes(hashed.digest())
