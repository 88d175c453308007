"""A process of its own that asks for ads: ``python -m tests.contract.claims_worker URL VISITOR TIMES``.

Says when it is ready, waits for a line, asks for the same ad TIMES times at once, and tells how many it got. The ad
counts at every level, in two windows each; five fit into the campaign's day.
"""

import asyncio
import sys

from adserver.model.profile import EPOCH, Claim, Count
from adserver.storage.valkey.hot import HotValkey
from adserver.storage.valkey.library import Library
from adserver.storage.valkey.route import route_to
from adserver.storage.valkey.visitors import ValkeyVisitors

NOW = 1_790_000_000
WIDE = ((9, 3_600), (50, 86_400))
COUNTS = (
    Count("a7", WIDE),
    Count("gsummer", ((6, 3_600), (5, 86_400))),
    Count("f12", WIDE),
    Count("p7:SKU1", WIDE),
    Count("d7:SKU1", ((1_000_000, 86_400),)),
)


async def work(url: str, visitor: str, times: int) -> None:
    """Once."""
    hot = HotValkey(route_to(url, Library()), Library(), timeout_s=10.0)
    await hot.up()
    visitors = ValkeyVisitors(hot, retention_s=86_400, new_visitor_s=60)
    await visitors.read_visitor(visitor, NOW)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    claim = Claim(COUNTS, "decision", NOW - EPOCH + 3_600)
    reserved = await asyncio.gather(*(visitors.reserve(visitor, [claim], NOW) for _ in range(times)))
    print(sum(one.place == 0 for one in reserved), flush=True)
    await hot.close()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2], int(sys.argv[3])))
