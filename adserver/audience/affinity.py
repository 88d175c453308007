"""Which products keep company, and which are wanted most: counts that fade, and their order."""

from collections.abc import Iterable, Mapping
from heapq import nlargest
from math import sqrt

from adserver.model.related import Partner, Popular, Standing

HALF_LIFE_S = 14 * 86_400
"""After this time a visit counts half."""

KEPT = 40
"""Partners of a product that are remembered: more than are told, because a new one has to come again before it is known
whether it belongs to them."""

MOST_POPULAR = 100

FAINT = 0.05
"""What counts less is forgotten: one visit, after 60 days."""

_DOUBT = 2.0
"""Coming together may be chance: that often, it counts half."""


def fading(since: int, now: int) -> float:
    """What is left at ``now`` of one that counted at ``since``; nothing grows when a clock goes back."""
    return 1.0 if now <= since else 0.5 ** ((now - since) / HALF_LIFE_S)


def score(partner: Partner) -> float:
    """How much a partner belongs to a product: how often they came together, doubted where that was seldom, and less
    where the other one comes together with everything."""
    together, visits = partner
    return together * together / (together + _DOUBT) / sqrt(visits) if visits else 0.0


class Gains:
    """What visits had of one advertiser's products, of one kind, since the last time."""

    __slots__ = ("together", "visits")

    def __init__(self) -> None:
        self.visits: dict[str, int] = {}
        self.together: dict[str, dict[str, int]] = {}

    def add(self, product: str, before: Iterable[str]) -> None:
        """A visit had ``product`` behind those ``before``, each of them another one."""
        self.visits[product] = self.visits.get(product, 0) + 1
        own = self.together.setdefault(product, {})
        for other in before:
            own[other] = own.get(other, 0) + 1
            theirs = self.together.setdefault(other, {})
            theirs[product] = theirs.get(product, 0) + 1

    def put_to(self, old: Mapping[str, Standing], now: int) -> dict[str, Standing]:
        """The standings at ``now`` of all products that gained; ``old`` has those that had one."""
        standings = {product: old.get(product, _NONE) for product in self.together}
        visits = {
            product: standing.visits * fading(standing.at, now) + self.visits.get(product, 0)
            for product, standing in standings.items()
        }
        return {
            product: Standing(now, visits[product], _partners(standing, now, self.together[product], visits))
            for product, standing in standings.items()
        }


_NONE = Standing()


def _partners(old: Standing, now: int, gained: Mapping[str, int], visits: Mapping[str, float]) -> dict[str, Partner]:
    left = fading(old.at, now)
    partners = {product: (pair[0] * left, pair[1] * left) for product, pair in old.partners.items()}
    for product, count in gained.items():
        known = partners.get(product)
        partners[product] = (known[0] + count if known else count, visits[product])
    if len(partners) > KEPT:
        # Not those that belong most to the product: whatever is seldom would keep out all that is known only with time.
        partners = dict(sorted(partners.items(), key=_together, reverse=True)[:KEPT])
    ranked = sorted([(score(pair), product) for product, pair in partners.items()], reverse=True)
    return {product: partners[product] for _, product in ranked}


def _together(item: tuple[str, Partner]) -> float:
    return item[1][0]


def more_popular(old: Popular, visits: Mapping[str, float], now: int) -> Popular:
    """The most wanted products, once those named have so many ``visits`` at ``now``.

    Exact as long as every product that gains is named: all others fade alike, and keep their order.
    """
    left = fading(old.at, now)
    counts = {**{product: count * left for product, count in old.visits.items()}, **visits}
    return Popular(now, dict(nlargest(MOST_POPULAR, counts.items(), key=lambda item: (item[1], item[0]))))
