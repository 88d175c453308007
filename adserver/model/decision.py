"""What a request for an ad was answered with."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from adserver.model.account import Advertiser, Campaign, Placement
from adserver.model.line_item import LineItem, Offer
from adserver.model.product import Product
from adserver.model.reason import LineItemReason, NoAdReason

HOUSE_CREATIVE = "house"
"""The creative that needs no products, so nothing has to be known of who looks. Its line items are house line items."""


class Why(StrEnum):
    """Why a product is among those that are shown."""

    CART = "cart"
    PRICE_DROP = "price_drop"
    OFTEN = "often"
    VIEWED = "viewed"
    BOUGHT_TOGETHER = "bought_together"
    UPSELL = "upsell"
    TOGETHER = "together"
    BEST_SELLER = "best_seller"


class Charge(NamedTuple):
    """What one impression (CPM) of the ad costs, in micros, and the lease that it is paid from."""

    lease: str
    micros: int


class Passed(NamedTuple):
    """A line item that was not chosen, by its ``ref``, and the first reason why."""

    line_item: int
    reason: LineItemReason


class Decision(NamedTuple):
    """One ad: who pays, where it stands, and the products in the order in which they are shown, each with its ``why``.

    A house ad has no products, and tells in ``instead_of`` why nothing personal was shown. ``creative`` is the design
    that was drawn, with probability ``propensity``. ``passed``: the other line items that were looked at.
    ``claimed_by``: the visitor whose caps it took, where they are given back unless it is seen.
    """

    id: str
    placement: Placement
    line_item: LineItem
    campaign: Campaign
    advertiser: Advertiser
    products: tuple[Product, ...]
    instead_of: NoAdReason | None = None
    creative: str = ""
    propensity: float = 1.0
    why: tuple[Why, ...] = ()
    offer: Offer | None = None
    charge: Charge | None = None
    passed: Sequence[Passed] = ()
    claimed_by: str = ""


class NoAd(NamedTuple):
    """No ad, and why. ``ghost``: the line item whose ad was held back, for the control group of its campaign."""

    placement: str
    reason: NoAdReason
    ghost: LineItem | None = None
    passed: Sequence[Passed] = ()
