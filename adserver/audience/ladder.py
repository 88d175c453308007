"""The rung of the ladder that a visitor stands on at one advertiser."""

from adserver.model.profile import EPOCH, Shopping
from adserver.model.segment import Rung

DAY_S = 86_400


def rung_of(shopping: Shopping, now: float, days: int) -> Rung | None:
    """The deepest rung that was reached within ``days`` before ``now`` (seconds since 1970), None for none.

    What is exactly ``days`` old still counts. A product that was taken out of the cart, or bought, is in it no more;
    a buyer who gave everything back has bought nothing: each stands on the rung below.
    """
    since = int(now) - EPOCH - days * DAY_S
    if shopping.bought and max(shopping.bought.values()) >= since:
        return Rung.PAST_BUYER
    if shopping.carted and max(shopping.carted.values()) >= since:
        return Rung.CART_ABANDONER
    if shopping.viewed and max(shopping.viewed.values()) >= since:
        return Rung.PRODUCT_VIEWER
    return Rung.VISITOR if shopping.visited_at and shopping.visited_at >= since else None
