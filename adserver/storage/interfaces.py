"""What services ask of the stores: verbs of the trade, not commands of a database.

Every verb raises StoreUnavailable when the store does not answer; nothing else gets through from below. A ``deadline``
is a time of the event loop's clock; past it the verb raises StoreTimeout.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from adserver.model.account import Accounts
from adserver.model.budget import Curve, Lent, Terms
from adserver.model.event import Event
from adserver.model.product import Product
from adserver.model.profile import Claim, Exposure, Profile, Reserved
from adserver.model.rates import Rates
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


LogRecord = tuple[str | int | float, ...]
"""Empty texts where there is none; seconds since 1970; money in micros of the advertiser's currency.

``("ad", second, line item, placement, no-ad reason, creative, propensity)``; ``("impression" | "click", second, line
item, placement, "", creative, cost)``; ``("event", second, advertiser, event name, product ids joined by line ends,
session tag, value)``; ``("exposure", second, campaign or ~experiment, arm)``: it met a visitor for the first time;
``("conversion", second, campaign or ~experiment, arm, value, which purchase of the visitor since, second of the
exposure)``.

The tag is how the visitor's id begins: enough to tell visitors apart, too little to read a profile with. Records of
older servers end earlier; those without a tag have blanks between product ids."""


class VisitorStore(Protocol):
    """One visitor, one key."""

    def record_event(
        self,
        visitor: str,
        event: Event,
        now: float,
        *,
        returning: bool,
        receipt: bytes = b"",
        happened: Sequence[tuple[str, int]] = (),
        keep_s: int = 0,
    ) -> Awaitable[object]:
        """Done when it is written what ``event`` says into the profile; ``returning``: the visitor's cookie came back;
        ``receipt``: what the consent rests on, a few bytes; ``happened``: names of what rules count that this was one
        more of, and how many of the newest times (1 to 50) are kept of each; ``keep_s``: how long a returning visitor
        is remembered at least, in seconds."""

    async def read_visitor(
        self, visitor: str, now: float, deadline: float | None = None, *, returning: bool = True
    ) -> Profile:
        """All that is known at ``now`` (seconds since 1970): ads that were not seen in time are not counted. An empty
        profile for an unknown visitor. ``returning``: the visitor's cookie came back, which starts the retention of a
        new one; otherwise nothing changes."""

    async def reserve(
        self, visitor: str, claims: Sequence[Claim], now: float, deadline: float | None = None
    ) -> Reserved:
        """Take the first claim of which every limit of every count holds, whole; all or nothing, whoever else asks. One
        that counts nothing and has met nothing holds at once, and of nobody as well."""

    def seen(self, visitor: str, decision: str) -> Awaitable[object]:
        """The ad was seen in time: what its claim took stays taken."""

    def unseen(self, visitor: str, decision: str) -> Awaitable[object]:
        """The ad will not be seen: what its claim took is given back at once."""

    def clicked(self, visitor: str, advertiser_ref: int, product: str) -> Awaitable[object]:
        """The visitor clicked on a product: nobody is tired of it any more."""

    async def hide(self, visitor: str, advertiser_ref: int, product: str, now: float, group: str = "") -> bool:
        """Never show ``product`` to this visitor again, nor others of its item ``group``; False, and nothing is
        written, for a visitor of whom nothing is known. A bounded number is kept, the newest."""

    async def unhide(self, visitor: str, advertiser_ref: int, product: str, group: str = "") -> None:
        """They may be shown again."""

    async def converted(self, visitor: str, names: Sequence[str], now: float) -> Mapping[str, Exposure]:
        """Count a purchase on each of the exposures ``names`` that the visitor has met by ``now``; those, with it."""


class BillingStore(Protocol):
    """What was counted already."""

    async def bill(
        self,
        decision: str,
        item: str,
        ttl_s: int,
        record: LogRecord,
        pay: Callable[[], Awaitable[int]] | None = None,
    ) -> bool:
        """True for the first call per ``decision`` and ``item`` within ``ttl_s`` seconds, whoever else calls; then the
        record is in the event log as well. ``pay`` is called by the first only, and tells what takes the place of the
        record's last field, its cost."""

    async def bill_alone(self, record: LogRecord, pay: Callable[[], Awaitable[int]] | None = None) -> None:
        """The same for what nobody else can ask to be counted, and nobody twice: nothing is remembered of it."""


class Tied(NamedTuple):
    """``click``: what a click on a picture is good for; ``at``: when the picture was shown, in seconds since 1970."""

    click: str
    at: int


class TieStore(Protocol):
    """Which decision a picture was made of: its link knows no more than the placement and a cachebuster.

    A bounded number is kept of each visitor, and of all strangers of a placement; what was tied first is forgotten
    first, and what is so old that clicks do not count any more."""

    async def tie(self, visitor: str, placement: str, cachebuster: str, click: str, now: float) -> None:
        """Write what a click is good for; ``visitor`` is empty for a stranger, and ``click`` then the same for many.
        What was tied to the same before is forgotten."""

    async def tied(self, visitor: str, placement: str, cachebuster: str, now: float) -> Tied | None:
        """What was tied last, if it still is."""


class BudgetStore(Protocol):
    """The money of line items. A lease is named ``<line item ref>.<its own id>``."""

    async def lease(self, lease: str, terms: Terms, asked: int, now: float, ends: float) -> Lent:
        """Up to ``asked`` micros (0: only look) into a lease, which ends at ``ends`` where it is a new one."""

    async def give_back(self, lease: str, micros: int) -> None:
        """So much of a lease is not needed. To be called once."""

    async def spend(self, lease: str, micros: int, now: float) -> int:
        """The micros, which leave the lease and are spent; 0 where it has ended or has not got so much left."""

    async def spend_click(self, ref: int, terms: Terms) -> int:
        """The price of one click, which is spent; 0 where a limit would be passed."""

    async def miss(self, refs: Collection[int]) -> None:
        """Say that these line items have no ledger."""

    async def curves(self) -> Mapping[int, Curve]:
        """Yesterday's traffic by line item ref, for those that are paced by it."""


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


class CustomerLists(Protocol):
    """The customer lists that line items ask for, held in memory."""

    @property
    def is_complete(self) -> bool:
        """Whether all of them are there as the accounts last loaded say."""

    async def load(self, accounts: Accounts) -> None:
        """Read those that have changed."""

    def is_listed(self, advertiser_ref: int, list_id: str, mail: bytes) -> bool:
        """Whether ``mail`` (the first 8 bytes of the SHA-256 of an address) is on that list of that advertiser."""


class RatesStore(Protocol):
    """The published rates of clicks."""

    async def other_than(self, version: str) -> tuple[str, Rates] | None:
        """What is published, and its version; None while that is still ``version`` (empty for none), or nothing."""


class SnapshotStore(Protocol):
    """The published view of all accounts."""

    async def publish(self, snapshot: Snapshot) -> bool:
        """Publish unless a newer or equal revision is there already."""

    async def published_revision(self) -> int:
        """The revision that workers see; 0 for none."""

    async def newer_than(self, revision: int) -> Snapshot | None:
        """The published snapshot, or None while it is not newer."""
