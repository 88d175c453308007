"""An empty Valkey is filled again from the archive: the last good catalog, with the prices that were seen."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol

from adserver.model.account import Advertiser
from adserver.model.feed_import import InUse
from adserver.model.product import Product
from adserver.service.feed_turn import Turns, expect_to_go_on, turn
from adserver.service.import_feed import Catalogs
from adserver.storage.interfaces import CatalogWriter


class Archived(Protocol):
    """An archived catalog."""

    head: Mapping[str, Any]

    def batches(self) -> Iterator[list[Product]]:
        """Its products."""

    def close(self) -> None:
        """Done with it."""


class OpenArchive(Protocol):
    """Where the last good catalog of each feed is kept."""

    def open(self, advertiser: str, ref: int) -> Archived | None:
        """None where there is none."""


class RebuildBook(Turns, Protocol):
    """What is noted about each feed in SQL."""

    def in_use(self, ref: int) -> InUse | None:
        """What the last good import left."""

    def put_in_use(self, ref: int, in_use: InUse) -> None:
        """Note what is in use."""

    def forget(self, number: int) -> None:
        """It was no import of a feed."""


class RebuildFeed:
    """Guards are off: these products were in use before. How old their feed is, is kept as well."""

    def __init__(self, catalogs: Catalogs, book: RebuildBook, archive: OpenArchive) -> None:
        self._catalogs = catalogs
        self._book = book
        self._archive = archive

    async def __call__(self, advertiser: Advertiser) -> int | None:
        """Products that are in use then; None where nothing is archived, or an import runs or was quicker.

        Raises StoreUnavailable, the database's error, OSError, and ArchiveDamaged; then the catalog is what it was.
        """
        async with turn(self._book, advertiser.ref, "archive", give_way=True, waiting=lambda: None) as number:
            if number is None:
                return None
            try:
                return await self._fill(advertiser)
            finally:
                self._book.forget(number)

    async def _fill(self, advertiser: Advertiser) -> int | None:
        archived = await asyncio.to_thread(self._archive.open, advertiser.id, advertiser.ref)
        if archived is None:
            return None
        noted = self._book.in_use(advertiser.ref)
        in_use = _as_noted(noted, archived.head)
        writer = await self._catalogs.begin(advertiser.ref)
        try:
            await _write(writer, archived)
            checked_at = int(in_use.checked_at.timestamp())
            if not await writer.swap(unless_swapped_since=True, checked_at=checked_at):
                return None
        except BaseException:
            await writer.discard()
            raise
        finally:
            archived.close()
        products = await self._catalogs.count(advertiser.ref)
        self._book.put_in_use(advertiser.ref, replace(in_use, products=products))
        return products


async def _write(writer: CatalogWriter, archived: Archived) -> None:
    batches = archived.batches()
    while batch := await asyncio.to_thread(next, batches, None):
        await writer.add(batch)
        expect_to_go_on()


def _as_noted(noted: InUse | None, head: Mapping[str, Any]) -> InUse:
    """What is in use once the archive is: with all that is noted where that is of these very bytes."""
    if noted is not None and noted.digest and noted.digest == head["digest"]:
        return noted
    checked_at = datetime.fromtimestamp(head["checked_at"], UTC)
    return InUse(
        source=head["source"],
        currency=head["currency"],
        products=0,
        imported_at=checked_at,
        checked_at=checked_at,
    )
