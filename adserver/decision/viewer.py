"""Who looks: all that a decision asks about one visitor and one request."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from adserver.decision.index import Booking
from adserver.model.account import Advertiser
from adserver.model.line_item import Device
from adserver.model.profile import Profile
from adserver.model.reason import LineItemReason
from adserver.model.segment import Rung


class Viewer(NamedTuple):
    """What is dear to find out is asked for by a call, and only when a line item wants to know it.

    ``now`` in seconds since 1970. ``rungs``: on which rung of an advertiser's ladder, by its ``ref``. ``has_consent``:
    whether that advertiser may use what is known. ``is_member`` of a segment by its id; ``is_listed`` by the
    advertiser's ``ref`` on its customer list of that id; ``arm_of`` an experiment by its id. ``geo``: ISO 3166 codes of
    the country and its part, such as ``{"DE", "DE-BY"}``, empty where nobody knows. ``is_fresh``: whether prices and
    stock are young enough. ``can_pay``: why the budget does not allow one more ad now, None when it does.
    """

    now: int
    profile: Profile
    visitor: str
    rungs: Mapping[int, Rung]
    has_consent: Callable[[Advertiser], bool]
    is_member: Callable[[str], bool]
    is_listed: Callable[[int, str], bool]
    arm_of: Callable[[str], str]
    device: Callable[[], Device]
    geo: Callable[[], frozenset[str]]
    is_fresh: Callable[[Booking], bool]
    can_pay: Callable[[Booking], LineItemReason | None]
    page_categories: frozenset[str] = frozenset()
