"""The accounts in SQL, read and changed as values of ``adserver.model.account``."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from adserver.model.access import ScopeKind
from adserver.model.account import (
    Accounts,
    Advertiser,
    Campaign,
    Cap,
    ConsentDefault,
    Feed,
    LineItem,
    Placement,
    Publisher,
    Status,
    StrikeThrough,
)
from adserver.storage.sql.engine import reading, writing
from adserver.storage.sql.tables import (
    AdvertiserRow,
    ApiKeyRow,
    Base,
    CampaignRow,
    FeedRow,
    LineItemRow,
    PlacementRow,
    PublisherRow,
    RevisionRow,
)

Plan = Callable[[Accounts], tuple[Accounts, Accounts]]
"""What is there -> (what to create or replace, what to remove)."""

# Parents first: the order of writing; removals walk it backwards.
_TABLES: tuple[tuple[str, type[Base], type[Any]], ...] = (
    ("advertisers", AdvertiserRow, Advertiser),
    ("feeds", FeedRow, Feed),
    ("campaigns", CampaignRow, Campaign),
    ("line_items", LineItemRow, LineItem),
    ("publishers", PublisherRow, Publisher),
    ("placements", PlacementRow, Placement),
)

# How a column becomes a field where the two differ in type.
_DECODE: Mapping[str, Callable[[Any], object]] = {
    "domains": tuple,
    "status": Status,
    "consent_default": lambda value: None if value is None else ConsentDefault(value),
    "strike_through": lambda value: None if value is None else StrikeThrough(value),
    "color": lambda value: value or "",
    "caps": lambda value: tuple(Cap(**cap) for cap in value),
}

# How a field becomes a column where the driver does not know its type.
_ENCODE: Mapping[str, Callable[[Any], object]] = {"caps": lambda caps: [asdict(cap) for cap in caps]}


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
    for attribute, row, noun in _TABLES:
        nouns: dict[str, Any] = {}
        for record in connection.execute(select(row.__table__)).mappings():
            values: dict[str, Any] = {field.name: record.get(field.name) for field in fields(noun)}
            if "advertiser" in values:
                values["advertiser"] = ids_by_ref[record["advertiser_ref"]]
            for name in _DECODE.keys() & values.keys():
                values[name] = _DECODE[name](values[name])
            if row is AdvertiserRow:
                ids_by_ref[record["ref"]] = record["id"]
            nouns[values["advertiser"] if row is FeedRow else values["id"]] = noun(**values)
        tables[attribute] = dict(sorted(nouns.items()))  # databases do not agree on the order of letters
    return Accounts(**tables)


def _put(connection: Connection, row: type[Base], nouns: Mapping[str, Any], existing: set[str]) -> None:
    refs = _refs(connection) if "advertiser_ref" in row.__table__.c and nouns else {}
    new = []
    for account, noun in nouns.items():
        values = {field.name: getattr(noun, field.name) for field in fields(noun) if field.name != "ref"}
        for name in _ENCODE.keys() & values.keys():
            values[name] = _ENCODE[name](values[name])
        if "advertiser" in values:
            values["advertiser_ref"] = refs[values.pop("advertiser")]
        if row is FeedRow:
            values |= {"due_at": None, "failures": 0}  # what changed is looked at right away
        if account not in existing:
            new.append(values)
        elif row is FeedRow:
            connection.execute(update(FeedRow).where(FeedRow.advertiser_ref == refs[account]).values(values))
        else:
            connection.execute(update(row).where(row.__table__.c.id == account).values(values))
    if new:
        connection.execute(insert(row), new)


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
