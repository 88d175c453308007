"""Segments made by rules: which counters an event bumps, and who is in."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from adserver.audience.happening import Happening
from adserver.audience.ladder import DAY_S
from adserver.model.account import Accounts, Advertiser, Campaign
from adserver.model.event import Event
from adserver.model.event_name import EventName
from adserver.model.line_item import PurchaseScope
from adserver.model.product import Product
from adserver.model.profile import EPOCH, Profile
from adserver.model.segment import Happened, Rule, Segment

Holds = Callable[[Profile, int], bool]
"""(profile, now in seconds since profile EPOCH) -> whether the rule is true."""


@dataclass(slots=True)
class _Watch:
    """What is counted at one advertiser: by event each counter with the times kept, and which events need products."""

    counters: dict[EventName, list[tuple[Happening, int]]] = field(default_factory=dict)
    need_products: frozenset[EventName] = frozenset()


class Rules:
    """All rules of one snapshot; ``compile_rules`` makes it.

    ``keeps``: name of each counter -> how many times it keeps. An advertiser without rules costs one look.
    """

    def __init__(
        self,
        watches: Mapping[str, _Watch],
        members: Mapping[str, Holds],
        longest: Mapping[str, int],
        keeps: Mapping[str, int],
    ) -> None:
        self._watches = watches
        self._members = members
        self._longest = longest
        self.keeps = keeps

    def watches(self, event: Event) -> bool:
        """Whether any rule of this advertiser asks for events of this name."""
        watch = self._watches.get(event.advertiser.id)
        return watch is not None and event.name in watch.counters

    def needs_products(self, advertiser_id: str, event: EventName) -> bool:
        """Whether products have to be looked up to tell what an event of this name counts for."""
        watch = self._watches.get(advertiser_id)
        return watch is not None and event in watch.need_products

    def counters(self, event: Event, products: Mapping[str, Product], now: float) -> list[tuple[str, int]]:
        """The counters that ``event`` bumps: name, and how many of the newest times are kept.

        ``products``: those of the event that the catalog has; ``now`` in seconds since 1970 tells their prices.
        """
        watch = self._watches.get(event.advertiser.id)
        if watch is None:
            return []
        return [
            (happening.name, keep)
            for happening, keep in watch.counters.get(event.name, ())
            if happening.counts(event, products, int(now))
        ]

    def is_member(self, segment_id: str, profile: Profile, now: float) -> bool:
        """Whether the visitor is in that segment at ``now`` (seconds since 1970); nobody is in an unknown one."""
        holds = self._members.get(segment_id)
        return holds is not None and holds(profile, int(now) - EPOCH)

    def longest_s(self, advertiser_id: str) -> int:
        """For how many seconds a profile has to be kept for everything that this advertiser asks of the past: ladder,
        rules, purchases that are not advertised, attribution. 0 for an unknown one."""
        return self._longest.get(advertiser_id, 0)


NO_RULES = Rules({}, {}, {}, {})


def compile_rules(accounts: Accounts) -> Rules:
    """Once per snapshot, so that little is left to do for a request."""
    longest = _windows(accounts)
    keeps: dict[str, int] = {}
    counted: defaultdict[str, dict[str, Happening]] = defaultdict(dict)
    members: dict[str, Holds] = {}
    for segment in accounts.segments.values():
        advertiser = accounts.advertisers.get(segment.advertiser)
        if advertiser is None:
            continue
        for happened in every_happened(segment.rule):
            happening = happening_of(happened, advertiser, accounts)
            counted[advertiser.id].setdefault(happening.name, happening)
            keeps[happening.name] = max(keeps.get(happening.name, 0), happened.min_count)
            longest[advertiser.id] = max(longest[advertiser.id], window_s(happened, segment))
        members[segment.id] = _compile(segment.rule, segment, advertiser, accounts)
    watches = {advertiser_id: _watch(happenings.values(), keeps) for advertiser_id, happenings in counted.items()}
    return Rules(watches, members, longest, keeps)


def every_happened(rule: Rule) -> list[Happened]:
    """All that a rule asks for, in the order in which it is written."""
    if rule.happened is not None:
        return [rule.happened]
    parts = (*rule.all, *rule.any, *((rule.negated,) if rule.negated else ()))
    return [happened for part in parts for happened in every_happened(part)]


def happening_of(happened: Happened, advertiser: Advertiser, accounts: Accounts) -> Happening:
    """With the product set that it names, if that is one of this advertiser's."""
    product_set = accounts.product_sets.get(happened.product_set)
    if product_set is not None and product_set.advertiser != advertiser.id:
        product_set = None
    return Happening(happened, advertiser, product_set)


def window_s(happened: Happened, segment: Segment) -> int:
    """The seconds within which it has to have happened."""
    return happened.within_s or segment.days * DAY_S


def _watch(happenings: Iterable[Happening], keeps: Mapping[str, int]) -> _Watch:
    watch = _Watch()
    for happening in happenings:
        watch.counters.setdefault(happening.event, []).append((happening, keeps[happening.name]))
    watch.need_products = frozenset(
        event for event, counters in watch.counters.items() if any(happening.needs_catalog for happening, _ in counters)
    )
    return watch


def _windows(accounts: Accounts) -> dict[str, int]:
    """Advertiser -> seconds of the longest window that is asked for outside of rules."""
    days = {advertiser.id: advertiser.segment_days for advertiser in accounts.advertisers.values()}

    def note(campaign: Campaign | None, least: int) -> None:
        if campaign is not None and campaign.advertiser in days:
            days[campaign.advertiser] = max(days[campaign.advertiser], least)

    for campaign in accounts.campaigns.values():
        note(campaign, max(campaign.attribution.click_days, campaign.attribution.view_days))
    for line_item in accounts.line_items.values():
        if line_item.exclude_purchased.scope is not PurchaseScope.NONE:
            note(accounts.campaigns.get(line_item.campaign), line_item.exclude_purchased.days)
    return {advertiser_id: longest * DAY_S for advertiser_id, longest in days.items()}


def _compile(rule: Rule, segment: Segment, advertiser: Advertiser, accounts: Accounts) -> Holds:
    if rule.happened is not None:
        name = happening_of(rule.happened, advertiser, accounts).name
        return _at_least(name, rule.happened.min_count, window_s(rule.happened, segment))
    if rule.negated is not None:
        return _negation(_compile(rule.negated, segment, advertiser, accounts))
    parts = [_compile(part, segment, advertiser, accounts) for part in rule.all or rule.any]
    return _every(parts) if rule.all else _some(parts)


def _at_least(name: str, count: int, within_s: int) -> Holds:
    """Exact: the counter keeps at least the newest ``count`` times."""

    def holds(profile: Profile, now: int) -> bool:
        times = profile.happened.get(name, ())
        return len(times) >= count and times[count - 1] >= now - within_s

    return holds


def _negation(part: Holds) -> Holds:
    return lambda profile, now: not part(profile, now)


def _every(parts: Sequence[Holds]) -> Holds:
    return lambda profile, now: all(part(profile, now) for part in parts)


def _some(parts: Sequence[Holds]) -> Holds:
    return lambda profile, now: any(part(profile, now) for part in parts)
