"""Which products of one advertiser a visitor is interested in."""

from adserver.model.profile import Shopping


def interests(shopping: Shopping) -> list[str]:
    """Product ids: those looked at, newest first; behind them what went into the cart without having been looked at."""
    viewed = sorted(shopping.viewed, key=shopping.viewed.__getitem__, reverse=True)
    carted = sorted(shopping.carted.keys() - shopping.viewed.keys(), key=shopping.carted.__getitem__, reverse=True)
    return viewed + carted


def newest_interest(shopping: Shopping) -> int:
    """When the visitor last looked at or carted a product (seconds since profile EPOCH), 0 for never."""
    return max((*shopping.viewed.values(), *shopping.carted.values()), default=0)
