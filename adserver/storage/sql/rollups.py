"""Hourly measures in SQL, and up to where the event stream is counted in them."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, func, literal, select, update
from sqlalchemy.dialects import sqlite

from adserver.storage.sql.engine import reading, writing
from adserver.storage.sql.tables import Base, LiftHourRow, RollupHourRow, StreamOffsetRow

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

START = "0-0"
"""The offset of a stream that was never counted: Valkey's id before every entry."""

RollupRow = tuple[datetime, str, str, str, str, int, int, int, int]
"""UTC hour, line item or '', placement, no-ad reason or '', creative or '', requests, impressions, clicks, cost in
micros."""

ArmRow = tuple[datetime, str, str, int, int, int, int]
"""UTC hour, campaign or ``~`` and experiment, arm; visitors first met in that hour, those of them who bought since,
their purchases and the value of these in micros."""

_KEY = ("hour", "line_item", "placement", "reason", "creative")
_MEASURES = ("requests", "impressions", "clicks", "cost")
_ARM_KEY = ("hour", "name", "arm")
_ARM_MEASURES = ("exposed", "converted", "purchases", "value")


class Totals(NamedTuple):
    """Sums over hours.

    ``rows``: (line item or '', placement, creative or '', requests, impressions, clicks, cost in micros);
    ``no_ad``: (placement, reason, requests).
    """

    rows: list[tuple[str, str, str, int, int, int, int]]
    no_ad: list[tuple[str, str, int]]


class SqlRollups:
    """All methods raise DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def offset(self, stream: str) -> str:
        """The id of the last entry of that stream that is counted."""
        with reading(self._engine) as connection:
            return connection.execute(_offset(stream)).scalar_one_or_none() or START

    def commit(
        self,
        stream: str,
        expected_offset: str,
        new_offset: str,
        rows: Iterable[RollupRow],
        arms: Iterable[ArmRow] = (),
    ) -> bool:
        """Add the rows and move the offset, all or nothing.

        False, and nothing changed, when the offset is no longer the expected one: another worker counted
        these entries.
        """
        with writing(self._engine) as connection:
            first = _insert(connection, StreamOffsetRow).values(stream=stream, last_id=START)
            connection.execute(first.on_conflict_do_nothing())
            moved = connection.execute(
                update(StreamOffsetRow)
                .where(StreamOffsetRow.stream == stream, StreamOffsetRow.last_id == expected_offset)
                .values(last_id=new_offset)
            )
            if moved.rowcount != 1:
                return False
            _add(connection, RollupHourRow, _KEY, _MEASURES, rows)
            _add(connection, LiftHourRow, _ARM_KEY, _ARM_MEASURES, arms)
        return True

    def totals(
        self, since: datetime | None = None, until: datetime | None = None, *, by_creative: bool = False
    ) -> Totals:
        """Sums over the hours that begin at or after ``since`` and before ``until`` (aware, or None)."""
        hours = _hours(RollupHourRow, since, until)
        line_item, placement, reason = RollupHourRow.line_item, RollupHourRow.placement, RollupHourRow.reason
        creative = RollupHourRow.creative
        whole = (line_item, placement, creative) if by_creative else (line_item, placement)
        shown = (line_item, placement, creative if by_creative else literal(""))
        rows = select(*shown, *_sums(RollupHourRow, _MEASURES)).where(*hours).group_by(*whole)
        requests = func.sum(RollupHourRow.requests)
        no_ad = select(placement, reason, requests).where(reason != "", *hours).group_by(placement, reason)
        with reading(self._engine) as connection:
            return Totals(
                sorted((a, b, c, int(r), int(i), int(k), int(m)) for a, b, c, r, i, k, m in connection.execute(rows)),
                sorted((where, why, int(count)) for where, why, count in connection.execute(no_ad)),
            )

    def clicks(
        self, since: datetime | None = None, until: datetime | None = None
    ) -> list[tuple[datetime, str, str, int, int]]:
        """Impressions and clicks of line items: (UTC hour, line item, creative or '', impressions, clicks), in the
        order of the first three; hours without either are left out."""
        key = (RollupHourRow.hour, RollupHourRow.line_item, RollupHourRow.creative)
        some = (RollupHourRow.line_item != "", RollupHourRow.impressions + RollupHourRow.clicks > 0)
        query = select(*key, *_sums(RollupHourRow, ("impressions", "clicks")))
        query = query.where(*some, *_hours(RollupHourRow, since, until)).group_by(*key)
        with reading(self._engine) as connection:
            return sorted((hour, who, what, int(i), int(c)) for hour, who, what, i, c in connection.execute(query))

    def arms(
        self, since: datetime | None = None, until: datetime | None = None
    ) -> list[tuple[str, str, int, int, int, int]]:
        """Of the visitors first met in these hours: (campaign or ``~`` and experiment, arm, how many there were, how
        many of them bought since, their purchases, the value of these in micros), sorted."""
        key = (LiftHourRow.name, LiftHourRow.arm)
        query = select(*key, *_sums(LiftHourRow, _ARM_MEASURES)).where(*_hours(LiftHourRow, since, until))
        with reading(self._engine) as connection:
            rows = connection.execute(query.group_by(*key))
            return sorted((name, arm, int(e), int(c), int(p), int(v)) for name, arm, e, c, p, v in rows)

    def costs(self, since: datetime | None = None, until: datetime | None = None) -> dict[str, int]:
        """What each line item has cost, in micros."""
        query = select(RollupHourRow.line_item, func.sum(RollupHourRow.cost)).where(
            *_hours(RollupHourRow, since, until)
        )
        with reading(self._engine) as connection:
            return {
                name: int(cost) for name, cost in connection.execute(query.group_by(RollupHourRow.line_item)) if cost
            }


def _offset(stream: str) -> Any:
    return select(StreamOffsetRow.last_id).where(StreamOffsetRow.stream == stream)


def _hours(row: type[Any], since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    hours: list[ColumnElement[bool]] = []
    if since is not None:
        hours.append(row.hour >= since)
    if until is not None:
        hours.append(row.hour < until)
    return hours


def _sums(row: type[Base], names: Iterable[str]) -> list[ColumnElement[Any]]:
    return [func.sum(row.__table__.c[name]) for name in names]


def _add(
    connection: Connection,
    table: type[Base],
    key: tuple[str, ...],
    measures: tuple[str, ...],
    rows: Iterable[tuple[Any, ...]],
) -> None:
    # Sorted: workers of two streams lock the same rows in the same order, so they can not block each other.
    values = [dict(zip((*key, *measures), row, strict=True)) for row in sorted(rows)]
    if not values:
        return
    statement = _insert(connection, table)
    columns = table.__table__.c
    added = {name: columns[name] + statement.excluded[name] for name in measures}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=added), values)


def _insert(connection: Connection, row: type[Base]) -> "sqlite.Insert | postgresql.Insert":
    if connection.dialect.name == "sqlite":
        return sqlite.insert(row)
    from sqlalchemy.dialects import postgresql  # most have none, and it takes as long to load as all tables

    return postgresql.insert(row)
