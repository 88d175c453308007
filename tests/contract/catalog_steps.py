"""Small catalogs for tests."""

from collections.abc import Iterable
from typing import Any

from adserver.model.product import Availability, Product
from adserver.storage.valkey.catalogs import ValkeyCatalogs

REF = 3
OUT = Availability.OUT_OF_STOCK


def product(product_id: str, **fields: Any) -> Product:
    """A shoe; ``fields`` are what is other with it."""
    shoe = Product(product_id, "Shoe", f"https://shop.test/p/{product_id}", "", 19_900_000, "EUR", brand="B")
    return shoe._replace(**fields)


async def import_of(
    catalogs: ValkeyCatalogs, products: Iterable[Product], *, ref: int = REF, checked_at: int = 0
) -> None:
    """They are the current catalog now."""
    writer = await catalogs.begin(ref)
    await writer.add(list(products))
    assert await writer.swap(unless_swapped_since=False, checked_at=checked_at)
