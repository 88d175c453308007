"""The accounts in SQL, read and changed as values of ``adserver.model.account``."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, RowMapping, delete, insert, select, update

from adserver.model.access import ScopeKind
from adserver.model.account import Accounts, Advertiser, Campaign, Feed, Placement, Publisher
from adserver.model.experiment import Experiment
from adserver.model.line_item import LineItem
from adserver.model.product_set import ProductSet
from adserver.model.segment import CustomerList, Segment
from adserver.storage.sql.engine import reading, writing
from adserver.storage.sql.tables import (
    AdvertiserRow,
    ApiKeyRow,
    Base,
    CampaignRow,
    CustomerListRow,
    ExperimentRow,
    FeedRow,
    LineItemRow,
    PlacementRow,
    ProductSetRow,
    PublisherRow,
    RevisionRow,
    SegmentRow,
)

Plan = Callable[[Accounts], tuple[Accounts, Accounts]]
"""What is there -> (what to create or replace, what to remove)."""

# Parents first: the order of writing; removals walk it backwards.
_TABLES: tuple[tuple[str, type[Base], type[Any]], ...] = (
    ("advertisers", AdvertiserRow, Advertiser),
    ("feeds", FeedRow, Feed),
    ("segments", SegmentRow, Segment),
    ("product_sets", ProductSetRow, ProductSet),
    ("experiments", ExperimentRow, Experiment),
    ("campaigns", CampaignRow, Campaign),
    ("line_items", LineItemRow, LineItem),
    ("publishers", PublisherRow, Publisher),
    ("placements", PlacementRow, Placement),
)

_READ_ONLY: tuple[tuple[str, type[Base], type[Any]], ...] = (("lists", CustomerListRow, CustomerList),)
"""What comes by another way than a plan."""

_NOT_READ = {"hashes"}
"""Columns that are large and no field of a noun."""

_TERMS = "terms"
"""The column of those fields of a noun that have none of their own."""


class SqlAccounts:
    """All methods raise DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def revision(self) -> int:
        """Counts the changes of what is published; cheap enough to ask for every second."""
        with reading(self._engine) as connection:
            return connection.execute(select(RevisionRow.value)).scalar_one()

    def raise_revision(self, above: int) -> int:
        """Make the revision greater than ``above``; the new one. It stays when it is greater already."""
        with writing(self._engine) as connection:
            revision = lock_revision(connection)
            if revision > above:
                return revision
            connection.execute(update(RevisionRow).values(value=above + 1))
            return above + 1

    def salt(self) -> str:
        """What visitors are dealt to control groups and arms by; drawn once for each database."""
        with reading(self._engine) as connection:
            return connection.execute(select(RevisionRow.salt)).scalar_one()

    def load(self) -> tuple[int, Accounts]:
        """The revision and all accounts of that very revision."""
        with reading(self._engine) as connection:
            return connection.execute(select(RevisionRow.value)).scalar_one(), _read(connection)

    def apply(self, plan: Plan) -> int:
        """Change the accounts in one transaction, alone: other calls wait until this one is through.

        ``plan`` sees the state and answers what to put and what to remove, as two Accounts. Returns the
        revision after it, which counts up only when the plan asked for something. API keys of a removed
        advertiser or publisher are revoked: the id may be given to somebody else.
        """
        with writing(self._engine) as connection:
            revision = lock_revision(connection)
            current = _read(connection)
            put, remove = plan(current)
            changed = False
            for attribute, row, _ in _TABLES:
                nouns = getattr(put, attribute)
                changed |= bool(nouns)
                _put(connection, row, nouns, set(getattr(current, attribute)))
            for attribute, row, _ in reversed(_TABLES):
                ids = list(getattr(remove, attribute))
                changed |= bool(ids)
                _remove(connection, row, ids)
            return next_revision(connection) if changed else revision


def lock_revision(connection: Connection) -> int:
    """The revision; who asks holds the queue of writers until the transaction ends."""
    return connection.execute(select(RevisionRow.value).with_for_update()).scalar_one()


def next_revision(connection: Connection) -> int:
    """Say that what is published has changed."""
    connection.execute(update(RevisionRow).values(value=RevisionRow.value + 1))
    return connection.execute(select(RevisionRow.value)).scalar_one()


def _read(connection: Connection) -> Accounts:
    ids_by_ref: dict[int, str] = {}
    tables: dict[str, dict[str, Any]] = {}
    for attribute, row, noun in _TABLES + _READ_ONLY:
        nouns: dict[str, Any] = {}
        columns = [column for column in row.__table__.c if column.name not in _NOT_READ]
        for record in connection.execute(select(*columns)).mappings():
            if row is AdvertiserRow:
                ids_by_ref[record["ref"]] = record["id"]
            values = _fields(record, ids_by_ref)
            nouns[values["advertiser"] if row is FeedRow else values["id"]] = msgspec.convert(values, noun)
        tables[attribute] = dict(sorted(nouns.items()))  # databases do not agree on the order of letters
    return Accounts(**tables)


def _fields(record: RowMapping, ids_by_ref: Mapping[int, str]) -> dict[str, Any]:
    """What a row says of its noun; what it does not say has its default."""
    values = {name: value for name, value in record.items() if value is not None}
    if "advertiser_ref" in record:
        values["advertiser"] = ids_by_ref[record["advertiser_ref"]]
    terms: dict[str, Any] = values.pop(_TERMS, {})
    return values | terms


def _put(connection: Connection, row: type[Base], nouns: Mapping[str, Any], existing: set[str]) -> None:
    refs = _refs(connection) if "advertiser_ref" in row.__table__.c and nouns else {}
    new = []
    for account, noun in nouns.items():
        values = _columns(row, noun, refs)
        if account not in existing:
            new.append(values)
        elif row is FeedRow:
            connection.execute(update(FeedRow).where(FeedRow.advertiser_ref == refs[account]).values(values))
        else:
            connection.execute(update(row).where(row.__table__.c.id == account).values(values))
    if new:
        connection.execute(insert(row), new)


def _columns(row: type[Base], noun: Any, refs: Mapping[str, int]) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(noun)
    values.pop("ref", None)  # the database gives it
    if "advertiser" in values:
        values["advertiser_ref"] = refs[values.pop("advertiser")]
    if row is FeedRow:
        values |= {"due_at": None, "failures": 0}  # what changed is looked at right away
    columns = row.__table__.c
    if _TERMS in columns:
        values[_TERMS] = {name: values.pop(name) for name in values.keys() - set(columns.keys())}
    return values


def _remove(connection: Connection, row: type[Base], ids: list[str]) -> None:
    if not ids:
        return
    if row is FeedRow:
        refs = _refs(connection)
        connection.execute(delete(FeedRow).where(FeedRow.advertiser_ref.in_([refs[account] for account in ids])))
        return
    for account in ids:
        connection.execute(delete(row).where(row.__table__.c.id == account))
    kind = {AdvertiserRow: ScopeKind.ADVERTISER, PublisherRow: ScopeKind.PUBLISHER}.get(row)
    if kind is not None:
        connection.execute(
            update(ApiKeyRow)
            .where(
                ApiKeyRow.scope_kind == kind.value,
                ApiKeyRow.scope_id.in_(ids),
                ApiKeyRow.revoked_at.is_(None),
            )
            .values(revoked_at=datetime.now(UTC))
        )


def _refs(connection: Connection) -> dict[str, int]:
    rows = connection.execute(select(AdvertiserRow.id, AdvertiserRow.ref))
    return {row.id: row.ref for row in rows}
