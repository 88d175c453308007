"""What is true in the simulated world: who looks, what ads cause, how good each design is. The server is not told."""

from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

DAY_S = 86_400
HOUR_S = 3_600

START = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp())
"""Midnight of a Monday, which every simulated day counts from."""

CATEGORIES = ("Shoes", "Jackets", "Lamps", "Tables", "Tents", "Bags")
PRODUCTS = 120
"""Of each shop, the same number in each category."""

DAILY_CURVE = (3, 2, 1, 1, 1, 2, 4, 7, 9, 9, 9, 10, 11, 10, 9, 9, 10, 11, 13, 15, 16, 14, 10, 6)
"""How the visits of a day are spread over its hours: few at night, most in the evening."""

RENDERED = 0.9
"""Share of the ads that a page asked for and that somebody really got to see."""

CLICK_RATES = MappingProxyType({"grid": 0.05, "hero": 0.15})
"""How likely a rendered banner of each design is clicked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """``buys``: how likely a visit to a shop ends with a purchase; after an ad of that shop was really seen, for
    ``effect_days``, ``factor`` times as likely. Ads that were held back or never rendered change nothing."""

    buys: float
    factor: float = 3.0
    effect_days: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """An advertiser. Its campaign and its slots have its name in theirs."""

    name: str

    @property
    def domain(self) -> str:
        """Where its products are."""
        return f"{self.name}.test"

    @property
    def campaign(self) -> str:
        """Its only one."""
        return f"{self.name}-all"

    def product(self, number: int) -> str:
        """The id of one of its products, 0 to ``PRODUCTS`` - 1."""
        return f"{self.name}-{number:03d}"


MEASURED, PACED, LEARNING = Shop(name="measured"), Shop(name="paced"), Shop(name="learning")
SHOPS = (MEASURED, PACED, LEARNING)
"""One holds visitors back and measures what its ads cause, one has a budget for each day, one has two designs and
caps at every level."""

PUBLISHERS = ("courier", "gazette")
"""Each has one slot for each shop."""


def placement(publisher: str, shop: Shop) -> str:
    """The id of that slot."""
    return f"{publisher}-{shop.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """``visitors`` shoppers over ``days`` days. ``holdout``: share of them that the first shop holds back.

    ``goal_share``: the second shop's daily budget is this share of what its slots could deliver, about. ``buys``: how
    likely a visit to a shop ends with a purchase in a world of one day; in one of ten days it is a tenth of that, or
    everybody would have bought in the end, and ads could cause nothing.
    """

    seed: int = 1
    days: int = 1
    visitors: int = 1_000
    buys: float = 0.2
    holdout: float = 0.4
    goal_share: float = 0.4

    @property
    def truth(self) -> Truth:
        """What ads cause in it."""
        return Truth(buys=self.buys / self.days)

    @property
    def start(self) -> int:
        """Its first second, since 1970."""
        return START
