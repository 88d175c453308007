"""When traffic came yesterday, for the line items whose pacing learns from it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from adserver.decision.pacing import curve_of
from adserver.model.account import Accounts
from adserver.model.budget import Curve
from adserver.model.line_item import LineItem, Pacing
from adserver.service.seed_budgets import BookedAccounts

AGAIN_S = 3_600.0
"""What is published is published again after so long, in case Valkey was emptied."""


class Traffic(Protocol):
    """The reports."""

    def requests(self, since: datetime, until: datetime) -> Sequence[tuple[datetime, str, int]]:
        """(UTC hour, placement, requests), filled or not."""


class Curves(Protocol):
    """Where workers find them."""

    async def publish_curves(self, curves: Mapping[int, Curve]) -> None:
        """Replace all of them, by line item ref."""


class LearnCurves:
    """A line item's traffic are all requests of the placements in which it may run, whoever got the ad: its own ads
    would only repeat what its pacing made of them."""

    def __init__(self, accounts: BookedAccounts, traffic: Traffic, curves: Curves) -> None:
        self._accounts = accounts
        self._traffic = traffic
        self._curves = curves
        self._revision = -1
        self._known = Accounts()
        self._published: tuple[int, frozenset[int]] | None = None
        self._published_at = 0.0

    async def __call__(self, now: float) -> bool:
        """Publish, when accounts or a day have changed. Raises StoreUnavailable and DatabaseUnavailable."""
        revision = self._accounts.revision()
        if revision != self._revision:
            self._revision, self._known = self._accounts.load()
        zones = {self._zone(line_item) for line_item in self._learned()}
        days = frozenset(datetime.fromtimestamp(now, zone).toordinal() for zone in zones)
        if self._published == (self._revision, days) and now - self._published_at < AGAIN_S:
            return False
        await self._curves.publish_curves(self._learn(now))
        self._published, self._published_at = (self._revision, days), now
        return True

    def _learn(self, now: float) -> dict[int, Curve]:
        by_zone: dict[ZoneInfo, Mapping[str, list[int]]] = {}
        made: dict[tuple[ZoneInfo, frozenset[str]], Curve] = {}
        curves = {}
        for line_item in self._learned():
            zone, placements = self._zone(line_item), self._placements(line_item)
            if zone not in by_zone:
                by_zone[zone] = self._yesterday(now, zone)
            if (zone, placements) not in made:
                hours = [by_zone[zone][placement] for placement in placements & by_zone[zone].keys()]
                made[zone, placements] = curve_of([sum(hour) for hour in zip(*hours, strict=True)])
            if curve := made[zone, placements]:
                curves[line_item.ref] = curve
        return curves

    def _learned(self) -> list[LineItem]:
        items = self._known.line_items.values()
        return [item for item in items if item.budget is not None and item.budget.pacing is Pacing.LEARNED]

    def _zone(self, line_item: LineItem) -> ZoneInfo:
        return ZoneInfo(self._known.advertisers[self._known.campaigns[line_item.campaign].advertiser].time_zone)

    def _placements(self, line_item: LineItem) -> frozenset[str]:
        return frozenset(
            placement.id
            for placement in self._known.placements.values()
            if (not line_item.placements or placement.id in line_item.placements)
            and (not line_item.publishers or placement.publisher in line_item.publishers)
        )

    def _yesterday(self, now: float, zone: ZoneInfo) -> Mapping[str, list[int]]:
        """Requests in each of the 24 hours of yesterday there, by placement."""
        date = datetime.fromtimestamp(now, zone).date()
        today = datetime(date.year, date.month, date.day, tzinfo=zone)
        before = date - timedelta(days=1)
        start = datetime(before.year, before.month, before.day, tzinfo=zone)
        length = today.timestamp() - start.timestamp()
        hours: dict[str, list[int]] = {}
        for hour, placement, requests in self._traffic.requests(start.astimezone(UTC), today.astimezone(UTC)):
            place = int((hour.timestamp() - start.timestamp()) / length * 24)
            hours.setdefault(placement, [0] * 24)[place] += requests
        return hours
