"""One import at a time per advertiser, over all processes: whoever has the turn says again and again that it lives."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

LEASE_S = 15.0
"""After so long a silence an import is taken for dead."""

_RENEW_S = 4.0
_ASK_AGAIN_S = 0.25


class Turns(Protocol):
    """Whose turn it is, in SQL."""

    def begin(self, ref: int, source: str, now: datetime, alive_until: datetime) -> int | None:
        """Take the turn of an advertiser: the number of the import, or None while another one runs."""

    def still_alive(self, number: int, until: datetime) -> None:
        """The import goes on."""


@contextlib.asynccontextmanager
async def turn(
    turns: Turns, ref: int, source: str, *, give_way: bool, waiting: Callable[[], None]
) -> AsyncIterator[int | None]:
    """The number of the import, for as long as this lasts. Where another one runs: None at once with ``give_way``,
    else its end is waited for, after one call of ``waiting``."""
    number = _begin(turns, ref, source)
    if number is None and give_way:
        yield None
        return
    if number is None:
        waiting()
    while number is None:
        await asyncio.sleep(_ASK_AGAIN_S)
        number = _begin(turns, ref, source)
    renewing = asyncio.create_task(_renew(turns, number))
    try:
        yield number
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)


def expect_to_go_on() -> None:
    """Raise CancelledError where this task was cancelled and somebody below has swallowed that, as redis-py does."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _begin(turns: Turns, ref: int, source: str) -> int | None:
    now = datetime.now(UTC)
    return turns.begin(ref, source, now, now + timedelta(seconds=LEASE_S))


async def _renew(turns: Turns, number: int) -> None:
    while True:
        await asyncio.sleep(_RENEW_S)
        turns.still_alive(number, datetime.now(UTC) + timedelta(seconds=LEASE_S))
