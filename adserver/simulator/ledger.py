"""All that happened, as the shoppers know it: the server's books are compared with these."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from adserver.simulator.world import DAY_S, HOUR_S, RENDERED, Truth


class Arm(StrEnum):
    """On which side of the holdout a shopper stands."""

    TREATED = "treated"
    GHOST = "ghost"


@dataclass(slots=True)
class Ad:
    """One banner that a shopper was sent. Times in seconds since 1970 on the simulation's clock: ``asked_at`` and
    ``answered_at`` are the shopper's, ``decided_at`` is the server's. ``billable``: seen, and counted by the server."""

    shopper: int
    line_item: str
    creative: str
    products: tuple[str, ...]
    asked_at: float
    decided_at: int
    answered_at: float
    rendered: bool = False
    seen_at: float = 0.0
    billable: bool = False
    clicked: bool = False


@dataclass(slots=True)
class Met:
    """A shopper whom the measured campaign has met: since when, in which arm, and what came of it.

    ``ad_at``: the newest ad that was seen, or would have been if it had not been held back. ``converts_with`` and
    ``converts_without``: whether something was bought since with the effect of such ads, and without, both decided by
    the same dice, so that what ads cause is known for everybody and not only on average.
    """

    arm: Arm
    ad_at: float = float("-inf")
    converts_with: bool = False
    converts_without: bool = False

    @property
    def has_bought(self) -> bool:
        """Whether really something was."""
        return self.converts_with if self.arm is Arm.TREATED else self.converts_without

    def sees(self, at: float, luck: float) -> None:
        """An ad, or one held back; ``luck`` (0 to 1) says whether it is rendered."""
        if luck < RENDERED:
            self.ad_at = at

    def visits(self, at: float, luck: float, truth: Truth) -> bool:
        """A visit to the shop; ``luck`` (0 to 1) says whether something is bought. Returns whether really."""
        under_effect = at - self.ad_at <= truth.effect_days * DAY_S
        with_ads = luck < truth.buys * (truth.factor if under_effect else 1.0)
        without = luck < truth.buys
        self.converts_with |= with_ads
        self.converts_without |= without
        return with_ads if self.arm is Arm.TREATED else without


@dataclass(slots=True)
class Ledger:
    """``refused``: reasons why requests were not counted that should have been; ``no_ads``: reasons why there was no
    ad."""

    ads: list[Ad] = field(default_factory=list)
    met: dict[int, Met] = field(default_factory=dict)
    no_ads: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    purchases: int = 0
    requests: int = 0

    def spent(self, line_item: str, price: int) -> dict[int, int]:
        """Micros by hour (since 1970) for what the line item showed and somebody saw, at ``price`` each: of the hour in
        which it was decided, whose money it is."""
        hours = Counter(ad.decided_at // HOUR_S for ad in self.ads if ad.line_item == line_item and ad.billable)
        return {hour: count * price for hour, count in sorted(hours.items())}

    def pulls(self, line_items: frozenset[str]) -> Counter[str]:
        """How often each design was sent."""
        return Counter(ad.creative for ad in self.ads if ad.line_item in line_items)
