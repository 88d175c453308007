"""Hourly measures in SQL, and up to where the event stream is counted in them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from adserver.storage.sql.engine import reading, writing
from adserver.storage.sql.tables import Base, RollupHourRow, StreamOffsetRow

START = "0-0"
"""The offset of a stream that was never counted: Valkey's id before every entry."""

RollupRow = tuple[datetime, str, str, str, int, int, int]
"""UTC hour, line item or '', placement, no-ad reason or '', requests, impressions, clicks."""

_KEY = ("hour", "line_item", "placement", "reason")
_MEASURES = ("requests", "impressions", "clicks")


class Totals(NamedTuple):
    """Sums over hours.

    ``rows``: (line item or '', placement, requests, impressions, clicks);
    ``no_ad``: (placement, reason, requests).
    """

    rows: list[tuple[str, str, int, int, int]]
    no_ad: list[tuple[str, str, int]]


class SqlRollups:
    """All methods raise DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def offset(self, stream: str) -> str:
        """The id of the last entry of that stream that is counted."""
        with reading(self._engine) as connection:
            return connection.execute(_offset(stream)).scalar_one_or_none() or START

    def commit(self, stream: str, expected_offset: str, new_offset: str, rows: Iterable[RollupRow]) -> bool:
        """Add the rows and move the offset, both or neither.

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
            _add(connection, rows)
        return True

    def totals(self, since: datetime | None = None, until: datetime | None = None) -> Totals:
        """Sums over the hours that begin at or after ``since`` and before ``until`` (aware, or None)."""
        hours: list[ColumnElement[bool]] = []
        if since is not None:
            hours.append(RollupHourRow.hour >= since)
        if until is not None:
            hours.append(RollupHourRow.hour < until)
        line_item, placement, reason = RollupHourRow.line_item, RollupHourRow.placement, RollupHourRow.reason
        requests = func.sum(RollupHourRow.requests)
        measures = (requests, func.sum(RollupHourRow.impressions), func.sum(RollupHourRow.clicks))
        rows = select(line_item, placement, *measures).where(*hours).group_by(line_item, placement)
        no_ad = select(placement, reason, requests).where(reason != "", *hours).group_by(placement, reason)
        with reading(self._engine) as connection:
            return Totals(
                sorted((who, where, int(r), int(i), int(c)) for who, where, r, i, c in connection.execute(rows)),
                sorted((where, why, int(count)) for where, why, count in connection.execute(no_ad)),
            )


def _offset(stream: str) -> Any:
    return select(StreamOffsetRow.last_id).where(StreamOffsetRow.stream == stream)


def _add(connection: Connection, rows: Iterable[RollupRow]) -> None:
    # Sorted: workers of two streams lock the same rows in the same order, so they can not block each other.
    values = [dict(zip((*_KEY, *_MEASURES), row, strict=True)) for row in sorted(rows)]
    if not values:
        return
    statement = _insert(connection, RollupHourRow)
    columns = RollupHourRow.__table__.c
    added = {name: columns[name] + statement.excluded[name] for name in _MEASURES}
    connection.execute(statement.on_conflict_do_update(index_elements=_KEY, set_=added), values)


def _insert(connection: Connection, row: type[Base]) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(row) if connection.dialect.name == "postgresql" else sqlite.insert(row)
