"""Whether a product became cheaper since somebody looked at it."""

from adserver.model.product import Product, paid_at


def has_dropped(product: Product, viewed_at: int, now: int) -> bool:
    """Whether less is to be paid at ``now`` than when it was looked at (both in seconds since 1970).

    Of the past, the history keeps what no later price undercut: one that fell and rose again in between counts with
    the lower price. So a drop that is told was there, and one of an unknown past is none.
    """
    if len(product.history) < 2 and product.sale_price is None:
        return False
    before = _price_at(product, viewed_at)
    return before is not None and paid_at(product, now) < before


def _price_at(product: Product, second: int) -> int | None:
    history = product.history
    if history and second >= history[-1][0]:
        return paid_at(product, second)  # nothing but its sale has changed the price since then
    return next((price for since, price in reversed(history[:-1]) if since <= second), None)
