"""A feed becomes an advertiser's catalog: read as a stream, written beside the current one, swapped in one step."""

import asyncio
import contextlib
import hashlib
import logging
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import BinaryIO, Protocol

from adserver.catalog.feed import FeedError, RowProblem, read_feed
from adserver.catalog.format_name import format_of
from adserver.catalog.guards import Guards
from adserver.catalog.history import History, continued
from adserver.catalog.summary import ImportSummary
from adserver.model.account import Advertiser, Feed
from adserver.model.feed_import import FeedImport, InUse, Outcome
from adserver.model.product import Product, paid_at
from adserver.service.feed_schedule import pause_s
from adserver.service.feed_turn import Turns, expect_to_go_on, turn
from adserver.storage.fetch.source import Source, Validators
from adserver.storage.interfaces import CatalogWriter, SourceUnavailable, StoreUnavailable

BATCH = 250
"""Products per write, and between two turns of whoever else works in this process: Valkey takes in some while the next
are read."""

CATALOG_FORMAT = 1
"""Counts the changes of what the same bytes become: with a new number unchanged feeds are read again."""

AT_A_TIME = 2
"""Feeds that are read together in one process; any number may be fetched meanwhile."""

_DIGEST_BYTES = 1024 * 1024

log = logging.getLogger(__name__)


class Catalogs(Protocol):
    """Where imports begin."""

    async def begin(self, ref: int) -> CatalogWriter:
        """Start an import beside the current catalog of advertiser ``ref``."""

    async def touch(self, ref: int, checked_at: int) -> bool:
        """The feed was found unchanged at that second."""

    async def count(self, ref: int) -> int:
        """Products in the current catalog of ``ref``."""


class FeedBook(Turns, Protocol):
    """What is noted about each feed in SQL."""

    def in_use(self, ref: int) -> InUse | None:
        """What the last good import left."""

    def end(self, ended: FeedImport, in_use: InUse | None, due_after: Callable[[int], datetime | None]) -> None:
        """An import has ended: what is in use since (None: what was before), and when the next turn is."""

    def forget(self, number: int) -> None:
        """An import ended without having found anything out about the feed."""


class Draft(Protocol):
    """The catalog that is being written, for the archive."""

    def add(self, products: list[Product]) -> None:
        """The next ones."""

    def keep(self) -> None:
        """Take the place of the one before. Raises OSError."""

    def discard(self) -> None:
        """Leave nothing behind."""


class Archive(Protocol):
    """Where the last good catalog of each feed is kept."""

    def draft(self, advertiser: str, ref: int, **head: object) -> Draft:
        """Begin one. Raises OSError."""


class OpenSource(Protocol):
    """Opens a path or URL for reading; raises SourceUnavailable when that does not work."""

    def __call__(self, source: str, *, known: Validators | None = None) -> AbstractAsyncContextManager[Source]:
        """``known``: what it said of the version that is in use."""


@dataclass(frozen=True, slots=True)
class Imported:
    """How it ended. ``reason`` is empty when the feed's products are in use, else it says why the old ones stay."""

    summary: ImportSummary
    outcome: Outcome
    reason: str = ""
    number: int = 0
    report: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Job:
    advertiser: Advertiser
    source: str
    feed: Feed
    accept: bool
    progress: Callable[[int], None]
    began: datetime
    before: InUse | None
    summary: ImportSummary = field(default_factory=ImportSummary)
    facts: dict[str, object] = field(default_factory=dict)

    @property
    def now(self) -> int:
        return int(self.began.timestamp())


_Ended = tuple[Outcome, str, InUse | None]


