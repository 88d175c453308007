"""Off the hot path: redis-py's pools, the function library, and failures under our name."""

from collections.abc import Awaitable
from typing import cast

from redis.exceptions import RedisError, ResponseError

from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.valkey.failures import store_errors
from adserver.storage.valkey.library import Library
from adserver.storage.valkey.pool import AnyRedis

__all__ = ["Valkey", "store_errors"]


class Valkey:
    """A pool of connections and the names of this version's functions.

    ``url``: ``redis://``, ``rediss://`` or ``unix://``, of one node or of any node of a cluster. A call that gets no
    answer within ``timeout_s`` fails; its connection is closed and never reused, so that a late reply is never taken
    for another call's.
    """

    def __init__(self, url: str, *, max_connections: int = 64, timeout_s: float = 2.0) -> None:
        self.redis = AnyRedis(url, max_connections=max_connections, timeout_s=timeout_s)
        self._library = Library()
        self.version = self._library.version

    async def load_functions(self) -> None:
        """Load this version's library beside the ones that other versions of the server may still use."""
        with store_errors():
            await self.redis.function_load(self._library.source, replace=True)

    async def call(self, function: str, key: str | tuple[str, ...], *args: str | int | bytes) -> object:
        """Call one function on one key, or on several of one slot.

        After a restart with an empty store the library is loaded again.
        """
        name = self._library.name(function)
        keys = (key,) if isinstance(key, str) else key
        with store_errors():
            try:
                return await cast("Awaitable[object]", self.redis.fcall(name, len(keys), *keys, *args))
            except ResponseError as error:
                if "function not found" not in str(error).lower():
                    raise
            await self.redis.function_load(self._library.source, replace=True)
            return await cast("Awaitable[object]", self.redis.fcall(name, len(keys), *keys, *args))

    async def ping(self) -> None:
        """Raise StoreUnavailable unless Valkey answers; of a cluster, one primary is enough."""
        with store_errors():
            cluster = await self.redis.found()
            if cluster is None:
                await self.redis.ping()
                return
            await cluster.initialize()
            for primary in cluster.get_primaries():
                try:
                    await primary.execute_command("PING")
                except (RedisError, OSError):
                    continue
                return
        raise StoreUnavailable("Valkey did not answer: no primary of the cluster does")

    async def close(self) -> None:
        """Close all connections."""
        await self.redis.aclose()
        await self.redis.connection_pool.disconnect()
