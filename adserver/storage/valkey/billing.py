"""What was counted already, per decision."""

from adserver.storage.valkey import keys
from adserver.storage.valkey.client import Valkey


class ValkeyBilling:
    """Remembers each counted thing for as long as its token can be used."""

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey

    async def bill(self, decision: str, item: str, ttl_s: int) -> bool:
        """True for the first call per ``decision`` and ``item``."""
        return await self._valkey.call("bill", keys.billed(decision), item, ttl_s) == 1
