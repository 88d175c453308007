"""What is noted about each feed."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine, select, update

from adserver.model.account import Advertiser, ConsentDefault
from adserver.storage.sql.engine import reading, writing
from adserver.storage.sql.tables import AdvertiserRow, FeedRow


class FeedState(NamedTuple):
    """``imported_at`` and ``products`` are of the last import that went through; ``error`` of a later failure."""

    advertiser: str
    source: str
    imported_at: datetime | None
    products: int | None
    error: str | None


class SqlFeeds:
    """All methods raise DatabaseUnavailable. An advertiser without a feed in its account has nothing to note."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def states(self) -> list[FeedState]:
        """All feeds, by advertiser."""
        query = select(
            AdvertiserRow.id, FeedRow.source, FeedRow.imported_at, FeedRow.products, FeedRow.last_error
        ).join(AdvertiserRow, AdvertiserRow.ref == FeedRow.advertiser_ref)
        with reading(self._engine) as connection:
            return sorted(FeedState(*row) for row in connection.execute(query))

    def never_tried(self) -> list[tuple[Advertiser, str]]:
        """Feeds that were never imported, nor tried in vain, since their source was named."""
        query = (
            select(AdvertiserRow.__table__, FeedRow.source)
            .join(FeedRow, AdvertiserRow.ref == FeedRow.advertiser_ref)
            .where(FeedRow.imported_at.is_(None), FeedRow.last_error.is_(None))
        )
        with reading(self._engine) as connection:
            return [
                (
                    Advertiser(
                        ref=row["ref"],
                        id=row["id"],
                        name=row["name"],
                        domains=tuple(row["domains"]),
                        currency=row["currency"],
                        locale=row["locale"],
                        consent_default=ConsentDefault(row["consent_default"]) if row["consent_default"] else None,
                    ),
                    row["source"],
                )
                for row in connection.execute(query).mappings()
            ]

    def imported(self, advertiser: str, products: int, when: datetime) -> None:
        """An import went through."""
        self._note(advertiser, imported_at=when, products=products, last_error=None)

    def failed(self, advertiser: str, error: str) -> None:
        """An import did not."""
        self._note(advertiser, last_error=error[:2_000])

    def _note(self, advertiser: str, **values: object) -> None:
        ref = select(AdvertiserRow.ref).where(AdvertiserRow.id == advertiser).scalar_subquery()
        with writing(self._engine) as connection:
            connection.execute(update(FeedRow).where(FeedRow.advertiser_ref == ref).values(**values))
