"""What a request for an ad was answered with."""

from dataclasses import dataclass

from adserver.model.account import Advertiser, LineItem, Placement
from adserver.model.product import Product
from adserver.model.reason import NoAdReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One ad: who pays, where it stands, and the products in the order in which they are shown."""

    id: str
    placement: Placement
    line_item: LineItem
    advertiser: Advertiser
    products: tuple[Product, ...]


@dataclass(frozen=True, slots=True)
class NoAd:
    """No ad, and why."""

    placement: str
    reason: NoAdReason
