"""Whether a URL leads to one node or to a cluster."""

from typing import cast

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.valkey.failures import store_errors

_ASK_TIMEOUT_S = 1.0


async def detect(url: str) -> bool:
    """True for any node of a cluster. A unix socket is never one: it leads to no other node.

    Asks once. Raises StoreUnavailable where nobody answers, so that nobody takes silence for an answer, and where the
    URL names a database of a cluster.
    """
    if url.startswith("unix://"):
        return False
    pool = ConnectionPool.from_url(
        url,
        socket_timeout=_ASK_TIMEOUT_S,
        socket_connect_timeout=_ASK_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
    database = pool.connection_kwargs.pop("db", 0)
    with store_errors():
        async with Redis.from_pool(pool) as redis:
            # Unlike INFO, whoever may log in may say hello.
            told = cast("list[object]", await redis.execute_command("HELLO"))  # type: ignore[no-untyped-call]
    clustered = dict(zip(told[::2], told[1::2], strict=False)).get(b"mode") == b"cluster"
    if clustered and database:
        raise StoreUnavailable("a cluster of Valkey has no database but 0: leave it out of the URL")
    return clustered
