"""What a visitor did in a shop. Names are GA4's recommended e-commerce events."""

from enum import StrEnum
from typing import NamedTuple

from adserver.model.account import Advertiser


class EventName(StrEnum):
    """GA4's names; Criteo's and Meta's for the same are aliases of them."""

    PAGE_VIEW = "page_view"
    VIEW_ITEM_LIST = "view_item_list"
    VIEW_ITEM = "view_item"
    ADD_TO_CART = "add_to_cart"
    REMOVE_FROM_CART = "remove_from_cart"
    VIEW_CART = "view_cart"
    BEGIN_CHECKOUT = "begin_checkout"
    PURCHASE = "purchase"
    REFUND = "refund"
    SEARCH = "search"
    LOGIN = "login"
    SIGN_UP = "sign_up"
    GENERATE_LEAD = "generate_lead"
    FILE_DOWNLOAD = "file_download"
    CLICK = "click"


NEEDS_PRODUCT = frozenset({EventName.VIEW_ITEM, EventName.ADD_TO_CART, EventName.REMOVE_FROM_CART})
"""Events that say nothing without a product id."""


class Event(NamedTuple):
    """One event of one visitor at one advertiser.

    ``products`` are feed ids, oldest first; ``value`` is micros of ``currency``; ``quantity`` counts pieces of each
    product; ``order_id`` is the shop's. Absent numbers are None, absent texts are empty.
    """

    name: EventName
    advertiser: Advertiser
    products: tuple[str, ...] = ()
    quantity: int | None = None
    value: int | None = None
    currency: str = ""
    order_id: str = ""
