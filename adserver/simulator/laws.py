"""What has to be true of every simulated world, whatever the dice say, and what of most of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from adserver.model.account import Accounts
from adserver.simulator.accounts import PRICE_MICROS, budget_micros
from adserver.simulator.caps import Broken, broken_caps
from adserver.simulator.ledger import Ledger
from adserver.simulator.world import CLICK_RATES, DAY_S, LEARNING, PACED, World

TOLERANCE = 0.05
"""A daily budget is delivered within this share of itself."""

MOST_REGRET = 0.5
"""Of the clicks that an even split between the designs would have lost."""

CLOCK_SLACK_S = 2
"""The server tells whole seconds."""


class Day(NamedTuple):
    """Micros of one day: what was to be spent, what the shoppers saw of what was decided on it, and what the server
    billed on it. An ad before midnight may be seen, and billed, after it."""

    day: int
    budget: int
    seen: int
    billed: int

    @property
    def delivered(self) -> float:
        """Share of the budget."""
        return self.seen / self.budget


class Lift(NamedTuple):
    """How much more often those bought who were shown ads, relative to the others: 1 for twice as often.

    ``true`` is known of everybody; ``low`` to ``high`` is the interval that the server's report gives, ``measured`` its
    best guess. ``known`` and ``reported``: visitors and buyers by arm, as the shoppers and as the server know them.
    """

    true: float
    measured: float
    low: float
    high: float
    known: dict[str, tuple[int, int]]
    reported: dict[str, tuple[int, int]]

    @property
    def is_covered(self) -> bool:
        """Whether the truth is in the interval."""
        return self.low <= self.true <= self.high

    @property
    def is_telling(self) -> bool:
        """Whether the interval is narrower than the lift itself."""
        return self.high - self.low < self.true


class Learned(NamedTuple):
    """How often each design was sent, and how many clicks that lost against always the best one, as a share of what
    an even split would have lost."""

    pulls: dict[str, int]
    regret: float

    @property
    def best(self) -> float:
        """The share of the design that is truly the best."""
        return self.pulls.get(max(CLICK_RATES, key=CLICK_RATES.__getitem__), 0) / max(1, sum(self.pulls.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """One world, looked at."""

    seed: int
    requests: int
    ads: int
    refused: dict[str, int]
    wrong_times: int
    broken: Sequence[Broken]
    days: Sequence[Day]
    lift: Lift
    learned: Learned

    def complaints(self) -> list[str]:
        """What no world may show, in words; a lift outside of its interval is not among it."""
        found = [f"{count} x {what}" for what, count in self.refused.items()]
        if self.wrong_times:
            found.append(f"{self.wrong_times} ads with a time that is not the simulation's")
        if self.broken:
            found.append(f"{len(self.broken)} ads over a cap, the first: {self.broken[0]}")
        for day in self.days:
            if day.seen > day.budget:
                found.append(f"day {day.day}: {day.seen} micros spent of {day.budget}")
            if abs(day.delivered - 1) > TOLERANCE:
                found.append(f"day {day.day}: {day.delivered:.1%} of the budget delivered")
        billed, seen = sum(day.billed for day in self.days), sum(day.seen for day in self.days)
        if billed != seen:
            found.append(f"{billed} micros were billed for what is worth {seen}")
        if self.learned.regret >= MOST_REGRET:
            found.append(f"the designs lost {self.learned.regret:.0%} of the clicks that an even split would have lost")
        if self.lift.known != self.lift.reported:
            found.append(f"visitors and buyers by arm are {self.lift.known}, the report says {self.lift.reported}")
        if not self.lift.is_telling:
            found.append(
                f"the interval of the lift ({self.lift.low:.2f} to {self.lift.high:.2f}) is wider than the lift"
            )
        return found


def examine(world: World, ledger: Ledger, accounts: Accounts, books: "Books", *, impression_ttl_s: int) -> Findings:
    """Compare what the shoppers know with what the server says."""
    return Findings(
        seed=world.seed,
        requests=ledger.requests,
        ads=len(ledger.ads),
        refused=dict(ledger.refused),
        wrong_times=sum(
            not ad.asked_at - CLOCK_SLACK_S <= ad.decided_at <= ad.answered_at + CLOCK_SLACK_S for ad in ledger.ads
        ),
        broken=broken_caps(ledger.ads, accounts, given_back_after_s=impression_ttl_s),
        days=days_of(world, ledger, books),
        lift=lift_of(ledger, books),
        learned=learned_of(ledger, accounts),
    )


class Books(NamedTuple):
    """What the server says: micros billed by day for the line item with a budget, and of the measured campaign the
    lift, its interval, and visitors and buyers by arm."""

    billed: dict[int, int]
    measured: float
    low: float
    high: float
    arms: dict[str, tuple[int, int]]


def days_of(world: World, ledger: Ledger, books: Books) -> list[Day]:
    """The line item with a budget, day by day."""
    price, budget = PRICE_MICROS, budget_micros(world)
    seen: Counter[int] = Counter()
    for hour, micros in ledger.spent(PACED.name, price).items():
        seen[(hour * 3_600 - world.start) // DAY_S] += micros
    return [Day(day, budget, seen[day], books.billed.get(day, 0)) for day in range(world.days)]


def lift_of(ledger: Ledger, books: Books) -> Lift:
    """The measured campaign: everybody's two fates on one side, the report on the other."""
    met = ledger.met.values()
    with_ads = sum(each.converts_with for each in met)
    without = sum(each.converts_without for each in met)
    buyers = Counter(each.arm.value for each in met if each.has_bought)
    visitors = Counter(each.arm.value for each in met)
    return Lift(
        true=with_ads / without - 1 if without else 0.0,
        measured=books.measured,
        low=books.low,
        high=books.high,
        known={arm: (count, buyers[arm]) for arm, count in sorted(visitors.items())},
        reported=books.arms,
    )


def learned_of(ledger: Ledger, accounts: Accounts) -> Learned:
    """The line items with two designs."""
    theirs = frozenset(
        item.id
        for item in accounts.line_items.values()
        if accounts.campaigns[item.campaign].advertiser == LEARNING.name
    )
    pulls = ledger.pulls(theirs)
    best = max(CLICK_RATES.values())
    lost = sum(count * (best - CLICK_RATES.get(design, 0.0)) for design, count in pulls.items())
    even = sum(pulls.values()) * (best - sum(CLICK_RATES.values()) / len(CLICK_RATES))
    return Learned(dict(pulls), lost / even if even else 1.0)
