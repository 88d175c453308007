"""Counting through the spool."""

import secrets
from collections.abc import Awaitable, Callable
from itertools import count

from adserver.storage.interfaces import EventLog, LogRecord
from adserver.storage.spool.spool import KEPT, Spool
from adserver.storage.valkey import keys


class SpooledBilling:
    """Counts each thing once, now or when Valkey is back, and writes it to the event log."""

    def __init__(self, spool: Spool, log: EventLog) -> None:
        self._spool = spool
        self._log = log
        self._process = secrets.token_urlsafe(6)
        self._serial = count(1)

    async def bill(
        self,
        decision: str,
        item: str,
        ttl_s: int,
        record: LogRecord,
        pay: Callable[[], Awaitable[int]] | None = None,
    ) -> bool:
        """True for the first call per ``decision`` and ``item`` within ``ttl_s`` seconds: ``record`` is written then,
        and what ``pay`` says, where there is one, takes the place of its last field, the cost.

        True as well while Valkey is away: whether the call was the first is found out when it is replayed, and the
        record is written then, as it is, if it was: nobody pays then. Raises StoreUnavailable, and nothing is kept.
        """
        claim = f"{self._process}{next(self._serial):x}"
        billed = await self._spool.call("bill", keys.billed(decision), item, ttl_s, claim, then=record)
        if billed == 1:
            await self._log.append(record if pay is None else (*record[:-1], await pay()))
        return billed == 1 or billed is KEPT

    async def bill_alone(self, record: LogRecord, pay: Callable[[], Awaitable[int]] | None = None) -> None:
        """The same for what nobody else can ask to be counted, and nobody twice: only ``record`` is written. Raises
        StoreUnavailable when that could be kept nowhere."""
        await self._log.append(record if pay is None else (*record[:-1], await pay()))
