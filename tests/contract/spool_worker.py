"""A process of its own with a spool: ``python -m tests.contract.spool_worker URL FOLDER SLOT FIRST COUNT``.

Writes COUNT records from number FIRST on, one after the other, and a view of a product with each; tells each number
once it is kept. Then it waits to be killed.
"""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.spool.spool import Spool
from adserver.storage.valkey import keys
from tests.contract.restartable import hot_client


async def work(url: str, folder: str, slot: str, first: int, count: int) -> None:
    """For ever."""
    hot = hot_client(url)
    with suppress(StoreUnavailable):
        await hot.up()
    spool = Spool(hot, Path(folder), slot=slot, max_bytes=64 * 1024 * 1024)
    async with spool.running():
        print("started", flush=True)
        for number in range(first, first + count):
            await spool.append([("ad", 1_790_000_000 + number, "item", "placement", "")])
            args = (number, 3_600, 1, 256, "", 1, "v", f"p{number % 200}")
            await spool.call("record_event", keys.visitor(f"w{slot}"), *args)
            print(number, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
