"""What the ads of a line item count in, and how many of them there may be.

A cap binds those that it is written for: all line items of the advertiser, of the campaign, or one. What it counts is
everybody's: three a day of the advertiser's ads are three of all its line items, whichever of them bears the cap. So a
line item counts in every window in which another one may look, without a limit of its own.
"""

from collections.abc import Iterable, Iterator

from adserver.model.account import Accounts
from adserver.model.cap import Cap, Level
from adserver.model.decision import HOUSE_CREATIVE
from adserver.model.line_item import LineItem
from adserver.model.profile import Count, counter_of
from adserver.model.status import Status

UNLIMITED = 1_000_000
"""A limit that is never reached: counted only. No cap has more than 1,000."""

OFFER_WINDOW_S = 30 * 86_400
"""Ads that an offer waits for are counted for so long, where no cap has a longer window."""

_Whose = tuple[Level, str]
"""A level and the id there: of the advertiser, also for products; of the campaign; of the line item."""


class Counters:
    """Who counts in which windows, by all that is active in the accounts.

    House line items keep to themselves: they obey the caps that they bear, and count for nobody else's.
    """

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._windows: dict[_Whose, set[int]] = {}
        for item in accounts.line_items.values():
            campaign = accounts.campaigns[item.campaign]
            if item.status is Status.ACTIVE and campaign.status is Status.ACTIVE and item.creative != HOUSE_CREATIVE:
                for whose, cap in self._caps(item):
                    self._windows.setdefault(whose, set()).add(cap.window_s)

    def of(self, line_item: LineItem) -> tuple[tuple[Count, ...], tuple[tuple[int, int], ...]]:
        """What its ads count in, in the order of the reasons (advertiser, campaign, line item with its minimum gap),
        and what holds of each of their products: (most ads, window in seconds), the shortest window first."""
        limits = self._limits(line_item)
        campaign = self._accounts.campaigns[line_item.campaign]
        names = (
            (Level.ADVERTISER, campaign.advertiser, self._accounts.advertisers[campaign.advertiser].ref),
            (Level.CAMPAIGN, campaign.id, campaign.id),
            (Level.LINE_ITEM, line_item.id, line_item.ref),
        )
        counts = tuple(
            [
                Count(counter_of(level, ref), _sorted(limits[level, whose]))
                for level, whose, ref in names
                if (level, whose) in limits
            ]
        )
        return counts, _sorted(limits.get((Level.PRODUCT, campaign.advertiser), {}))

    def _limits(self, item: LineItem) -> dict[_Whose, dict[int, int]]:
        """Window -> most ads, the stricter of two."""
        advertiser = self._accounts.campaigns[item.campaign].advertiser
        limits: dict[_Whose, dict[int, int]] = {}
        if item.creative != HOUSE_CREATIVE:
            for whose in _all_levels(advertiser, item):
                if windows := self._windows.get(whose):
                    limits[whose] = dict.fromkeys(windows, UNLIMITED)
        for whose, cap in self._caps(item):
            windows_of = limits.setdefault(whose, {})
            windows_of[cap.window_s] = min(cap.limit, windows_of.get(cap.window_s, UNLIMITED))
        if item.min_gap_s:
            limits.setdefault((Level.LINE_ITEM, item.id), {})[item.min_gap_s] = 1
        if item.offer and item.offer.after_ads:  # it waits for ads, so they are counted
            limits.setdefault((Level.LINE_ITEM, item.id), {}).setdefault(OFFER_WINDOW_S, UNLIMITED)
        return limits

    def _caps(self, item: LineItem) -> Iterator[tuple[_Whose, Cap]]:
        """All that bind it, each with whose ads it counts. What a table says of no level counts all ads of its own."""
        campaign = self._accounts.campaigns[item.campaign]
        yield from _at_levels(item.caps, Level.LINE_ITEM, campaign.advertiser, item)
        if item.creative != HOUSE_CREATIVE:
            yield from _at_levels(campaign.caps, Level.CAMPAIGN, campaign.advertiser, item)
            advertiser = self._accounts.advertisers[campaign.advertiser]
            yield from _at_levels(advertiser.caps, Level.ADVERTISER, campaign.advertiser, item)


def _at_levels(caps: Iterable[Cap], own: Level, advertiser: str, item: LineItem) -> Iterator[tuple[_Whose, Cap]]:
    for cap in caps:
        level = own if cap.per is Level.LINE_ITEM else cap.per
        whose = {Level.CAMPAIGN: item.campaign, Level.LINE_ITEM: item.id}.get(level, advertiser)
        yield (level, whose), cap


def _all_levels(advertiser: str, item: LineItem) -> tuple[_Whose, ...]:
    return (
        (Level.ADVERTISER, advertiser),
        (Level.CAMPAIGN, item.campaign),
        (Level.LINE_ITEM, item.id),
        (Level.PRODUCT, advertiser),
    )


def _sorted(limits: dict[int, int]) -> tuple[tuple[int, int], ...]:
    return tuple([(limits[window], window) for window in sorted(limits)])
