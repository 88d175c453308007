"""What showing a line item is worth, and in which of its designs it is shown. Lookups in what was learned before."""

from collections.abc import Callable

from adserver.decision.index import Booking
from adserver.model.line_item import BidModel
from adserver.model.rates import Rates

__all__ = ["Rates", "Rng", "click_rate", "designs_of", "draw_design", "expected_value"]

Rng = Callable[[], float]
"""A draw from [0, 1)."""


def expected_value(booking: Booking, rates: Rates) -> float:
    """Micros of the advertiser's currency that one impression is expected to bring; 0 without a bid."""
    bid = booking.line_item.bid
    if bid is None:
        return 0.0
    if bid.model is BidModel.CPM:
        return bid.amount / 1_000
    return bid.amount * click_rate(booking, rates)


def click_rate(booking: Booking, rates: Rates) -> float:
    """Clicks expected per impression, 0 to 1: of its designs as they take turns, else of the next larger whole."""
    line_item = booking.line_item
    rotation = rates.rotations.get((line_item.ref, booking.designs))
    if rotation is not None:
        return rotation.click_rate
    of_line_item = rates.line_items.get(line_item.ref)
    return rates.campaigns.get(line_item.campaign, rates.overall) if of_line_item is None else of_line_item


def designs_of(booking: Booking, rates: Rates) -> tuple[tuple[str, float], ...]:
    """Each design with the probability that it is drawn; the same for all of them while nothing was learned."""
    designs = booking.designs
    rotation = rates.rotations.get((booking.line_item.ref, designs))
    propensities = (1 / len(designs),) * len(designs) if rotation is None else rotation.propensities
    return tuple(zip(designs, propensities, strict=True))


def draw_design(booking: Booking, rates: Rates, rng: Rng) -> tuple[str, float]:
    """One of the designs, and how probable it was that it would be this one (more than 0, at most 1)."""
    designs = booking.designs
    if len(designs) == 1:
        return designs[0], 1.0
    rotation = rates.rotations.get((booking.line_item.ref, designs))
    left = rng()
    if rotation is None:
        return designs[int(left * len(designs))], 1 / len(designs)
    for design, propensity in zip(designs, rotation.propensities, strict=True):
        left -= propensity
        if left < 0:
            return design, propensity
    return designs[-1], rotation.propensities[-1]  # a sum of floats may end a hair below 1
