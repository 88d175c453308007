"""A feed becomes an advertiser's catalog: read as a stream, written beside the current one, swapped in one step."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, Protocol

from adserver.catalog.feed import FeedError, RowProblem, read_feed
from adserver.catalog.summary import ImportSummary
from adserver.model.account import Advertiser
from adserver.model.product import Product
from adserver.storage.interfaces import CatalogWriter, SourceUnavailable

BATCH = 500
"""Products per write."""


class Catalogs(Protocol):
    """Where imports begin."""

    async def begin(self, ref: int) -> CatalogWriter:
        """Start an import beside the current catalog of advertiser ``ref``."""


class FeedBook(Protocol):
    """What is noted about each feed in SQL."""

    def imported(self, advertiser: str, products: int, when: datetime) -> None:
        """An import went through."""

    def failed(self, advertiser: str, error: str) -> None:
        """An import did not."""


OpenFeed = Callable[[str], AbstractAsyncContextManager[BinaryIO]]
"""Opens a path or URL for reading; raises SourceUnavailable when that does not work."""


@dataclass(frozen=True, slots=True)
class Imported:
    """``refused`` is empty when the new catalog is the current one now, else it says why the old one stays."""

    summary: ImportSummary
    refused: str = ""


class ImportFeed:
    """The old catalog stays until the new one is complete, and stays when the new one is broken or empty."""

    def __init__(self, catalogs: Catalogs, book: FeedBook, open_feed: OpenFeed) -> None:
        self._catalogs = catalogs
        self._book = book
        self._open_feed = open_feed

    async def __call__(
        self,
        advertiser: Advertiser,
        source: str,
        *,
        progress: Callable[[int], None] = lambda _: None,
        first_only: bool = False,
    ) -> Imported:
        """Import ``source`` (path or URL). ``progress`` hears how many rows were read so far.

        ``first_only``: give way if another import was quicker. Raises StoreUnavailable.
        """
        summary = ImportSummary()
        writer = await self._catalogs.begin(advertiser.ref)
        try:
            async with self._open_feed(source) as stream:
                await _write(writer, read_feed(stream, currency=advertiser.currency), summary, progress)
        except (FeedError, SourceUnavailable) as error:
            return await self._refuse(advertiser, writer, summary, str(error))
        if not summary.products:
            return await self._refuse(advertiser, writer, summary, "the feed has no product that can be used")
        if not await writer.swap(unless_swapped_since=first_only):
            return Imported(summary, "another import was quicker")
        self._book.imported(advertiser.id, summary.products, datetime.now(UTC))
        return Imported(summary)

    async def _refuse(
        self, advertiser: Advertiser, writer: CatalogWriter, summary: ImportSummary, why: str
    ) -> Imported:
        await writer.discard()
        self._book.failed(advertiser.id, why)
        return Imported(summary, why)


async def _write(
    writer: CatalogWriter,
    items: Iterable[Product | RowProblem],
    summary: ImportSummary,
    progress: Callable[[int], None],
) -> None:
    for batch in _batches(items):
        for item in batch:
            summary.add(item)
        await writer.add([item for item in batch if isinstance(item, Product)])
        progress(len(batch))


def _batches(items: Iterable[Product | RowProblem]) -> Iterator[list[Product | RowProblem]]:
    batch: list[Product | RowProblem] = []
    for item in items:
        batch.append(item)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
