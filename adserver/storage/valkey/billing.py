"""What was counted already, per decision."""

from adserver.storage.valkey import keys
from adserver.storage.valkey.hot import Functions


class ValkeyBilling:
    """Remembers each counted thing for as long as its token can be used."""

    def __init__(self, valkey: Functions) -> None:
        self._valkey = valkey

    async def bill(self, decision: str, item: str, ttl_s: int, claim: str = "") -> bool:
        """True for the first call per ``decision`` and ``item``.

        A ``claim`` tells one caller from all others, in a few characters: a call that is made again with it, because
        its answer was lost, is True again. Without one, every further call is False.
        """
        return await self._valkey.call("bill", keys.billed(decision), item, ttl_s, claim) == 1
