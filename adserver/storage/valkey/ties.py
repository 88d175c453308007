"""A picture and its link, tied together: one string each, written with its time to live."""

from collections.abc import Awaitable
from hashlib import blake2b
from typing import cast

from adserver.storage.valkey import keys
from adserver.storage.valkey.hot import HotValkey

_DIGEST_BYTES = 16


class ValkeyTies:
    """``ttl_s``: how long a click may come after its picture, in seconds."""

    def __init__(self, valkey: HotValkey, *, ttl_s: int) -> None:
        self._valkey = valkey
        self._ttl_s = ttl_s

    def tie(self, visitor: str, placement: str, cachebuster: str, click_url: str) -> Awaitable[object]:
        """Write where a click goes, in place of what was tied to the same before."""
        return self._valkey.put(_key(visitor, placement, cachebuster), click_url, self._ttl_s)

    async def tied(self, visitor: str, placement: str, cachebuster: str) -> str:
        """The click URL; empty where nothing is tied, or no longer."""
        found = await self._valkey.command("GET", _key(visitor, placement, cachebuster))
        return cast("bytes", found).decode() if found else ""


def _key(visitor: str, placement: str, cachebuster: str) -> str:
    """Of one length, whatever a client sends; none of the three holds a line end."""
    told = f"{visitor}\n{placement}\n{cachebuster}".encode("utf-8", "replace")
    return keys.tie(blake2b(told, digest_size=_DIGEST_BYTES).hexdigest())
