"""What a visitor did in a shop."""

from typing import NamedTuple

from adserver.model.account import Advertiser
from adserver.model.event_name import EventName

NEEDS_PRODUCT = frozenset({EventName.VIEW_ITEM, EventName.ADD_TO_CART, EventName.REMOVE_FROM_CART})
"""Events that say nothing without a product id."""


class Event(NamedTuple):
    """One event of one visitor at one advertiser.

    ``products`` are feed ids, oldest first; ``value`` is micros of ``currency``; ``quantity`` counts pieces of each
    product; ``order_id`` is the shop's; ``url`` is the page's address; ``mail`` the first eight bytes of the SHA-256 of
    the visitor's e-mail address. Absent numbers are None, absent texts and bytes are empty.
    """

    name: EventName
    advertiser: Advertiser
    products: tuple[str, ...] = ()
    quantity: int | None = None
    value: int | None = None
    currency: str = ""
    order_id: str = ""
    url: str = ""
    mail: bytes = b""
