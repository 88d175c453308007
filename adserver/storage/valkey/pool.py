"""redis-py for one node or for a cluster, whichever the URL leads to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
from redis.asyncio.client import Pipeline
from redis.asyncio.cluster import ClusterPipeline
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from adserver.storage.valkey.mode import detect
from adserver.storage.valkey.resp import pack

CONNECT_TIMEOUT_S = 1.0

_NO_LIMIT = 1_024
"""A cluster's client does not wait for a free connection to a node, it fails: so it gets as many as it may need."""


class _PackedByHiredis(AbstractConnection):
    """redis-py lets hiredis read, and writes in Python: of an import that was a sixth of the time."""

    def pack_command(self, *args: Any) -> list[bytes]:
        name, *values = args
        return [pack((*name.split(), *values))]  # the name may be of two words, and a part of them


class AnyRedis(Redis):
    """Asks before its first command what it talks to. All keys of one command, and of one pipeline, share a slot.

    A pipeline with a transaction is one write to one node on a cluster, but no transaction: its commands are carried
    out in order, and the first of them alone when the node ends in the middle.
    """

    def __init__(self, url: str, *, max_connections: int, timeout_s: float) -> None:
        self._url = url
        self._timeouts = {"socket_timeout": timeout_s, "socket_connect_timeout": CONNECT_TIMEOUT_S}
        self._finding = asyncio.Lock()
        self._cluster: RedisCluster | None = None
        self._is_known = url.startswith("unix://")
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=max_connections,
            timeout=timeout_s,
            retry=_once(),
            protocol=2,
            **self._timeouts,
        )
        kind = pool.connection_class  # by the scheme of the URL
        pool.connection_class = type(kind.__name__, (_PackedByHiredis, kind), {})
        super().__init__(connection_pool=pool)

    async def found(self) -> RedisCluster | None:
        """The cluster, or None when it is one node. Raises StoreUnavailable while nobody answers."""
        if self._is_known:
            return self._cluster
        async with self._finding:
            if self._cluster is None and await detect(self._url):
                self._cluster = RedisCluster.from_url(
                    self._url, max_connections=_NO_LIMIT, retry=_once(), protocol=2, **self._timeouts
                )
            self._is_known = True
        return self._cluster

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """To the one node, or to the node that has the key; ``FUNCTION LOAD`` and ``SCAN`` go to all primaries."""
        cluster = await self.found()
        if cluster is None:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        return await cluster.execute_command(*args, **options)

    @asynccontextmanager
    async def pipeline(  # type: ignore[override]  # it has to ask first
        self, transaction: bool = True
    ) -> AsyncIterator[Pipeline | ClusterPipeline]:
        """One write of several commands."""
        cluster = await self.found()
        if cluster is None:
            async with super().pipeline(transaction) as pipe:
                yield pipe
        else:
            async with cluster.pipeline() as pieces:
                yield pieces

    async def scan_iter(  # type: ignore[override]  # as above
        self, match: str | None = None, count: int | None = None
    ) -> AsyncIterator[bytes]:
        """The keys of all nodes; one that moves meanwhile may come twice."""
        cluster = await self.found()
        keys = super().scan_iter(match, count) if cluster is None else cluster.scan_iter(match, count)
        async for key in keys:
            yield key

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close all connections."""
        if self._cluster is not None:
            await self._cluster.aclose()
        await super().aclose(close_connection_pool)


def _once() -> Retry:
    """Nothing is sent again that may have been carried out."""
    return Retry(NoBackoff(), 0)
