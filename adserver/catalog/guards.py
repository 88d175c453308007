"""What a shop hardly meant: a feed that would take most products away, or put other prices on them."""

from array import array
from collections.abc import Mapping, Sequence
from statistics import median

from adserver.model.product import Product

FEWEST_PRICES = 20
"""Products in both catalogs that a median says something about."""

HIGHEST_RATIO, LOWEST_RATIO = 1.5, 0.5
"""Of new prices to old ones, in the median: beyond them cents were taken for euros, or one currency for another."""

PRICES_KEPT = 131_072
"""Ratios held at most; of more products every second one is looked at, then every fourth, and so on."""

_ROUNDING = 1e-9


class Guards:
    """Compares a new catalog with the one in use, batch by batch. Memory stays constant.

    The plain price is compared, not what is to be paid: a sale on everything is no mistake.
    """

    def __init__(self) -> None:
        self._ratios = array("d")
        self._stride = 1
        self._prices = 0
        self._currencies_changed = 0

    def compare(self, old: Mapping[str, Product], new: Sequence[Product]) -> None:
        """``old``: those of ``new`` that are in use now, by id."""
        for product in new:
            before = old.get(product.id)
            if before is None or not before.price:
                continue
            self._prices += 1
            if before.currency != product.currency:
                self._currencies_changed += 1
            elif self._prices % self._stride == 0:
                self._ratios.append(product.price / before.price)
        while len(self._ratios) > PRICES_KEPT:
            self._ratios = self._ratios[1::2]
            self._stride *= 2

    def objection(self, size_before: int, size: int, max_loss: float, *, currency_may_change: bool = False) -> str:
        """Why the new catalog of ``size`` products should not be used unseen; empty when nothing speaks against it.

        ``max_loss`` is the share (0 to 1) of ``size_before`` that may go. ``currency_may_change``: the account's own
        currency has changed.
        """
        lost = size_before - size
        if lost > max_loss * size_before * (1 + _ROUNDING):
            share = f"{lost / size_before:.0%} fewer than the {size_before} in use, and max_loss allows {max_loss:.0%}"
            return f"it has {'1 product' if size == 1 else f'{size} products'}, {share}"
        if self._currencies_changed * 2 > self._prices and not currency_may_change:
            return (
                f"{self._currencies_changed} of the {self._prices} products in use have a price in another currency now"
            )
        ratio = median(self._ratios) if len(self._ratios) >= FEWEST_PRICES else 1.0
        if not LOWEST_RATIO <= ratio <= HIGHEST_RATIO:
            return (
                f"the prices of the {self._prices} products in use became {_times(ratio)} in the median; "
                f"{LOWEST_RATIO:g} to {HIGHEST_RATIO:g} times is what goes through unseen"
            )
        return ""


def _times(ratio: float) -> str:
    return f"{ratio:.3g} times what they were"
