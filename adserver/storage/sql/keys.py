"""API keys in SQL. Secrets never come here, only their hashes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, ScalarResult, insert, select, update

from adserver.model.access import ApiKey, Scope, ScopeKind
from adserver.storage.sql.accounts import lock_revision, next_revision
from adserver.storage.sql.engine import reading, writing
from adserver.storage.sql.tables import AdvertiserRow, ApiKeyRow, PublisherRow

_LARGEST_ID = 2**31 - 1


class SqlKeys:
    """All methods raise DatabaseUnavailable. What changes the live keys counts the revision up."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, *, label: str, scope: Scope, digest: str, prefix: str, now: datetime) -> ApiKey | None:
        """Keep a new key; None when its scope names an advertiser or publisher that does not exist."""
        with writing(self._engine) as connection:
            lock_revision(connection)
            if not _exists(connection, scope):
                return None
            values = {
                "label": label,
                "scope_kind": scope.kind.value,
                "scope_id": scope.id,
                "hash": digest,
                "prefix": prefix,
                "created_at": now,
            }
            number = connection.execute(insert(ApiKeyRow).values(values).returning(ApiKeyRow.id)).scalar_one()
            next_revision(connection)
        return ApiKey(id=number, label=label, scope=scope, prefix=prefix, created_at=now)

    def keys(self) -> tuple[ApiKey, ...]:
        """All keys, revoked ones too, oldest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(ApiKeyRow.__table__).order_by(ApiKeyRow.id)).mappings()
            return tuple(_key(row) for row in rows)

    def revoke(self, which: str, *, now: datetime) -> tuple[ApiKey, ...]:
        """Revoke the one live key with this id (digits) or this prefix, and answer it as it is then.

        Answers the candidates without touching them when there are several, and nothing when there is none.
        """
        with writing(self._engine) as connection:
            lock_revision(connection)
            found = _live(connection, which)
            if len(found) != 1:
                return found
            connection.execute(update(ApiKeyRow).where(ApiKeyRow.id == found[0].id).values(revoked_at=now))
            next_revision(connection)
            row = connection.execute(select(ApiKeyRow.__table__).where(ApiKeyRow.id == found[0].id)).mappings().one()
            return (_key(row),)

    def live_hashes(self) -> Mapping[str, Scope]:
        """What every request is checked against: SHA-256 (hexadecimal) of each live secret to its scope."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(ApiKeyRow.hash, ApiKeyRow.scope_kind, ApiKeyRow.scope_id)
                .where(ApiKeyRow.revoked_at.is_(None))
                .order_by(ApiKeyRow.id)
            )
            return {digest: Scope(ScopeKind(kind), account) for digest, kind, account in rows}


def _exists(connection: Connection, scope: Scope) -> bool:
    if scope.kind is ScopeKind.OPERATOR:
        return True
    column = AdvertiserRow.id if scope.kind is ScopeKind.ADVERTISER else PublisherRow.id
    found: ScalarResult[str] = connection.execute(select(column).where(column == scope.id)).scalars()
    return found.one_or_none() is not None


def _live(connection: Connection, which: str) -> tuple[ApiKey, ...]:
    query = select(ApiKeyRow.__table__).where(ApiKeyRow.revoked_at.is_(None)).order_by(ApiKeyRow.id)
    if which.isascii() and which.isdigit() and len(which) <= 10:
        query = query.where(ApiKeyRow.id == min(int(which), _LARGEST_ID))
    else:
        query = query.where(ApiKeyRow.prefix == which)
    return tuple(_key(row) for row in connection.execute(query).mappings())


def _key(row: Mapping[Any, Any]) -> ApiKey:
    return ApiKey(
        id=row["id"],
        label=row["label"],
        scope=Scope(ScopeKind(row["scope_kind"]), row["scope_id"]),
        prefix=row["prefix"],
        created_at=row["created_at"],
        revoked_at=row["revoked_at"],
    )
