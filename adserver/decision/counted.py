"""Whose ads are counted per visitor at all."""

from adserver.model.account import Accounts


def counting_advertisers(accounts: Accounts) -> frozenset[str]:
    """Ids of the advertisers where a visitor's profile may have to know whether an ad was seen: those with a cap, a
    minimum gap or fatigue anywhere."""
    counting = {advertiser.id for advertiser in accounts.advertisers.values() if advertiser.caps}
    for item in accounts.line_items.values():
        campaign = accounts.campaigns[item.campaign]
        if item.caps or item.min_gap_s or item.fatigue or campaign.caps:
            counting.add(campaign.advertiser)
    return frozenset(counting)
