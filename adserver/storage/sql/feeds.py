"""What is noted about each feed: what is in use, the last imports, and when its next turn is."""

from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, RowMapping, Select, delete, insert, or_, select, update

from adserver.model.account import Advertiser, ConsentDefault, Feed, StrikeThrough
from adserver.model.feed_import import FeedImport, InUse, Outcome
from adserver.storage.sql.engine import reading, writing
from adserver.storage.sql.tables import AdvertiserRow, CatalogRow, FeedImportRow, FeedRow

KEPT = 20
"""Imports of one advertiser that are kept with their reports."""

DueAfter = Callable[[int], datetime | None]
"""(Failures in a row, 0 after a good import) -> when the next turn is; None: at once."""

_REASON_LIMIT = 2_000


class FeedState(NamedTuple):
    """``feed`` is None where the account names none and products were imported by hand; ``last`` is the newest import
    that has ended, ``in_use`` what the newest good one left."""

    advertiser: Advertiser
    feed: Feed | None
    failures: int
    in_use: InUse | None
    last: FeedImport | None


class SqlFeeds:
    """All methods raise DatabaseUnavailable. Advertisers are told apart by their ``ref``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def states(self) -> list[FeedState]:
        """All that have a feed or products, by advertiser; of the last import without its report."""
        columns = [column for column in FeedImportRow.__table__.c if column.name != "report"]
        with reading(self._engine) as connection:
            advertisers = _by_ref(connection, select(AdvertiserRow.__table__), "ref")
            feeds = _by_ref(connection, select(FeedRow.__table__), "advertiser_ref")
            catalogs = _by_ref(connection, select(CatalogRow.__table__), "advertiser_ref")
            ended = select(*columns).where(FeedImportRow.ended_at.is_not(None)).order_by(FeedImportRow.id)
            lasts = _by_ref(connection, ended, "advertiser_ref")  # the newest of each comes last
        found = []
        for ref, row in advertisers.items():
            if ref not in feeds and ref not in catalogs:
                continue
            advertiser, feed, last = _advertiser(row), feeds.get(ref), lasts.get(ref)
            found.append(
                FeedState(
                    advertiser,
                    _feed(advertiser, feed) if feed else None,
                    feed["failures"] if feed else 0,
                    _in_use(catalogs.get(ref)),
                    _import(advertiser.id, {**last, "report": {}}) if last else None,
                )
            )
        return sorted(found, key=lambda state: state.advertiser.id)

    def due(self, now: datetime) -> list[tuple[Advertiser, Feed]]:
        """Feeds whose turn has come, the longest waiting first; those without a schedule have none."""
        query = (
            select(AdvertiserRow.__table__, FeedRow.__table__)
            .join(FeedRow, AdvertiserRow.ref == FeedRow.advertiser_ref)
            .where(FeedRow.every_s > 0, or_(FeedRow.due_at.is_(None), FeedRow.due_at <= now))
            .order_by(FeedRow.due_at.is_not(None), FeedRow.due_at)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        return [(advertiser := _advertiser(row), _feed(advertiser, row)) for row in rows]

    def make_due(self, ref: int) -> None:
        """The feed's turn is now."""
        with writing(self._engine) as connection:
            connection.execute(update(FeedRow).where(FeedRow.advertiser_ref == ref).values(due_at=None))

    def in_use(self, ref: int) -> InUse | None:
        """What the last good import left."""
        with reading(self._engine) as connection:
            query = select(CatalogRow.__table__).where(CatalogRow.advertiser_ref == ref)
            return _in_use(connection.execute(query).mappings().first())

    def put_in_use(self, ref: int, in_use: InUse) -> None:
        """Note what is in use, where no import of a feed brought it."""
        with writing(self._engine) as connection:
            _put_in_use(connection, ref, in_use)

    def imports(self, ref: int, limit: int = KEPT) -> list[FeedImport]:
        """The last imports, also one that runs, newest first."""
        query = (
            select(FeedImportRow.__table__, AdvertiserRow.id.label("advertiser"))
            .join(AdvertiserRow, AdvertiserRow.ref == FeedImportRow.advertiser_ref)
            .where(FeedImportRow.advertiser_ref == ref)
            .order_by(FeedImportRow.id.desc())
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [_import(row["advertiser"], row) for row in connection.execute(query).mappings()]

    def begin(self, ref: int, source: str, now: datetime, alive_until: datetime) -> int | None:
        """Take the turn of this advertiser: the number of the import, or None while another one runs.

        Who holds it says ``still_alive`` before ``alive_until``; an import that does not is taken for dead.
        """
        rows = FeedImportRow.__table__
        with writing(self._engine) as connection:
            # The advertiser's row is the queue: two that begin at the same time must see each other.
            connection.execute(select(AdvertiserRow.ref).where(AdvertiserRow.ref == ref).with_for_update())
            runs = rows.c.ended_at.is_(None) & (rows.c.alive_until > now)
            if connection.execute(select(rows.c.id).where(rows.c.advertiser_ref == ref, runs)).first():
                return None
            connection.execute(
                update(FeedImportRow)
                .where(rows.c.advertiser_ref == ref, rows.c.ended_at.is_(None))
                .values(
                    ended_at=rows.c.alive_until,
                    outcome=Outcome.BROKEN_OFF.value,
                    reason="the process ended in mid-import",
                )
            )
            values = {"source": source, "began_at": now, "alive_until": alive_until, "report": {}, "reason": ""}
            begun = insert(FeedImportRow).values(advertiser_ref=ref, outcome=Outcome.RUNNING.value, **values)
            number: int = connection.execute(begun.returning(rows.c.id)).scalar_one()
            return number

    def still_alive(self, number: int, until: datetime) -> None:
        """The import goes on."""
        with writing(self._engine) as connection:
            connection.execute(update(FeedImportRow).where(FeedImportRow.id == number).values(alive_until=until))

    def end(self, ended: FeedImport, in_use: InUse | None, due_after: DueAfter) -> None:
        """Note how an import ended, what is in use (None: what was before), and when the feed's next turn is.

        The turn is that of the account's own feed: an import of another source by hand leaves it alone.
        """
        with writing(self._engine) as connection:
            ref = connection.execute(
                update(FeedImportRow)
                .where(FeedImportRow.id == ended.number)
                .values(
                    ended_at=ended.ended_at,
                    outcome=ended.outcome.value,
                    reason=ended.reason[:_REASON_LIMIT],
                    report=dict(ended.report),
                )
                .returning(FeedImportRow.advertiser_ref)
            ).scalar_one_or_none()
            if ref is None:
                return  # the advertiser was removed meanwhile
            _schedule(connection, ref, ended, due_after)
            if in_use is not None:
                _put_in_use(connection, ref, in_use)
            _keep_the_last(connection, ref)

    def forget(self, number: int) -> None:
        """The import ended without having found anything out about the feed."""
        with writing(self._engine) as connection:
            connection.execute(delete(FeedImportRow).where(FeedImportRow.id == number))


def _schedule(connection: Connection, ref: int, ended: FeedImport, due_after: DueAfter) -> None:
    own = (FeedRow.advertiser_ref == ref) & (FeedRow.source == ended.source)
    failures = connection.execute(select(FeedRow.failures).where(own)).scalar_one_or_none()
    if failures is not None:
        failures = failures + 1 if ended.outcome in (Outcome.REFUSED, Outcome.BROKEN_OFF) else 0
        connection.execute(update(FeedRow).where(own).values(failures=failures, due_at=due_after(failures)))


def _put_in_use(connection: Connection, ref: int, in_use: InUse) -> None:
    values = asdict(in_use)
    mine = CatalogRow.advertiser_ref == ref
    if connection.execute(select(CatalogRow.advertiser_ref).where(mine)).first():
        connection.execute(update(CatalogRow).where(mine).values(**values))
    else:
        connection.execute(insert(CatalogRow).values(advertiser_ref=ref, **values))


def _keep_the_last(connection: Connection, ref: int) -> None:
    mine = FeedImportRow.advertiser_ref == ref
    newest = select(FeedImportRow.id).where(mine).order_by(FeedImportRow.id.desc()).offset(KEPT - 1).limit(1)
    oldest_kept = connection.execute(newest).scalar_one_or_none()
    if oldest_kept is not None:
        connection.execute(delete(FeedImportRow).where(mine, FeedImportRow.id < oldest_kept))


def _by_ref(connection: Connection, query: Select[Any], ref: str) -> dict[int, RowMapping]:
    return {row[ref]: row for row in connection.execute(query).mappings()}


def _advertiser(row: RowMapping) -> Advertiser:
    return Advertiser(
        ref=row["ref"],
        id=row["id"],
        name=row["name"],
        domains=tuple(row["domains"]),
        currency=row["currency"],
        locale=row["locale"],
        consent_default=ConsentDefault(row["consent_default"]) if row["consent_default"] else None,
        strike_through=StrikeThrough(row["strike_through"]) if row["strike_through"] else None,
        color=row["color"] or "",
    )


def _feed(advertiser: Advertiser, row: RowMapping) -> Feed:
    named = {field.name: row[field.name] for field in fields(Feed) if field.name != "advertiser"}
    return Feed(advertiser=advertiser.id, **named)


def _in_use(row: RowMapping | None) -> InUse | None:
    return None if row is None else InUse(**{field.name: row[field.name] for field in fields(InUse)})


def _import(advertiser: str, row: Any) -> FeedImport:
    return FeedImport(
        number=row["id"],
        advertiser=advertiser,
        source=row["source"],
        began_at=row["began_at"],
        ended_at=row["ended_at"],
        outcome=Outcome(row["outcome"]),
        reason=row["reason"],
        report=row["report"],
    )
