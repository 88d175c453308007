"""What a request for an ad was answered with."""

from typing import NamedTuple

from adserver.model.account import Advertiser, LineItem, Placement
from adserver.model.product import Product
from adserver.model.reason import NoAdReason

HOUSE_CREATIVE = "house"
"""The creative that needs no products, so nothing has to be known of who looks. Its line items are house line items."""


class Decision(NamedTuple):
    """One ad: who pays, where it stands, and the products in the order in which they are shown.

    A house ad has no products, and tells in ``instead_of`` why nothing personal was shown.
    """

    id: str
    placement: Placement
    line_item: LineItem
    advertiser: Advertiser
    products: tuple[Product, ...]
    instead_of: NoAdReason | None = None


class NoAd(NamedTuple):
    """No ad, and why."""

    placement: str
    reason: NoAdReason
