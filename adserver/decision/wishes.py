"""What a visitor may wish for, from what was done in the shop, before anything is known of the products."""

from collections.abc import Mapping
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

from adserver.decision.purchases import bought_within
from adserver.model.profile import Shopping

LOOKED_BACK = 12
"""Of so many products, those looked at last, it is asked whether they became cheaper since then; and so many can come
forward because they were looked at often."""

OFTEN = 3
"""So many looks are often: a second one may be a reload."""


class Wishes(NamedTuple):
    """Product ids, newest first: ``carted``; ``viewed`` last, without the carted ones; the ``others`` that were looked
    at before them; ``bought`` lately. ``often``: of all that was looked at, what was so OFTEN or more, most often
    first. ``viewed_at`` in seconds since profile EPOCH."""

    carted: list[str]
    viewed: list[str]
    often: list[str]
    others: list[str]
    bought: list[str]
    viewed_at: Mapping[str, int]

    @property
    def first(self) -> list[str]:
        """All but the ``others``, each once."""
        if not (self.carted or self.often or self.bought):
            return self.viewed
        return list(dict.fromkeys(chain(self.carted, self.viewed, self.often, self.bought)))


def wishes_of(shopping: Shopping, days: int, now: int) -> Wishes:
    """The same however the mappings are ordered. ``days``: how long a purchase matters; ``now`` in seconds since
    profile EPOCH."""
    viewed_at, carted_at, views = shopping.viewed, shopping.carted, shopping.views
    viewed = _newest_first(viewed_at)
    if carted_at:
        viewed = [product_id for product_id in viewed if product_id not in carted_at]
    often = [product_id for product_id in viewed if views.get(product_id, 0) >= OFTEN] if views else []
    often.sort(key=views.__getitem__, reverse=True)
    return Wishes(
        _newest_first(carted_at),
        viewed[:LOOKED_BACK],
        often[:LOOKED_BACK],
        viewed[LOOKED_BACK:],
        bought_within(shopping, days, now),
        viewed_at,
    )


def _newest_first(times: Mapping[str, int]) -> list[str]:
    return list(map(_product, sorted(zip(times.values(), times, strict=True), reverse=True))) if times else []


_product = itemgetter(1)


NO_WISHES = Wishes([], [], [], [], [], {})
