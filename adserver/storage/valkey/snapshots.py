"""The published snapshot: one hash, so that nobody sees half of one."""

from collections.abc import Awaitable
from typing import cast

from adserver.model.snapshot import Snapshot
from adserver.storage.valkey import codec, keys
from adserver.storage.valkey.client import Valkey, store_errors


class ValkeySnapshots:
    """Publishes for all workers, and tells one worker what is new."""

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey

    async def publish(self, snapshot: Snapshot) -> bool:
        """Publish unless a newer or equal revision is there already."""
        packed = codec.pack_snapshot(snapshot)
        return await self._valkey.call("publish_snapshot", keys.SNAPSHOT, snapshot.revision, packed) == 1

    async def published_revision(self) -> int:
        """0 when nothing was published yet."""
        with store_errors():
            revision = await cast("Awaitable[bytes | None]", self._valkey.redis.hget(keys.SNAPSHOT, "revision"))
        return int(revision or 0)

    async def newer_than(self, revision: int) -> Snapshot | None:
        """The published snapshot, or None while it is not newer than ``revision``."""
        if await self.published_revision() <= revision:
            return None
        with store_errors():
            body = await cast("Awaitable[bytes | None]", self._valkey.redis.hget(keys.SNAPSHOT, "body"))
        return codec.unpack_snapshot(body) if body else None
