"""Which products of an advertiser go together, and which are wanted most: what recommendations are made of.

A product stands here under its ``item_group_id`` where it has one, else under its id: sizes of one shoe are one
product. All counts fade with time, so they are no whole numbers.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple


class Kind(StrEnum):
    """What visitors did with a product."""

    VIEWED = "viewed"
    BOUGHT = "bought"


Partner = tuple[float, float]
"""Another product: visits that had both, and visits that had the other one, as it was when they last came together."""


class Standing(NamedTuple):
    """Of one product and one kind, as of the second ``at`` (since 1970): ``visits`` that had it, and the ``partners``
    it had in them, those that belong most to it first."""

    at: int = 0
    visits: float = 0.0
    partners: Mapping[str, Partner] = MappingProxyType({})


class Popular(NamedTuple):
    """An advertiser's most wanted products of one kind, as of the second ``at``: visits that had them, most first."""

    at: int = 0
    visits: Mapping[str, float] = MappingProxyType({})
