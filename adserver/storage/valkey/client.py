"""The connection to Valkey, the function library, and the one place where its failures get our name."""

import hashlib
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from adserver.storage.interfaces import StoreUnavailable

_CONNECT_TIMEOUT_S = 1.0
_LIBRARY_HEAD = "#!lua name=adserver_{version}\n"


class Valkey:
    """A pool of connections and the names of this version's functions.

    ``url``: ``redis://``, ``rediss://`` or ``unix://``. A call that gets no answer within ``timeout_s`` fails; its
    connection is closed and never reused, so that a late reply is never taken for another call's.
    """

    def __init__(self, url: str, *, max_connections: int = 64, timeout_s: float = 2.0) -> None:
        self._pool = BlockingConnectionPool.from_url(
            url,
            max_connections=max_connections,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=_CONNECT_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        self.redis = Redis(connection_pool=self._pool)
        source = files(__package__).joinpath("functions.lua").read_text("utf-8")
        self.version = hashlib.sha256(source.encode()).hexdigest()[:8]
        self._library = _LIBRARY_HEAD.format(version=self.version) + source.replace("VERSION", self.version)

    async def load_functions(self) -> None:
        """Load this version's library beside the ones that other versions of the server may still use."""
        with store_errors():
            await self.redis.function_load(self._library, replace=True)

    async def call(self, function: str, key: str, *args: str | int | bytes) -> object:
        """Call one function on one key. After a restart with an empty store the library is loaded again."""
        name = f"{function}_{self.version}"
        with store_errors():
            try:
                return await cast("Awaitable[object]", self.redis.fcall(name, 1, key, *args))
            except ResponseError as error:
                if "function not found" not in str(error).lower():
                    raise
            await self.redis.function_load(self._library, replace=True)
            return await cast("Awaitable[object]", self.redis.fcall(name, 1, key, *args))

    async def ping(self) -> None:
        """Raise StoreUnavailable unless Valkey answers."""
        with store_errors():
            await self.redis.ping()

    async def close(self) -> None:
        """Close all connections."""
        await self.redis.aclose()
        await self._pool.disconnect()


@contextmanager
def store_errors() -> Iterator[None]:
    """Everything that Valkey or the way to it can raise becomes StoreUnavailable."""
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        # What happens while it connects, redis-py wraps into a ConnectionError.
        if isinstance(error, AuthenticationError) or isinstance(error.__cause__, AuthenticationError):
            raise StoreUnavailable("Valkey refused the user name or password") from error
        raise StoreUnavailable(f"Valkey did not answer: {type(error).__name__}") from error
