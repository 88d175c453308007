"""One import of a feed, and what is in use since the last good one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    """How an import ended.

    ``IMPORTED``: the new products are in use. ``UNCHANGED``: the feed is what it was, and so are the products.
    ``HELD_BACK``: the feed can be read, but so much of it changed that somebody has to look at it first. ``REFUSED``:
    there is nothing in it that could be used. ``BROKEN_OFF``: something of ours failed, or the process was ended.
    ``RUNNING``: it has not ended yet. Only after the first two is the feed known to be good.
    """

    IMPORTED = "imported"
    UNCHANGED = "unchanged"
    HELD_BACK = "held_back"
    REFUSED = "refused"
    BROKEN_OFF = "broken_off"
    RUNNING = "running"

    @property
    def is_good(self) -> bool:
        """Whether the feed was read through and found good, changed or not."""
        return self in (Outcome.IMPORTED, Outcome.UNCHANGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedImport:
    """``number`` is given once, over all feeds. ``reason`` says why the new products are not in use; empty where they
    are. ``report`` is what ``ImportSummary.as_dict`` says, with ``format`` (in words) and ``bytes`` of what was read,
    and the ``code`` and ``fix`` of the error where that could not be read.
    """

    number: int
    advertiser: str
    source: str
    began_at: datetime
    ended_at: datetime | None
    outcome: Outcome
    reason: str
    report: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class InUse:
    """What an advertiser's products were made of.

    ``etag`` and ``last_modified`` are what ``source`` said of this very content; ``digest`` is of its bytes, in
    hexadecimal; ``format`` numbers our own way of reading them. All four are empty or 0 where nobody knows.
    ``products`` counts what was in the catalog then. ``checked_at``: when the source was last found to be just that.
    """

    source: str
    etag: str = ""
    last_modified: str = ""
    digest: str = ""
    currency: str
    format: int = 0
    products: int
    imported_at: datetime
    checked_at: datetime
