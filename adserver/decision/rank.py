"""From what may run and what a visitor looked at to candidates, best first."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from adserver.decision.index import Booking
from adserver.model.domain import covers, host_of
from adserver.model.product import Availability, Product

REMEMBERED = 32_768
"""Links of which it is remembered whether they land inside the advertiser's domains; about 10 MB when all are long."""

_IN_STOCK = Availability.IN_STOCK  # an enumeration looks its members up slowly

Rng = Callable[[], float]
"""A draw from [0, 1)."""


@dataclass(frozen=True, slots=True)
class Interest:
    """A visitor's products at one advertiser, best first, and when the newest was looked at."""

    products: Sequence[str]
    newest: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A line item that could be shown, with the ids of the products it would show."""

    booking: Booking
    products: Sequence[str]


def rank(bookings: Iterable[Booking], interests: Mapping[int, Interest], rng: Rng) -> list[Candidate]:
    """Candidates of advertisers the visitor has a history with: the freshest interest first, equals in drawn order."""
    drawn = [
        (-interest.newest, rng(), Candidate(booking, interest.products))
        for booking in bookings
        if (interest := interests.get(booking.advertiser.ref)) is not None and interest.products
    ]
    drawn.sort(key=lambda row: row[:2])
    return [candidate for _, _, candidate in drawn]


def showable(product: Product, domains: tuple[str, ...]) -> bool:
    """Whether a product may be advertised: in stock, and its click lands where the advertiser's clicks may land."""
    return product.availability is _IN_STOCK and _lands_inside(product.link, domains)


@lru_cache(REMEMBERED)
def _lands_inside(link: str, domains: tuple[str, ...]) -> bool:
    return covers(domains, host_of(link))
