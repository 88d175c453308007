"""What was bought is not advertised to the one who bought it, for some days."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from adserver.model.line_item import ExcludePurchased, PurchaseScope
from adserver.model.product import Product
from adserver.model.product_set import category_path
from adserver.model.profile import Shopping

DAY_S = 86_400

_NONE: frozenset[str] = frozenset()


class Excluded(NamedTuple):
    """What a visitor's purchases keep out: item groups by their name, and whole categories by their path."""

    groups: frozenset[str] | set[str] = _NONE
    categories: frozenset[str] | set[str] = _NONE


NOTHING_EXCLUDED = Excluded()


def bought_within(shopping: Shopping, days: int, now: int) -> list[str]:
    """What was bought in the last ``days`` days before ``now`` (seconds since profile EPOCH), newest first.

    The last second of the last day is ``days`` times 86,400 seconds after the purchase, included. Purchases that named
    no product are not among them.
    """
    if not shopping.bought:
        return []
    since = now - days * DAY_S
    times = sorted([(at, product) for product, at in shopping.bought.items() if at >= since and product], reverse=True)
    return [product for _, product in times]


def bought_anything(shopping: Shopping, exclude: ExcludePurchased, now: int) -> bool:
    """Whether ``exclude`` keeps everything from this visitor at ``now`` (seconds since profile EPOCH)."""
    if not shopping.bought or exclude.scope is not PurchaseScope.ALL:
        return False
    return max(shopping.bought.values()) >= now - exclude.days * DAY_S


def excluded_by(bought: Iterable[str], products: Mapping[str, Product], scope: PurchaseScope) -> Excluded:
    """What the ids that were ``bought`` keep out: of a product all its sizes and colours, and where the scope says so
    whatever stands in the same category. ``products`` by the id that was bought; one that is gone from the catalog
    keeps out what goes by its own name."""
    if scope is PurchaseScope.NONE:
        return NOTHING_EXCLUDED
    groups, categories = set[str](), set[str]()
    for product_id in bought:
        groups.add(product_id)
        product = products.get(product_id)
        if product is not None:
            groups.add(product.group)
            if product.category:
                categories.add(category_path(product.category))
    return Excluded(groups, categories if scope is PurchaseScope.CATEGORY else _NONE)
