"""What every shopper will do, drawn before anything happens: ads change which purchases come true, nothing else."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from adserver.simulator.world import (
    CATEGORIES,
    DAILY_CURVE,
    DAY_S,
    HOUR_S,
    LEARNING,
    MEASURED,
    PACED,
    PRODUCTS,
    PUBLISHERS,
    SHOPS,
    Shop,
    World,
)

SHOP_VISITS = MappingProxyType({MEASURED: 2.5, PACED: 0.4, LEARNING: 0.4})
"""To each shop, a day, beside the first; most where what comes of them is measured."""

PAGES = 6.0
"""Of publishers, a day."""

_TRUE_TO_TASTE = 0.7
_PUTS_INTO_CART = 0.4
_MOST_VIEWS = 2


class Luck(NamedTuple):
    """The dice of one slot of a page, 0 to 1: whether the banner is rendered, and whether it is clicked."""

    rendered: float
    clicked: float


class ShopVisit(NamedTuple):
    """A visit to a shop at ``at`` (seconds since 1970). ``luck`` (0 to 1) says below which probability it ends with a
    purchase, of the last product viewed."""

    at: float
    shop: Shop
    viewed: tuple[str, ...]
    carts: bool
    luck: float


class PageVisit(NamedTuple):
    """A look at a publisher's page at ``at`` (seconds since 1970), with the dice of each of its slots."""

    at: float
    publisher: str
    luck: tuple[Luck, ...]


Visit = ShopVisit | PageVisit


@dataclass(slots=True)
class Shopper:
    """One visitor: the favourite category, the visits in the order of time."""

    number: int
    taste: str
    visits: Sequence[Visit] = field(default_factory=list)


def make_shoppers(world: World) -> list[Shopper]:
    """All shoppers of a world; the same seed makes the same."""
    dice = random.Random(world.seed)  # noqa: S311  a simulation is to be repeatable
    return [_shopper(number, world, dice) for number in range(world.visitors)]


def _shopper(number: int, world: World, dice: random.Random) -> Shopper:
    taste = dice.choice(CATEGORIES)
    visits: list[Visit] = []
    for shop in SHOPS:
        visits += [_shop_visit(at, shop, taste, dice) for at in _times(world, SHOP_VISITS[shop], dice, first=True)]
    visits += [_page_visit(at, dice) for at in _times(world, PAGES, dice)]
    return Shopper(number, taste, sorted(visits, key=lambda visit: visit.at))


def _times(world: World, per_day: float, dice: random.Random, *, first: bool = False) -> list[float]:
    """When visits begin: on average so many a day; ``first``: and one on the first day in any case."""
    days = [0] if first else []
    for day in range(world.days):
        days += [day] * _poisson(per_day, dice)
    return [world.start + day * DAY_S + _time_of_day(dice) for day in days]


def _time_of_day(dice: random.Random) -> float:
    (hour,) = dice.choices(range(24), DAILY_CURVE)
    return (hour + dice.random()) * HOUR_S


def _poisson(mean: float, dice: random.Random) -> int:
    """How many of rare and independent things happen."""
    count, left = 0, dice.expovariate(1.0)
    while left < mean:
        count, left = count + 1, left + dice.expovariate(1.0)
    return count


def _shop_visit(at: float, shop: Shop, taste: str, dice: random.Random) -> ShopVisit:
    viewed = tuple(shop.product(_drawn(taste, dice)) for _ in range(dice.randint(1, _MOST_VIEWS)))
    return ShopVisit(at, shop, viewed, dice.random() < _PUTS_INTO_CART, dice.random())


def _drawn(taste: str, dice: random.Random) -> int:
    category = taste if dice.random() < _TRUE_TO_TASTE else dice.choice(CATEGORIES)
    return CATEGORIES.index(category) + len(CATEGORIES) * dice.randrange(PRODUCTS // len(CATEGORIES))


def _page_visit(at: float, dice: random.Random) -> PageVisit:
    return PageVisit(at, dice.choice(PUBLISHERS), tuple(Luck(dice.random(), dice.random()) for _ in SHOPS))
