"""What was counted becomes click rates, and how often each design is drawn."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from math import floor, log10

from adserver.decision.bandit import Beta, propensities
from adserver.decision.fits import Sizes, designs_in
from adserver.model.account import Accounts
from adserver.model.decision import HOUSE_CREATIVE
from adserver.model.line_item import LineItem
from adserver.model.rates import FIRST_GUESS, Designs, Rates, Rotation, Tally

PRIOR_CLICKS = 4.0
"""The next larger whole weighs as much as this many clicks: as if the parts of a whole differed from it by half
(a coefficient of variation of 50 %, which a gamma distribution has at the shape 4)."""

DESIGN_PRIOR_CLICKS = 1.0
"""The same for the draw among designs, which finds out by itself, so that it is told less beforehand."""

Tallies = Mapping[tuple[str, str], Tally]
"""By line item and design, both by name; the design is empty for what was counted without one."""


class Learner:
    """Remembers the draws it has worked out: most line items are as they were the last time."""

    def __init__(self) -> None:
        self._known: dict[tuple[Beta, ...], tuple[float, ...]] = {}

    def __call__(self, accounts: Accounts, tallies: Tallies, creative_sizes: Sizes) -> Rates:
        """All rates, from scratch. The same tallies give the same rates."""
        competing = {name: item for name, item in accounts.line_items.items() if item.creative != HOUSE_CREATIVE}
        line_items: dict[str, list[Tally]] = defaultdict(list)
        for (name, _), tally in tallies.items():
            if name in competing:
                line_items[name].append(tally)
        campaigns: dict[str, list[Tally]] = defaultdict(list)
        for name, of_line_item in line_items.items():
            campaigns[competing[name].campaign].extend(of_line_item)
        overall = shrunk(added(tally for each in campaigns.values() for tally in each), FIRST_GUESS)
        rates_of_campaigns = {name: shrunk(added(each), overall) for name, each in campaigns.items()}
        of_line_items = {
            competing[name].ref: shrunk(added(each), rates_of_campaigns[competing[name].campaign])
            for name, each in line_items.items()
        }
        known, self._known = self._known, {}
        rotations: dict[Designs, Rotation] = {}
        sizes = {placement.size for placement in accounts.placements.values()}
        for item in competing.values():
            mean = of_line_items.get(item.ref, rates_of_campaigns.get(item.campaign, overall))
            for designs in _groups(item, sizes, creative_sizes):
                of_designs = [tallies.get((item.id, design), Tally()) for design in designs]
                rotations[item.ref, designs] = self._rotation(of_designs, mean, known)
        return Rates(rotations, of_line_items, rates_of_campaigns, overall)

    def _rotation(
        self, tallies: list[Tally], mean: float, known: Mapping[tuple[Beta, ...], tuple[float, ...]]
    ) -> Rotation:
        arms = tuple(posterior(tally, _about(mean)) for tally in tallies)
        drawn = self._known[arms] = known.get(arms) or propensities(arms)
        rates = [shrunk(tally, mean) for tally in tallies]
        return Rotation(drawn, sum(share * rate for share, rate in zip(drawn, rates, strict=True)))


def shrunk(tally: Tally, mean: float) -> float:
    """Clicks per impression as far as the tally tells, and ``mean`` (over 0, below 1) as far as it does not: the mean
    of the posterior of a beta prior with that mean, worth PRIOR_CLICKS."""
    return (_clicks(tally) + PRIOR_CLICKS) / (tally.impressions + PRIOR_CLICKS / mean)


def posterior(tally: Tally, mean: float) -> Beta:
    """What is known of the click rate of one design among those of a line item."""
    clicks, prior = _clicks(tally), DESIGN_PRIOR_CLICKS
    return Beta(clicks + prior, tally.impressions - clicks + prior / mean - prior)


def added(tallies: Iterable[Tally]) -> Tally:
    """Their sum."""
    impressions = clicks = 0.0
    for tally in tallies:
        impressions += tally.impressions
        clicks += _clicks(tally)
    return Tally(impressions, clicks)


def _clicks(tally: Tally) -> float:
    """A banner of several products can be clicked several times: that is still one impression that was clicked."""
    return min(tally.clicks, tally.impressions)


def _about(mean: float) -> float:
    """To two digits: what a prior is made of need not follow each click of somebody else. It always misses some."""
    return min(0.9, round(mean, 1 - floor(log10(mean))))


def _groups(item: LineItem, sizes: Collection[str], creative_sizes: Sizes) -> set[tuple[str, ...]]:
    """The designs that take turns in placements of these sizes."""
    if not item.creatives:
        return set()
    return {designs for size in sizes if len(designs := designs_in(item, size, creative_sizes)) > 1}
