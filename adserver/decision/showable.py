"""Which products may be advertised at all, whoever looks."""

from functools import lru_cache

from adserver.model.domain import covers, host_of
from adserver.model.product import Availability, Product

REMEMBERED = 32_768
"""Links of which it is remembered whether they land inside the advertiser's domains; about 10 MB when all are long."""

_IN_STOCK = Availability.IN_STOCK  # an enumeration looks its members up slowly


def showable(product: Product, domains: tuple[str, ...]) -> bool:
    """Whether a product may be advertised: in stock, and its click lands where the advertiser's clicks may land."""
    return product.availability is _IN_STOCK and _lands_inside(product.link, domains)


@lru_cache(REMEMBERED)
def _lands_inside(link: str, domains: tuple[str, ...]) -> bool:
    return covers(domains, host_of(link))
