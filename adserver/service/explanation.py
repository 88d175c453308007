"""What is told of one request for an ad: the answer that it would get, and of every line item why or why not."""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from adserver.decision.explain import Explained
from adserver.model.decision import Why
from adserver.model.line_item import Offer
from adserver.model.product import Product
from adserver.model.reason import NoAdReason


class Shown(NamedTuple):
    """A product that would be shown, and why."""

    product: Product
    why: Why


class Explanation(NamedTuple):
    """``line_item`` is the one that would be shown, empty for none, in ``designs`` by probability. ``ghost``: it would
    be held back, for the control group. ``reason``: why nothing personal would be shown; ``instead``: line items that
    take turns then. ``rungs`` by advertiser id. ``told``: every line item with its first reason. ``hidden`` by the
    visitor, by advertiser id: products and item groups. ``offer``: what stands beside the products."""

    placement: str
    line_item: str
    ghost: bool
    reason: NoAdReason | None
    instead: tuple[str, ...]
    products: tuple[Shown, ...]
    designs: tuple[tuple[str, float], ...]
    rungs: Mapping[str, str]
    told: list[Explained]
    hidden: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    offer: Offer | None = None


class NotExplained(Enum):
    """Why there is nothing to tell."""

    UNKNOWN_PLACEMENT = "there is no such placement"
    UNAVAILABLE = "what is known of the visitor can not be read at the moment"


def explanation_json(found: Explanation) -> dict[str, object]:
    """As the API and the command line print it."""
    return {
        "placement": found.placement,
        "line_item": found.line_item or None,
        "held_back": found.ghost,
        "reason": found.reason.label if found.reason else None,
        "instead": list(found.instead),
        "products": [
            {"id": shown.product.id, "title": shown.product.title, "why": shown.why.value} for shown in found.products
        ],
        "creatives": [{"creative": design, "propensity": share} for design, share in found.designs],
        "segments": dict(found.rungs),
        "hidden": {advertiser: list(names) for advertiser, names in found.hidden.items()},
        "line_items": [
            {"line_item": row.line_item, "reason": row.reason, "number": row.number, "detail": row.detail}
            for row in found.told
        ],
    }
