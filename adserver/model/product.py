"""A product of an advertiser's catalog, as a banner needs it."""

from dataclasses import dataclass
from enum import StrEnum

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One row of a feed.

    ``price`` and ``sale_price`` are micros of ``currency`` (ISO 4217); ``link`` and ``image_link`` are absolute
    http(s) URLs, ``image_link`` is empty where the shop gave none that is usable.
    """

    id: str
    title: str
    link: str
    image_link: str
    price: int
    currency: str
    sale_price: int | None = None
    availability: Availability = Availability.IN_STOCK
    brand: str = ""
    item_group_id: str = ""
