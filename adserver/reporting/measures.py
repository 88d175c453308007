"""From single events to hourly measures, and from measures to the rows of a report."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypedDict

Event = tuple[Any, ...]
"""Kind ("ad", "impression", "click"), seconds since 1970, line item or '', placement, no-ad reason or ''; entries of
other kinds, and what comes behind these five, are passed over."""

_HOUR_S = 3600


class HourKey(NamedTuple):
    """What is counted together. ``line_item`` is '' where no ad was given, ``reason`` is '' where one was."""

    hour: datetime
    line_item: str
    placement: str
    reason: str


class Measures(NamedTuple):
    """Counts. A request is one slot that asked for an ad, filled or not."""

    requests: int = 0
    impressions: int = 0
    clicks: int = 0


# Which measure an event adds to. Kinds that are not named here (newer ones in the stream) are left out.
_ADDS = {"ad": Measures(requests=1), "impression": Measures(impressions=1), "click": Measures(clicks=1)}


class ReportRow(TypedDict):
    """One line of the report; ``line_item`` is None for the requests that got no ad."""

    line_item: str | None
    placement: str
    requests: int
    impressions: int
    clicks: int


class ReportTotals(TypedDict):
    """The sums of all rows."""

    requests: int
    impressions: int
    clicks: int


class NoAdRow(TypedDict):
    """Why a placement stayed empty, how often."""

    placement: str
    reason: str
    requests: int


class Report(TypedDict):
    """What ``adserver report --json`` prints. Requests = those of line items + those of ``no_ad``."""

    rows: list[ReportRow]
    totals: ReportTotals
    no_ad: list[NoAdRow]


def fold(events: Iterable[Event]) -> dict[HourKey, Measures]:
    """Sum the events up by UTC hour, line item, placement and reason. The order of events does not matter."""
    folded: dict[HourKey, Measures] = {}
    for event in events:
        added = _ADDS.get(event[0])
        if added is None:
            continue
        _, at_epoch_s, line_item, placement, reason = event[:5]
        hour = datetime.fromtimestamp(at_epoch_s // _HOUR_S * _HOUR_S, UTC)
        key = HourKey(hour, line_item, placement, reason)
        folded[key] = _sum(folded.get(key, Measures()), added)
    return folded


def report_rows(rows: Iterable[tuple[str, str, int, int, int]], no_ad: Iterable[tuple[str, str, int]]) -> Report:
    """The report out of the sums of a period.

    ``rows``: (line item or '', placement, requests, impressions, clicks);
    ``no_ad``: (placement, reason, requests).
    One row per line item and placement, sorted; the requests without an ad come last.
    """
    ordered = sorted(rows, key=lambda row: (row[0] == "", row))
    totals = Measures()
    for row in ordered:
        totals = _sum(totals, Measures(*row[2:]))
    return {
        "rows": [
            {
                "line_item": line_item or None,
                "placement": placement,
                "requests": r,
                "impressions": i,
                "clicks": c,
            }
            for line_item, placement, r, i, c in ordered
        ],
        "totals": {"requests": totals.requests, "impressions": totals.impressions, "clicks": totals.clicks},
        "no_ad": [{"placement": p, "reason": why, "requests": count} for p, why, count in sorted(no_ad)],
    }


def _sum(one: Measures, other: Measures) -> Measures:
    return Measures(one.requests + other.requests, one.impressions + other.impressions, one.clicks + other.clicks)
