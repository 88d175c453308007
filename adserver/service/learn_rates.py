"""The hours of the report become click rates, and how often each design is drawn."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

from adserver.decision.fits import Sizes
from adserver.decision.learn import Learner, added
from adserver.model.account import Accounts
from adserver.model.rates import Rates, Tally

HALF_LIFE_DAYS = 7.0
"""An impression of a week ago counts half of one of now, one of two weeks ago a quarter: seasons and offers change."""

LOOK_BACK_DAYS = 35
"""What is older would count less than a thirtieth, and is left out."""

_OPEN = timedelta(hours=1)
"""The hours at the end that are read again each time. What comes into older ones, out of a spool that had to wait, is
seen with the next hour."""

Tallies = Mapping[tuple[str, str], Tally]


class AllAccounts(Protocol):
    """The accounts in SQL."""

    def revision(self) -> int:
        """Counts the changes of what is published."""

    def load(self) -> tuple[int, Accounts]:
        """The revision and all accounts of that revision."""


class ClickHours(Protocol):
    """The measures in SQL."""

    def clicks(self, since: datetime, until: datetime | None) -> Iterable[tuple[datetime, str, str, int, int]]:
        """Hour, line item, creative, impressions, clicks; in the order of these names."""


class RatesPublisher(Protocol):
    """Where workers look."""

    async def publish(self, rates: Rates) -> bool:
        """False when that is what workers see already."""


class LearnRates:
    """One of them should run; each call looks at what was counted. ``creative_sizes`` is asked once, when needed."""

    def __init__(
        self, accounts: AllAccounts, hours: ClickHours, rates: RatesPublisher, creative_sizes: Callable[[], Sizes]
    ) -> None:
        self._accounts = accounts
        self._hours = hours
        self._rates = rates
        self._creative_sizes = creative_sizes
        self._sizes: Sizes | None = None
        self._learner = Learner()
        self._revision = -1
        self._known = Accounts()
        self._learned: tuple[int, Tallies] | None = None
        self._latest = Rates()
        self._closed_until: datetime | None = None
        self._closed: Tallies = {}

    async def __call__(self, now: float) -> bool:
        """Learn from what is counted by ``now`` (seconds since 1970). True when workers will see something new. Raises
        StoreUnavailable and the database's error."""
        if self._sizes is None:
            self._sizes = self._creative_sizes()
        if self._revision != self._accounts.revision():
            self._revision, self._known = self._accounts.load()
        heard = self._revision, self._tallies(now)
        if heard != self._learned:
            # Beside the loop: what else goes on in this process need not wait for the arithmetic.
            self._latest = await asyncio.to_thread(self._learner, self._known, heard[1], self._sizes)
            self._learned = heard
        return await self._rates.publish(self._latest)

    def _tallies(self, now: float) -> Tallies:
        """All hours by their age. The closed ones are read once an hour: there may be very many."""
        hour = datetime.fromtimestamp(now, UTC).replace(minute=0, second=0, microsecond=0)
        until = hour - _OPEN
        if until != self._closed_until:
            begin = until - timedelta(days=LOOK_BACK_DAYS)
            self._closed, self._closed_until = decayed(self._hours.clicks(begin, until), hour), until
        opened = decayed(self._hours.clicks(until, None), hour)
        both = (self._closed, opened)
        return {key: added(each[key] for each in both if key in each) for key in {**self._closed, **opened}}


def decayed(rows: Iterable[tuple[datetime, str, str, int, int]], now: datetime) -> Tallies:
    """Sums by line item and creative, in which an hour counts the less the older it is."""
    sums: dict[tuple[str, str], Tally] = {}
    for hour, line_item, creative, impressions, clicks in rows:
        weight = 0.5 ** (max((now - hour) / timedelta(days=HALF_LIFE_DAYS), 0.0))
        before = sums.get((line_item, creative), Tally())
        sums[line_item, creative] = Tally(before.impressions + weight * impressions, before.clicks + weight * clicks)
    return sums
