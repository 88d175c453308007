"""What services ask of the stores: verbs of the trade, not commands of a database.

Every verb raises StoreUnavailable when the store does not answer; nothing else gets through from below. A ``deadline``
is a time of the event loop's clock; past it the verb raises StoreTimeout.
"""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Protocol

from adserver.model.event import Event
from adserver.model.product import Product
from adserver.model.profile import Offer, Profile
from adserver.model.related import Kind
from adserver.model.snapshot import Snapshot


class StoreUnavailable(Exception):  # noqa: N818  a state of the world, not a mistake in the program
    """Valkey did not answer, or refused. ``str()`` is for the log; it holds no address and no key.

    ``ambiguous``: what was asked may have been done nevertheless. ``lasting``: the call itself is wrong, and would be
    refused for ever.
    """

    ambiguous = True
    lasting = False


class StoreTimeout(StoreUnavailable):
    """The deadline of the call came before its answer."""


class SpoolFull(StoreUnavailable):
    """Valkey is away, and what is kept for it has reached its bound."""


class SourceUnavailable(Exception):  # noqa: N818
    """A feed's file or URL can not be read; the text says why, in words a shop owner understands."""


LogRecord = tuple[str | int, ...]
"""``("ad" | "impression" | "click", second since 1970, line item, placement, no-ad reason)`` or
``("event", second, advertiser, event name, product ids joined by line ends, session tag)``; empty texts where there is
none. The tag is how the visitor's id begins: enough to tell visitors apart, too little to read a profile with.
Records of older servers have no tag, and blanks between product ids."""


class VisitorStore(Protocol):
    """One visitor, one key."""

    def record_event(
        self, visitor: str, event: Event, now: float, *, returning: bool, receipt: bytes = b""
    ) -> Awaitable[object]:
        """Done when it is written what ``event`` says into the profile; ``returning``: the visitor's cookie came back;
        ``receipt``: what the consent rests on, a few bytes."""

    async def read_visitor(self, visitor: str, deadline: float | None = None) -> Profile:
        """All that is known; an empty profile for an unknown visitor. Starts the retention of a new one."""

    async def reserve(self, visitor: str, offers: Sequence[Offer], now: float, deadline: float | None = None) -> int:
        """Count one ad of the first offer of which every cap holds, and give its place; -1 for none."""


class BillingStore(Protocol):
    """What was counted already."""

    async def bill(self, decision: str, item: str, ttl_s: int, record: LogRecord) -> bool:
        """True for the first call per ``decision`` and ``item`` within ``ttl_s`` seconds, whoever else calls; then the
        record is in the event log as well."""


class EventLog(Protocol):
    """The stream that reports are made of."""

    def append(self, record: LogRecord) -> Awaitable[None]:
        """Done when the record is written; all records of one loop tick share one write."""

    def note(self, records: Sequence[LogRecord]) -> None:
        """The same without waiting, and without hearing of a failure."""


class CatalogReader(Protocol):
    """Products as the last complete feed tells them."""

    async def products(self, ref: int, ids: Sequence[str], deadline: float | None = None) -> Mapping[str, Product]:
        """Those of ``ids`` that advertiser ``ref`` has in its catalog, by the id asked for.

        An id that is an ``item_group_id`` gives one product of that group, one in stock where there is any.
        """

    def checked_at(self, ref: int) -> int:
        """When the feed of ``ref`` was last read through and found good: seconds since 1970; 0 for never."""

    async def refresh(self) -> None:
        """Learn of catalogs swapped, and of products changed, since the last call."""


class RelatedReader(Protocol):
    """What recommendations are made of: products of the catalog as it was, which may have left it since.

    A product of an item group goes by the name of its group, which ``CatalogReader.products`` takes as well.
    """

    async def related(
        self, ref: int, ids: Sequence[str], kind: Kind = Kind.VIEWED, deadline: float | None = None
    ) -> Mapping[str, Sequence[str]]:
        """What goes together with each of ``ids`` of advertiser ``ref``, at most 20, the best first."""

    async def best_sellers(self, ref: int, deadline: float | None = None) -> Sequence[str]:
        """What most visits of advertiser ``ref`` bought, at most 100, the most first."""

    async def most_viewed(self, ref: int, deadline: float | None = None) -> Sequence[str]:
        """The same of what was looked at."""


class CatalogWriter(Protocol):
    """Writes one advertiser's next catalog beside the current one and swaps them.

    ``repeated`` counts the products added whose id had been added before; the last one stays.
    """

    repeated: int

    async def current(self, ids: Sequence[str]) -> Mapping[str, Product]:
        """Those of ``ids`` in the catalog that is to be replaced, with their history."""

    async def current_size(self) -> int:
        """Products in the catalog that is to be replaced; 0 where there is none."""

    async def add(self, products: Sequence[Product]) -> None:
        """Write a batch into the next catalog."""

    async def size(self) -> int:
        """Products in the next catalog so far, each id counted once."""

    async def swap(self, *, unless_swapped_since: bool, checked_at: int = 0) -> bool:
        """Make it the current one. With ``unless_swapped_since``, False if another import was quicker.

        ``checked_at``: when its feed was found good, in seconds since 1970; 0 for now.
        """

    async def discard(self) -> None:
        """Drop what was written; the current catalog stays."""


class SnapshotStore(Protocol):
    """The published view of all accounts."""

    async def publish(self, snapshot: Snapshot) -> bool:
        """Publish unless a newer or equal revision is there already."""

    async def published_revision(self) -> int:
        """The revision that workers see; 0 for none."""

    async def newer_than(self, revision: int) -> Snapshot | None:
        """The published snapshot, or None while it is not newer."""
