"""From single events to hourly measures, and from measures to the rows of a report."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, NotRequired, TypedDict

Event = tuple[Any, ...]
"""Of the kinds "ad", "impression" and "click": kind, seconds since 1970, line item or '', placement, no-ad reason or
'', creative or '', and, of an impression or a click, its cost in micros. Older records end after the reason. Entries
of other kinds, and what comes behind these, are passed over."""

_HOUR_S = 3600


class HourKey(NamedTuple):
    """What is counted together. ``line_item`` and ``creative`` are '' where no ad was given, ``reason`` where one was;
    ``creative`` is '' in older records as well."""

    hour: datetime
    line_item: str
    placement: str
    reason: str
    creative: str = ""


class Measures(NamedTuple):
    """Counts. A request is one slot that asked for an ad, filled or not; ``cost`` is in micros."""

    requests: int = 0
    impressions: int = 0
    clicks: int = 0
    cost: int = 0


# Which measure an event adds to. Kinds that are not named here (newer ones in the stream) are left out.
_ADDS = {"ad": Measures(requests=1), "impression": Measures(impressions=1), "click": Measures(clicks=1)}


class Sum(NamedTuple):
    """Measures of a period. ``creative`` is '' where creatives are not told apart."""

    line_item: str
    placement: str
    creative: str
    requests: int
    impressions: int
    clicks: int
    cost: int


class ReportRow(TypedDict):
    """One line of the report; ``line_item`` is None for the requests that got no ad. ``creative`` is there where the
    report is by creative, None where nobody knows it. ``cost``, a decimal number in ``currency``, is there where there
    was any; the currency is None of a line item that is gone."""

    line_item: str | None
    placement: str
    creative: NotRequired[str | None]
    requests: int
    impressions: int
    clicks: int
    cost: NotRequired[str]
    currency: NotRequired[str | None]


class ReportTotals(TypedDict):
    """The sums of all rows; ``cost`` by currency (empty: nobody knows it), where there was any."""

    requests: int
    impressions: int
    clicks: int
    cost: NotRequired[dict[str, str]]


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
    """Sum the events up by UTC hour, line item, placement, reason and creative. Their order does not matter."""
    folded: dict[HourKey, Measures] = {}
    for event in events:
        added = _ADDS.get(event[0])
        if added is None:
            continue
        kind, at_epoch_s, line_item, placement, reason = event[:5]
        creative = event[5] if len(event) > 5 else ""
        if kind != "ad" and len(event) > 6:
            added = added._replace(cost=event[6])
        key = HourKey(hour_of(at_epoch_s), line_item, placement, reason, creative)
        folded[key] = _sum(folded.get(key, Measures()), added)
    return folded


def hour_of(at_epoch_s: float) -> datetime:
    """The UTC hour of a moment."""
    return datetime.fromtimestamp(at_epoch_s // _HOUR_S * _HOUR_S, UTC)


def report_rows(
    sums: Iterable[Sum],
    no_ad: Iterable[tuple[str, str, int]],
    currencies: Mapping[str, str],
    *,
    by_creative: bool = False,
) -> Report:
    """The report out of the sums of a period.

    ``no_ad``: (placement, reason, requests); ``currencies``: by line item, those that are gone left out. One row per
    line item and placement (and creative), sorted; the requests without an ad come last.
    """
    ordered = sorted(sums, key=lambda row: (row.line_item == "", row))
    totals, costs = Measures(), dict[str, int]()
    for row in ordered:
        totals = _sum(totals, Measures(row.requests, row.impressions, row.clicks, row.cost))
        if row.cost:
            currency = currencies.get(row.line_item, "")
            costs[currency] = costs.get(currency, 0) + row.cost
    shown: ReportTotals = {
        "requests": totals.requests,
        "impressions": totals.impressions,
        "clicks": totals.clicks,
    }
    if costs:
        shown["cost"] = {currency: decimal_of(cost) for currency, cost in sorted(costs.items())}
    return {
        "rows": [_row(row, currencies, by_creative=by_creative) for row in ordered],
        "totals": shown,
        "no_ad": [{"placement": p, "reason": why, "requests": count} for p, why, count in sorted(no_ad)],
    }


def decimal_of(micros: int) -> str:
    """Exactly, with at least two places: ``4.00``, ``0.004``, ``-1.50``."""
    whole, rest = divmod(abs(micros), 1_000_000)
    return f"{'-' if micros < 0 else ''}{whole}.{f'{rest:06}'.rstrip('0').ljust(2, '0')}"


def _row(row: Sum, currencies: Mapping[str, str], *, by_creative: bool) -> ReportRow:
    made: ReportRow = {"line_item": row.line_item or None, "placement": row.placement}  # type: ignore[typeddict-item]
    if by_creative:
        made["creative"] = row.creative or None
    made["requests"], made["impressions"], made["clicks"] = row.requests, row.impressions, row.clicks
    if row.cost:
        made["cost"], made["currency"] = decimal_of(row.cost), currencies.get(row.line_item)
    return made


def _sum(one: Measures, other: Measures) -> Measures:
    return Measures(*(a + b for a, b in zip(one, other, strict=True)))
