"""Who would be in a segment, also in one whose events were not counted yet: yes, no, or not known."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

from adserver.audience.happening import Happening
from adserver.audience.ladder import rung_of
from adserver.audience.rules import Rules, happening_of, window_s
from adserver.model.account import Accounts, Advertiser
from adserver.model.event_name import EventName
from adserver.model.product import Product
from adserver.model.profile import EPOCH, Profile, Shopping
from adserver.model.segment import Happened, Rule, Rung, Segment

Answer = bool | None
"""None: not known."""

Question = Callable[[Profile, int, Mapping[str, Product]], Answer]
"""(profile, now in seconds since 1970, products of the visitor that the catalog has) -> whether the visitor is in."""

MANY_VIEWS = 4
"""So many views of a product, or more, are not told apart."""


def on_rung(rung: Rung, advertiser: Advertiser) -> Question:
    """Exact: what the ladder stands on is in every profile."""

    def holds(profile: Profile, now: int, _: Mapping[str, Product]) -> Answer:
        shopping = profile.shopping.get(advertiser.ref)
        return shopping is not None and rung_of(shopping, now, advertiser.segment_days) is rung

    return holds


def in_segment(segment: Segment, advertiser: Advertiser, accounts: Accounts, applied: Rules) -> Question:
    """``accounts`` have the segment, and ``applied`` are the rules that are counted so far.

    What these count already is exact. Of anything else the products viewed, in the cart and bought tell as much as they
    can: prices and categories are taken as they are today, and so is the cart.
    """
    return _ask(segment.rule, segment, advertiser, accounts, applied)


def is_counted(happened: Happened, advertiser: Advertiser, accounts: Accounts, applied: Rules) -> bool:
    """Whether ``applied`` count so many of exactly these events."""
    return applied.keeps.get(happening_of(happened, advertiser, accounts).name, 0) >= happened.min_count


def interval(hits: int, sampled: int, total: int) -> tuple[int, int]:
    """Between how many of ``total`` visitors are in, with 95 % certainty, where ``hits`` of ``sampled`` are.

    Wilson's interval, with the correction for a sample that is a large part of all.
    """
    if not sampled or sampled >= total:
        return hits, hits
    z = 1.96 * math.sqrt((total - sampled) / (total - 1))
    share, spread = hits / sampled, z * z / sampled
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / sampled + spread / (4 * sampled)) / (1 + spread)
    return max(hits, round((middle - half) * total)), min(total - (sampled - hits), round((middle + half) * total))


def both(first: Answer, second: Answer) -> Answer:
    """Whether the visitor is in both."""
    return False if first is False or second is False else None if first is None or second is None else True


def _ask(rule: Rule, segment: Segment, advertiser: Advertiser, accounts: Accounts, applied: Rules) -> Question:
    if rule.happened is not None:
        return _leaf(rule.happened, segment, advertiser, accounts, applied)
    if rule.negated is not None:
        part = _ask(rule.negated, segment, advertiser, accounts, applied)
        return lambda profile, now, products: _negated(part(profile, now, products))
    parts = [_ask(part, segment, advertiser, accounts, applied) for part in rule.all or rule.any]
    combine = _every if rule.all else _some
    return lambda profile, now, products: combine([part(profile, now, products) for part in parts])


def _leaf(happened: Happened, segment: Segment, advertiser: Advertiser, accounts: Accounts, applied: Rules) -> Question:
    happening, within_s = happening_of(happened, advertiser, accounts), window_s(happened, segment)
    if not is_counted(happened, advertiser, accounts, applied):
        return _derived(happening, advertiser.ref, within_s)

    def holds(profile: Profile, now: int, _: Mapping[str, Product]) -> Answer:
        times = profile.happened.get(happening.name, ())
        return len(times) >= happened.min_count and times[happened.min_count - 1] >= now - EPOCH - within_s

    return holds


def _derived(happening: Happening, ref: int, within_s: int) -> Question:
    least = happening.happened.min_count

    def holds(profile: Profile, now: int, products: Mapping[str, Product]) -> Answer:
        since = now - EPOCH - within_s
        shopping = profile.shopping.get(ref)
        if shopping is None or shopping.seen_at < since:
            return False  # was not there at all
        fitting = _fitting(happening, shopping, since, products, now)
        if fitting is None:
            return None
        seen, possible = fitting
        if seen >= least and not happening.asks_more_than_products:
            return True
        return False if possible < least else None

    return holds


def _fitting(
    happening: Happening, shopping: Shopping, since: int, products: Mapping[str, Product], now: int
) -> tuple[int, float] | None:
    """How many of these events there were at least and at most; None where profiles keep nothing of their kind."""

    def passing(times: Mapping[str, int]) -> dict[str, int]:
        recent = {product: at for product, at in times.items() if at >= since}
        if not happening.needs_catalog:
            return recent
        return {i: at for i, at in recent.items() if i and happening.passes(i, products.get(i), now)}

    if happening.event is EventName.VIEW_ITEM:
        viewed = passing(shopping.viewed)
        views = [shopping.views.get(product, 1) for product in viewed]
        return _moments(viewed.values()), math.inf if max(views, default=0) >= MANY_VIEWS else sum(views)
    if happening.event is EventName.ADD_TO_CART:
        carted = passing(shopping.carted)
        return _moments(carted.values()), math.inf if carted or passing(shopping.bought) else 0
    if happening.event is EventName.PURCHASE:
        bought = passing(shopping.bought)
        return _moments(bought.values()), math.inf if bought else 0
    return None


def _moments(times: Iterable[int]) -> int:
    """Products of one event have times that follow each other: one event, for certain, where there is no gap."""
    ordered = sorted(times)
    return sum(after - before > 1 for before, after in pairwise(ordered)) + bool(ordered)


def _negated(answer: Answer) -> Answer:
    return None if answer is None else not answer


def _every(answers: Sequence[Answer]) -> Answer:
    return False if False in answers else None if None in answers else True


def _some(answers: Sequence[Answer]) -> Answer:
    return True if True in answers else None if None in answers else False
