"""Where a line item can run at all, whoever looks and whenever."""

from collections.abc import Mapping

from adserver.model.account import Campaign, Placement, Publisher
from adserver.model.decision import HOUSE_CREATIVE
from adserver.model.line_item import LineItem
from adserver.model.reason import LineItemReason
from adserver.model.status import Status

Sizes = Mapping[str, frozenset[str]]
"""The sizes (``"300x250"``) that each creative can be drawn in."""


def static_reason(
    line_item: LineItem, campaign: Campaign, placement: Placement, publisher: Publisher, creative_sizes: Sizes
) -> LineItemReason | None:
    """Why it never competes in that placement, None when it does. A house line item with no other reason has HOUSE."""
    if line_item.status is not Status.ACTIVE:
        return LineItemReason.PAUSED
    if campaign.status is not Status.ACTIVE:
        return LineItemReason.CAMPAIGN_PAUSED
    if line_item.placements and placement.id not in line_item.placements:
        return LineItemReason.OTHER_PLACEMENT
    if line_item.publishers and publisher.id not in line_item.publishers:
        return LineItemReason.OTHER_PUBLISHER
    if not designs_in(line_item, placement.size, creative_sizes):
        return LineItemReason.OTHER_SIZE
    if campaign.advertiser in publisher.exclude_advertisers:
        return LineItemReason.ADVERTISER_EXCLUDED
    return LineItemReason.HOUSE if line_item.creative == HOUSE_CREATIVE else None


_NO_SIZES: frozenset[str] = frozenset()


def designs_in(line_item: LineItem, size: str, creative_sizes: Sizes) -> tuple[str, ...]:
    """Those of its designs that can be drawn in ``size``, in its own order."""
    designs = line_item.designs if line_item.creatives else (line_item.creative,)
    return tuple([design for design in designs if size in creative_sizes.get(design, _NO_SIZES)])
