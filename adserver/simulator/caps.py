"""Was anybody shown too much? The ads of each counter are gone through again, as a cap's words say it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from adserver.model.account import Accounts
from adserver.model.cap import Cap, Level
from adserver.model.line_item import LineItem
from adserver.simulator.ledger import Ad


class Broken(NamedTuple):
    """A cap that did not hold, or the least gap (``limit`` 1): for which line item and whom, and when."""

    line_item: str
    per: str
    limit: int
    window_s: int
    shopper: int
    at: int


def broken_caps(ads: Iterable[Ad], accounts: Accounts, *, given_back_after_s: int) -> list[Broken]:
    """Every ad that should not have been sent. ``accounts`` say what was to hold.

    An ad that was not seen within ``given_back_after_s`` of its decision counts no longer.
    """
    by_shopper: dict[int, list[Ad]] = defaultdict(list)
    for ad in ads:
        by_shopper[ad.shopper].append(ad)
    broken: list[Broken] = []
    for theirs in by_shopper.values():
        theirs.sort(key=lambda ad: ad.decided_at)
        for line_item in accounts.line_items.values():
            broken += _of_line_item(theirs, line_item, accounts, given_back_after_s)
    return broken


def caps_of(line_item: LineItem, accounts: Accounts) -> list[tuple[str, Cap]]:
    """All that holds for its ads, the least gap among them, with what each counts in words."""
    campaign = accounts.campaigns[line_item.campaign]
    caps = [*line_item.caps, *campaign.caps, *accounts.advertisers[campaign.advertiser].caps]
    found = [(cap.per.value, cap) for cap in dict.fromkeys(caps)]
    return [*found, ("gap", Cap(1, line_item.min_gap_s))] if line_item.min_gap_s else found


def _of_line_item(
    theirs: Sequence[Ad], line_item: LineItem, accounts: Accounts, given_back_after_s: int
) -> Iterator[Broken]:
    for what, cap in caps_of(line_item, accounts):
        for counted in _counters(theirs, line_item, cap, accounts):
            for ad in too_many(counted, cap, given_back_after_s):
                if ad.line_item == line_item.id:
                    yield Broken(line_item.id, what, cap.limit, cap.window_s, ad.shopper, ad.decided_at)


def _counters(theirs: Sequence[Ad], line_item: LineItem, cap: Cap, accounts: Accounts) -> Iterable[Sequence[Ad]]:
    """The ads that the cap counts together, in the order of time."""
    if cap.per is Level.LINE_ITEM:
        return [[ad for ad in theirs if ad.line_item == line_item.id]]
    if cap.per is Level.CAMPAIGN:
        return [[ad for ad in theirs if _campaign(ad, accounts) == line_item.campaign]]
    advertiser = accounts.campaigns[line_item.campaign].advertiser
    of_advertiser = [ad for ad in theirs if accounts.campaigns[_campaign(ad, accounts)].advertiser == advertiser]
    if cap.per is Level.ADVERTISER:
        return [of_advertiser]
    by_product: Mapping[str, list[Ad]] = defaultdict(list)
    for ad in of_advertiser:
        for product in ad.products:
            by_product[product].append(ad)
    return by_product.values()


def _campaign(ad: Ad, accounts: Accounts) -> str:
    return accounts.line_items[ad.line_item].campaign


def too_many(ads: Iterable[Ad], cap: Cap, given_back_after_s: int) -> Iterator[Ad]:
    """Those of ``ads`` (in the order of time) that the cap forbids. A window begins with the first ad in it; one in
    which nothing counts any more is none."""
    began, inside = 0, list[Ad]()
    for ad in ads:
        now = ad.decided_at
        inside = [held for held in inside if held.billable or now < held.decided_at + given_back_after_s]
        if not inside or now >= began + cap.window_s:
            began, inside = now, []
        if len(inside) >= cap.limit:
            yield ad
        inside.append(ad)
