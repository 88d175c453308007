"""What the trade sets by default, told where an account sets nothing. Nothing of it is applied."""

from collections.abc import Collection, Iterator

from adserver.model.account import Accounts
from adserver.model.decision import HOUSE_CREATIVE
from adserver.model.line_item import LineItem

USUAL_CAPS = 'caps = ["3/day", "10/week", "6/week per product"]'
USUAL_HOLDOUT = "holdout = 0.05"


def suggest_defaults(accounts: Accounts, line_items: Collection[str], campaigns: Collection[str]) -> Iterator[str]:
    """A note for each of these that lacks something, as a sentence that begins with its key."""
    for name in line_items:
        line_item = accounts.line_items[name]
        if line_item.creative != HOUSE_CREATIVE and not _is_capped(accounts, line_item):
            yield f"line_items.{name} has no cap: {USUAL_CAPS} is usual"
        if line_item.budget and not line_item.bid:
            yield f"line_items.{name} has a budget and no bid, so it spends nothing of it"
    for name in campaigns:
        if not accounts.campaigns[name].holdout:
            yield f"campaigns.{name} has no control group to tell what its ads cause: {USUAL_HOLDOUT} is usual"


def _is_capped(accounts: Accounts, line_item: LineItem) -> bool:
    campaign = accounts.campaigns[line_item.campaign]
    return bool(line_item.caps or campaign.caps or accounts.advertisers[campaign.advertiser].caps)
