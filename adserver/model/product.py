"""A product of an advertiser's catalog, as a banner needs it."""

from enum import StrEnum
from typing import NamedTuple

MICROS = 1_000_000
"""Money is kept in integer micros: 129.00 EUR is 129_000_000."""

PRODUCT_ID_MAX_BYTES = 240
"""Longest product id, in UTF-8; the longest that the trade's feed formats allow (Criteo's 240)."""


class Availability(StrEnum):
    """Google Merchant's ``availability``; only the first may be advertised."""

    IN_STOCK = "in_stock"
    OUT_OF_STOCK = "out_of_stock"
    PREORDER = "preorder"
    BACKORDER = "backorder"


class Product(NamedTuple):
    """One row of a feed.

    ``price`` and ``sale_price`` are micros of ``currency`` (ISO 4217). The sale runs from ``sale_from`` up to, but not
    at, ``sale_until``, in seconds since 1970; 0 leaves that end open. ``link``, ``image_link`` and ``more_images`` are
    absolute http(s) URLs; ``image_link`` is empty where the shop gave none that is usable.

    ``category`` is the shop's own (``product_type``), else Google's, as written: ``Shoes > Boots``. ``labels`` are
    ``custom_label_0`` to ``custom_label_4`` in that order, without the empty ones at the end.

    ``history`` is what we saw the product cost, oldest first: (second since 1970 from which on, micros); see
    ``catalog.history``. It is ours, and no field of a feed.
    """

    id: str
    title: str
    link: str
    image_link: str
    price: int
    currency: str
    sale_price: int | None = None
    sale_from: int = 0
    sale_until: int = 0
    availability: Availability = Availability.IN_STOCK
    brand: str = ""
    item_group_id: str = ""
    category: str = ""
    condition: str = ""
    color: str = ""
    size: str = ""
    description: str = ""
    more_images: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    history: tuple[tuple[int, int], ...] = ()

    @property
    def group(self) -> str:
        """The name that all its sizes and colours go by; its own where the shop gave none."""
        return self.item_group_id or self.id


def paid_at(product: Product, now: int) -> int:
    """The micros a visitor pays at ``now`` (seconds since 1970): the sale price inside its window, else the price."""
    sale_price = product.sale_price
    if sale_price is None or product.sale_from > now or (product.sale_until and now >= product.sale_until):
        return product.price
    return sale_price
