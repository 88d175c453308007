"""Customer lists in SQL: the system of record of what was uploaded. No address ever comes here."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from adserver.model.segment import CustomerList
from adserver.storage.sql.accounts import lock_revision, next_revision
from adserver.storage.sql.engine import reading, writing
from adserver.storage.sql.tables import AdvertiserRow, CustomerListRow

_HASH_BYTES = 8


class ListTrouble(StrEnum):
    """Why nothing was changed."""

    NO_ADVERTISER = "no_advertiser"
    ANOTHERS = "anothers"
    FULL = "full"
    NO_LIST = "no_list"
    CHANGED = "changed"


class KeptList(NamedTuple):
    """A list, and when it was last uploaded."""

    list: CustomerList
    uploaded_at: datetime


class SqlLists:
    """All methods raise DatabaseUnavailable. What changes a list counts the revision up."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, advertiser: str, name: str, hashes: bytes, *, now: datetime, most: int) -> CustomerList | ListTrouble:
        """Make the list, or replace all that is in it. ``hashes``: sorted, 8 bytes each; ``most`` may be kept in all
        lists together. The name must not be that of another advertiser's list."""
        with writing(self._engine) as connection:
            lock_revision(connection)
            owner = connection.execute(select(AdvertiserRow.ref).where(AdvertiserRow.id == advertiser)).scalar()
            if owner is None:
                return ListTrouble.NO_ADVERTISER
            row = CustomerListRow
            before = connection.execute(
                select(row.ref, row.advertiser_ref, row.version).where(row.id == name)
            ).one_or_none()
            if before is not None and before.advertiser_ref != owner:
                return ListTrouble.ANOTHERS
            size = len(hashes) // _HASH_BYTES
            if _others(connection, name) + size > most:
                return ListTrouble.FULL
            values = {"size": size, "uploaded_at": now, "hashes": hashes}
            if before is None:
                values |= {"id": name, "advertiser_ref": owner, "version": 1}
                ref, version = connection.execute(insert(row).values(values).returning(row.ref)).scalar_one(), 1
            else:
                ref, version = before.ref, before.version + 1
                connection.execute(update(row).where(row.ref == ref).values(version=version, **values))
            next_revision(connection)
        return CustomerList(id=name, advertiser=advertiser, version=version, size=size, ref=ref)

    def remove(self, advertiser: str, name: str, *, unless_changed_since: int) -> ListTrouble | None:
        """Forget the list, unless the revision of the accounts is another one by now."""
        with writing(self._engine) as connection:
            if lock_revision(connection) != unless_changed_since:
                return ListTrouble.CHANGED
            owner = select(AdvertiserRow.ref).where(AdvertiserRow.id == advertiser).scalar_subquery()
            gone = connection.execute(
                delete(CustomerListRow).where(CustomerListRow.id == name, CustomerListRow.advertiser_ref == owner)
            )
            if not gone.rowcount:
                return ListTrouble.NO_LIST
            next_revision(connection)
        return None

    def all(self) -> tuple[KeptList, ...]:
        """By advertiser, then by name."""
        row = CustomerListRow
        columns = (row.id, row.version, row.size, row.ref, row.uploaded_at, AdvertiserRow.id.label("advertiser"))
        with reading(self._engine) as connection:
            found = connection.execute(select(*columns).join(AdvertiserRow, AdvertiserRow.ref == row.advertiser_ref))
            lists = [
                KeptList(
                    CustomerList(id=r.id, advertiser=r.advertiser, version=r.version, size=r.size, ref=r.ref),
                    r.uploaded_at,
                )
                for r in found
            ]
        return tuple(sorted(lists, key=lambda kept: (kept.list.advertiser, kept.list.id)))

    def versions(self) -> Mapping[int, int]:
        """Ref -> version."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(CustomerListRow.ref, CustomerListRow.version))
            return {row.ref: row.version for row in rows}

    def hashes(self, ref: int) -> tuple[int, bytes] | None:
        """The version and what is in it; None where the list is gone."""
        with reading(self._engine) as connection:
            row = connection.execute(
                select(CustomerListRow.version, CustomerListRow.hashes).where(CustomerListRow.ref == ref)
            ).one_or_none()
            return None if row is None else (row.version, bytes(row.hashes))


def _others(connection: Connection, name: str) -> int:
    """Addresses in all lists but this one."""
    total = select(func.coalesce(func.sum(CustomerListRow.size), 0)).where(CustomerListRow.id != name)
    return int(connection.execute(total).scalar_one())