class ImportFeed:
    """The old catalog stays until the new one is complete, and stays when that is broken, empty or suspicious."""

    def __init__(
        self,
        catalogs: Catalogs,
        book: FeedBook,
        open_source: OpenSource,
        archive: Archive,
        *,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._catalogs = catalogs
        self._book = book
        self._open_source = open_source
        self._archive = archive
        self._dice = dice
        self._readers = asyncio.Semaphore(AT_A_TIME)

    async def __call__(
        self,
        advertiser: Advertiser,
        source: str,
        *,
        feed: Feed | None = None,
        accept: bool = False,
        give_way: bool = False,
        progress: Callable[[int], None] = lambda _: None,
        waiting: Callable[[], None] = lambda: None,
    ) -> Imported:
        """Import ``source`` (path or URL). ``progress`` hears how many rows were read since it was last called.

        ``feed`` is the account's, with its guards; ``accept`` lets through what they would hold back. While another
        import of this advertiser runs, its end is waited for (``waiting`` is called once), or with ``give_way`` this
        one is refused, with the number 0. Raises StoreUnavailable and the database's error.
        """
        feed = feed or Feed(advertiser=advertiser.id, source=source)
        async with turn(self._book, advertiser.ref, source, give_way=give_way, waiting=waiting) as number:
            if number is None:
                return Imported(ImportSummary(), Outcome.REFUSED, "another import of this feed is running")
            before = self._book.in_use(advertiser.ref)
            job = _Job(advertiser, source, feed, accept, progress, datetime.now(UTC), before)
            try:
                outcome, reason, in_use = await self._import(job)
            except (StoreUnavailable, asyncio.CancelledError):
                with contextlib.suppress(Exception):
                    self._book.forget(number)
                raise
            except Exception:
                with contextlib.suppress(Exception):
                    self._end(job, number, Outcome.BROKEN_OFF, "the import broke off; the log says where", None)
                raise
            return self._end(job, number, outcome, reason, in_use)

    def _end(self, job: _Job, number: int, outcome: Outcome, reason: str, in_use: InUse | None) -> Imported:
        now = datetime.now(UTC)
        ended = FeedImport(
            number=number,
            advertiser=job.advertiser.id,
            source=job.source,
            began_at=job.began,
            ended_at=now,
            outcome=outcome,
            reason=reason,
            report={**job.facts, **job.summary.as_dict()},
        )

        def due_after(failures: int) -> datetime | None:
            pause = pause_s(job.feed, outcome, failures, self._dice())
            return now + timedelta(seconds=pause) if job.feed.every_s else None

        self._book.end(ended, in_use, due_after)
        return Imported(job.summary, outcome, reason, number, ended.report)

    async def _import(self, job: _Job) -> _Ended:
        still = job.before if await self._still_in_use(job) else None
        known = Validators(still.etag, still.last_modified) if still and still.source == job.source else None
        writer = await self._catalogs.begin(job.advertiser.ref)  # what is patched from now on survives this import
        try:
            async with self._open_source(job.source, known=known) as opened:
                if opened.stream is None:
                    return await self._unchanged(job, still, opened.validators)
                job.facts["bytes"] = opened.size
                digest = await asyncio.to_thread(_digest, opened.stream)
                if still is not None and still.digest == digest:
                    return await self._unchanged(job, still, opened.validators)
                async with self._readers:
                    return await self._read(job, writer, opened, digest)
        except FeedError as error:
            job.facts.update(code=error.code, fix=error.fix)
            return Outcome.REFUSED, str(error), None
        except SourceUnavailable as error:
            return Outcome.REFUSED, str(error), None

    async def _still_in_use(self, job: _Job) -> bool:
        """Whether what is noted is what Valkey has, and the same bytes would be read the same way again."""
        before = job.before
        if before is None or (before.format, before.currency) != (CATALOG_FORMAT, job.advertiser.currency):
            return False
        return before.products > 0 and await self._catalogs.count(job.advertiser.ref) == before.products

    async def _unchanged(self, job: _Job, still: InUse | None, validators: Validators) -> _Ended:
        if still is None:  # nothing was known that could have been confirmed
            return Outcome.REFUSED, "its address says that nothing changed, but was not asked that", None
        await self._catalogs.touch(job.advertiser.ref, job.now)
        job.summary.products = still.products
        return Outcome.UNCHANGED, "", _in_use(job, validators, still.digest, still.products, still.imported_at)

    async def _read(self, job: _Job, writer: CatalogWriter, opened: Source, digest: str) -> _Ended:
        """Raises FeedError; then, and when it is held back, nothing of it is left behind."""
        assert opened.stream is not None
        draft = self._draft(job, digest)
        job.facts["format"] = format_of(opened.stream)
        try:
            items = read_feed(opened.stream, currency=job.advertiser.currency)
            objection = await self._write(job, writer, draft, items)
            products = await writer.size()  # what Valkey loses from the swap on comes back only if it is known how much
            if objection is not None or not await writer.swap(unless_swapped_since=True, checked_at=job.now):
                await writer.discard()
                return objection or (Outcome.REFUSED, "another import was quicker", None)
            kept = await asyncio.to_thread(_keep, draft)
        except BaseException:
            with contextlib.suppress(StoreUnavailable):
                await writer.discard()
            raise
        finally:
            if draft is not None:
                draft.discard()
        # Without its archive nothing is taken as known: the next turn writes both again.
        return Outcome.IMPORTED, "", _in_use(job, opened.validators, digest if kept else "", products, job.began)

    async def _write(
        self, job: _Job, writer: CatalogWriter, draft: Draft | None, items: Iterable[Product | RowProblem]
    ) -> _Ended | None:
        """All into the next catalog. What speaks against using it, if anything does."""
        guards = Guards()
        size_before = await writer.current_size()
        for batch in _batches(items):
            expect_to_go_on()
            new = [item for item in batch if isinstance(item, Product)]
            rows = len(new) - job.summary.left_out
            for item in batch if len(new) < len(batch) else ():
                if isinstance(item, RowProblem):
                    job.summary.add(item)
            job.summary.products += len(new)
            old = await writer.current([product.id for product in new]) if size_before and new else {}
            guards.compare(old, new)
            new = _with_histories(new, old, job.now)
            if draft is not None:
                draft.add(new)
            await writer.add(new)
            job.progress(rows + job.summary.left_out)
        if not job.summary.products:
            return Outcome.REFUSED, "the feed has no product that can be used", None
        size = await writer.size()
        job.summary.found_repeated(job.summary.products - size)
        objection = guards.objection(
            size_before,
            size,
            job.feed.max_loss,
            currency_may_change=job.before is not None and job.before.currency != job.advertiser.currency,
        )
        return (Outcome.HELD_BACK, objection, None) if objection and not job.accept else None

    def _draft(self, job: _Job, digest: str) -> Draft | None:
        try:
            advertiser = job.advertiser
            head = {"source": job.source, "currency": advertiser.currency, "digest": digest, "checked_at": job.now}
            return self._archive.draft(advertiser.id, advertiser.ref, catalog_format=CATALOG_FORMAT, **head)
        except OSError as error:
            log.error("the catalog of %s can not be archived: %s", job.advertiser.id, error)  # noqa: TRY400
            return None


def _keep(draft: Draft | None) -> bool:
    try:
        if draft is not None:
            draft.keep()
    except OSError as error:
        log.error("a catalog could not be archived: %s", error)  # noqa: TRY400  the text says it all
        return False
    return draft is not None


def _in_use(job: _Job, validators: Validators, digest: str, products: int, imported_at: datetime) -> InUse:
    return InUse(
        source=job.source,
        etag=validators.etag if digest else "",
        last_modified=validators.last_modified if digest else "",
        digest=digest,
        currency=job.advertiser.currency,
        format=CATALOG_FORMAT,
        products=products,
        imported_at=imported_at,
        checked_at=job.began,
    )


def _digest(stream: BinaryIO) -> str:
    """Of all bytes; the stream is at its beginning again afterwards."""
    made = hashlib.blake2b(digest_size=32)
    while piece := stream.read(_DIGEST_BYTES):
        made.update(piece)
    stream.seek(0)
    return made.hexdigest()


def _with_histories(products: Iterable[Product], old: Mapping[str, Product], now: int) -> list[Product]:
    if not old:
        return [Product._make((*product[:-1], ((now, paid_at(product, now)),))) for product in products]
    return [Product._make((*product[:-1], _history(product, old.get(product.id), now))) for product in products]


def _history(product: Product, old: Product | None, now: int) -> History:
    """What most products are like is told without asking: at the price that they had."""
    if old is not None and product.sale_price is None and old[1:-1] == product[1:-1]:
        history = old.history
        if history and history[-1][1] == product.price:
            return history
    return continued(old, product, now)


def _batches(items: Iterable[Product | RowProblem]) -> Iterator[list[Product | RowProblem]]:
    source = iter(items)
    while batch := list(islice(source, BATCH)):
        yield batch
