"""Ledgers that are missing begin with what the reports say was spent: of new line items, and in an empty Valkey."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from adserver.model.account import Accounts


class BookedAccounts(Protocol):
    """The accounts in SQL."""

    def revision(self) -> int:
        """Counts the changes of what is published."""

    def load(self) -> tuple[int, Accounts]:
        """The revision and all accounts of that revision."""


class Costs(Protocol):
    """The reports."""

    def costs(self, since: datetime | None = None, until: datetime | None = None) -> dict[str, int]:
        """Line item -> micros."""


class Ledgers(Protocol):
    """The ledgers in Valkey."""

    async def missed(self) -> Collection[int]:
        """Refs of line items that a worker found no ledger of, each told once."""

    async def is_there(self, ref: int) -> bool:
        """Whether the line item has a ledger."""

    async def seed(self, ref: int, spent: int, day: int, spent_today: int, began: int) -> bool:
        """Begin a ledger, unless there is one."""


class SeedBudgets:
    """``roll_up`` counts what is not in the reports yet, a part at a time, and is True while there is more."""

    def __init__(
        self,
        accounts: BookedAccounts,
        costs: Costs,
        ledgers: Ledgers,
        roll_up: Callable[[], Awaitable[bool]],
    ) -> None:
        self._accounts = accounts
        self._costs = costs
        self._ledgers = ledgers
        self._roll_up = roll_up
        self._revision = -1
        self._booked: Mapping[int, tuple[str, str]] = {}

    async def __call__(self, now: float) -> int:
        """How many ledgers were begun. Cheap while none is missing; call it every second. Raises StoreUnavailable and
        DatabaseUnavailable."""
        missing = {*await self._new(), *await self._ledgers.missed()} & self._booked.keys()
        if not missing:
            return 0
        while await self._roll_up():
            pass
        ever, zones = self._costs.costs(), {self._booked[ref][1] for ref in missing}
        today = {zone: _today(now, ZoneInfo(zone)) for zone in zones}
        of_today = {zone: self._costs.costs(since) for zone, (_, since) in today.items()}
        seeded = 0
        for ref in sorted(missing):
            line_item, zone = self._booked[ref]
            spent = ever.get(line_item, 0)
            day, _ = today[zone]
            began = 0 if spent else int(now)
            seeded += await self._ledgers.seed(ref, spent, day, of_today[zone].get(line_item, 0), began)
        return seeded

    async def _new(self) -> list[int]:
        """Line items that were booked since the last call and have no ledger yet."""
        revision = self._accounts.revision()
        if revision == self._revision:
            return []
        _, accounts = self._accounts.load()
        zones = {advertiser.id: advertiser.time_zone for advertiser in accounts.advertisers.values()}
        booked = {
            line_item.ref: (line_item.id, zones[accounts.campaigns[line_item.campaign].advertiser])
            for line_item in accounts.line_items.values()
            if line_item.budget is not None
        }
        new = [ref for ref in booked if ref not in self._booked and not await self._ledgers.is_there(ref)]
        self._booked, self._revision = booked, revision
        return new


def _today(now: float, zone: ZoneInfo) -> tuple[int, datetime]:
    """The number of the day, and the beginning of the UTC hour in which it began: that of the reports."""
    date = datetime.fromtimestamp(now, zone).date()
    midnight = datetime(date.year, date.month, date.day, tzinfo=zone).astimezone(UTC)
    return date.toordinal(), midnight - timedelta(minutes=midnight.minute)
