"""Products that a visitor has not looked at, out of what others looked at and bought."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from types import MappingProxyType
from typing import NamedTuple

from adserver.decision.variant import Gap
from adserver.decision.wishes import Wishes
from adserver.model.decision import Why
from adserver.model.line_item import Recommend
from adserver.model.product import Product, paid_at
from adserver.model.product_set import category_path

SEEDS = 5
"""Of so many products that were carted or looked at last, and of so many bought last, it is asked what goes with
them."""

FEW, MANY = 20, 100
"""So many related products, and so many best sellers, are looked at: many where most of them may not suit."""

WHY: Mapping[Recommend, Why] = MappingProxyType(
    {
        Recommend.BOUGHT_TOGETHER: Why.BOUGHT_TOGETHER,
        Recommend.UPSELL: Why.UPSELL,
        Recommend.TOGETHER: Why.TOGETHER,
        Recommend.BEST_SELLERS: Why.BEST_SELLER,
    }
)

_NONE: Mapping[str, Sequence[str]] = MappingProxyType({})


class Told(NamedTuple):
    """What was read: with each product, what others ``bought`` and ``viewed`` with it, and the ``best`` sellers; each
    list best first, by id or item group."""

    bought: Mapping[str, Sequence[str]] = _NONE
    viewed: Mapping[str, Sequence[str]] = _NONE
    best: Sequence[str] = ()

    def ids(self, most: int) -> list[str]:
        """The first ``most`` of each of the three, each once."""
        bought, viewed = in_turn(self.bought.values()), in_turn(self.viewed.values())
        return list(dict.fromkeys(chain(islice(bought, most), islice(viewed, most), self.best[:most])))


class Asked(NamedTuple):
    """What has to be read: what was ``bought`` and ``viewed`` with these products, and whether the ``best`` sellers."""

    bought: list[str]
    viewed: list[str]
    best: bool


def asked_of(recommend: Sequence[Recommend], wishes: Wishes, gaps: Sequence[Gap], *, room: bool) -> Asked:
    """``room``: the visitor's own products do not fill the banner. ``gaps``: what of them has to give way."""
    upsell = Recommend.UPSELL in recommend
    crosses = upsell or Recommend.BOUGHT_TOGETHER in recommend
    bought = [gap.product.id for gap in gaps if gap.bought] + (wishes.bought[:SEEDS] if room else [])
    viewed = [gap.product.id for gap in gaps if not gap.bought or upsell]
    if upsell and room:
        viewed += wishes.bought[:SEEDS]
    if room and (upsell or Recommend.TOGETHER in recommend):
        viewed += seeds_of(wishes)
    best = upsell or (room and Recommend.BEST_SELLERS in recommend)
    return Asked(list(dict.fromkeys(bought)) if crosses else [], list(dict.fromkeys(viewed)), best)


def seeds_of(wishes: Wishes) -> list[str]:
    """What the visitor looked at last and did not buy."""
    seeds = [i for i in chain(wishes.carted, islice(wishes.viewed, SEEDS)) if i not in wishes.bought]
    return seeds[:SEEDS]


class Sources:
    """What was ``told``, for a visitor with these ``wishes``, in the order of ``recommend``. ``products`` by the ids in
    all of them, as far as they are in the catalog; ``now`` in seconds since 1970."""

    __slots__ = ("_now", "_told", "_wishes", "products", "recommend")

    def __init__(
        self, told: Told, wishes: Wishes, recommend: Sequence[Recommend], products: Mapping[str, Product], *, now: int
    ) -> None:
        self._told = told
        self._wishes = wishes
        self._now = now
        self.recommend = recommend
        self.products = products

    def instead_of(self, gap: Gap) -> Iterator[tuple[str, Why]]:
        """Ids of what may take its place, best first: what is bought with one that was bought, or a dearer one; else
        what is viewed with it."""
        if not gap.bought:
            yield from ((product_id, Why.TOGETHER) for product_id in self._told.viewed.get(gap.product.id, ()))
            return
        for source in self.recommend:
            if source is Recommend.BOUGHT_TOGETHER:
                together = self._told.bought.get(gap.product.id, ())
                yield from ((product_id, Why.BOUGHT_TOGETHER) for product_id in together)
            elif source is Recommend.UPSELL:
                yield from ((product_id, Why.UPSELL) for product_id in self._dearer_than(gap.product))

    def of(self, source: Recommend) -> Iterable[str]:
        """Ids of what ``source`` has, best first."""
        told, bought = self._told, self._wishes.bought[:SEEDS]
        if source is Recommend.BEST_SELLERS:
            return told.best
        if source is Recommend.BOUGHT_TOGETHER:
            return in_turn([told.bought.get(product_id, ()) for product_id in bought])
        seeds = seeds_of(self._wishes)
        if source is Recommend.TOGETHER:
            return in_turn([told.viewed.get(product_id, ()) for product_id in seeds])
        own = [self.products.get(product_id) for product_id in (*bought, *seeds)]
        return in_turn([list(self._dearer_than(product)) for product in own if product is not None])

    def _dearer_than(self, product: Product) -> Iterator[str]:
        """What goes together with it, or is a best seller, and is of the same category, and costs more."""
        path, price = category_path(product.category), paid_at(product, self._now)
        if not path:
            return
        told = self._told
        related = chain(told.bought.get(product.id, ()), told.viewed.get(product.id, ()), told.best)
        for product_id in dict.fromkeys(related):
            other = self.products.get(product_id)
            if (
                other is not None
                and category_path(other.category) == path
                and other.currency == product.currency
                and paid_at(other, self._now) > price
            ):
                yield product_id


def in_turn(lists: Iterable[Sequence[str]]) -> Iterator[str]:
    """The first of each list, the second of each, and so on."""
    some = [found for found in lists if found]
    for place in range(max(map(len, some), default=0)):
        for found in some:
            if place < len(found):
                yield found[place]
