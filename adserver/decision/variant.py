"""Sizes and colours of one thing, in the feed a product each, are one product to a visitor: an item group."""

from collections.abc import Iterable

from adserver.decision.rank import showable
from adserver.model.product import Product

Places = dict[str, Product | None]
"""What is shown of each item group, best rank first; None: nothing so far, as what was viewed of it is sold out."""


def fold(places: Places, products: Iterable[Product | None], domains: tuple[str, ...]) -> None:
    """Put viewed products, best first, into the places of their groups: of each group the first that may be shown.
    None among them are those that are gone from the catalog.

    A group's rank is that of the first product viewed of it, though another one takes the place. A product without a
    group is one of its own.
    """
    for product in products:
        if product is None:
            continue
        group = product.item_group_id or product.id
        if places.get(group) is None:
            if showable(product, domains):
                places[group] = product
            elif product.item_group_id:
                places.setdefault(group, None)


def first_of(places: Places, most: int) -> tuple[Product, ...]:
    """The first ``most`` products that are to be shown."""
    return tuple(filter(None, places.values()))[:most]


def are_settled(places: Places, most: int) -> bool:
    """Whether no product that follows can come among the first ``most``."""
    return len(places) >= most and all(list(places.values())[:most])
