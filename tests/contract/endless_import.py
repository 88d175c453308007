"""An import that never comes to its end: ``python -m tests.contract.endless_import URL REF``. Tells how many products
it has written."""

import asyncio
import sys
from itertools import count

from adserver.model.product import Product
from adserver.storage.valkey.catalogs import ValkeyCatalogs
from adserver.storage.valkey.client import Valkey


async def write(url: str, ref: int) -> None:
    """Until it is killed."""
    writer = await ValkeyCatalogs(Valkey(url)).begin(ref)
    for first in count(0, 500):
        ids = [f"endless-{number}" for number in range(first, first + 500)]
        await writer.add([Product(i, "Endless", "https://shop.test/", "", 1, "EUR", item_group_id="G") for i in ids])
        print(first, flush=True)


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], int(sys.argv[2])))
