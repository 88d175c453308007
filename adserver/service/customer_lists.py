"""Customer lists: kept in SQL, published into Valkey, where workers find them."""

import asyncio
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from adserver.audience.customer_list import MOST_ADDRESSES
from adserver.model.account import ACCOUNT_ID_PATTERN, Accounts
from adserver.model.segment import CustomerList

MOST_IN_ALL = 5 * MOST_ADDRESSES
"""Addresses of all lists together: a worker holds 80 MB at most."""


class KeptLists(Protocol):
    """The lists in SQL."""

    def put(self, advertiser: str, name: str, hashes: bytes, *, now: datetime, most: int) -> CustomerList | str:
        """Make or replace a list; or the name of what is in the way."""

    def remove(self, advertiser: str, name: str, *, unless_changed_since: int) -> str | None:
        """Forget a list; or the name of what is in the way."""

    def versions(self) -> Mapping[int, int]:
        """Ref -> version."""

    def hashes(self, ref: int) -> tuple[int, bytes] | None:
        """The version of a list and what is in it."""


class KeptAccounts(Protocol):
    """The accounts in SQL."""

    def load(self) -> tuple[int, Accounts]:
        """The revision and all accounts of that revision."""


class PublishedLists(Protocol):
    """The lists in Valkey."""

    async def versions(self, refs: Collection[int]) -> Mapping[int, int]:
        """Those of ``refs`` that are there."""

    async def put(self, ref: int, version: int, hashes: bytes) -> None:
        """Replace a list."""


@dataclass(frozen=True, slots=True)
class ListRefused:
    """Why nothing was changed, in words for people."""

    why: str


def put_list(kept: KeptLists, advertiser: str, name: str, hashes: bytes, now: datetime) -> CustomerList | ListRefused:
    """Keep ``hashes`` (sorted, 8 bytes each, at least one) as the list ``name`` of ``advertiser``."""
    if not re.fullmatch(ACCOUNT_ID_PATTERN, name):
        return ListRefused(f'"{name}" is no name of a list: expected 1 to 64 characters of A-Z a-z 0-9 _ -')
    if not hashes:
        return ListRefused("no line holds an e-mail address or its SHA-256")
    done = kept.put(advertiser, name, hashes, now=now, most=MOST_IN_ALL)
    return _refused(done, advertiser, name) if isinstance(done, str) else done


def remove_list(kept: KeptLists, accounts: KeptAccounts, advertiser: str, name: str) -> ListRefused | None:
    """Forget a list that no line item asks for."""
    while True:
        revision, now = accounts.load()
        users = used_by(now, name)
        if users:
            return ListRefused(f"the list is in use by {', '.join(users)}; take it out of the accounts file first")
        trouble = kept.remove(advertiser, name, unless_changed_since=revision)
        if trouble != "changed":
            return None if trouble is None else _refused(trouble, advertiser, name)


def used_by(accounts: Accounts, name: str) -> Sequence[str]:
    """The line items that ask for the list."""
    return [item.id for item in accounts.line_items.values() if name in (*item.include_lists, *item.exclude_lists)]


def _refused(trouble: str, advertiser: str, name: str) -> ListRefused:
    return ListRefused(
        {
            "no_advertiser": f'there is no advertiser "{advertiser}"',
            "anothers": f'another advertiser has a list "{name}"; choose another name',
            "full": f"all lists together have at most {MOST_IN_ALL:,} addresses; remove one first",
            "no_list": f'"{advertiser}" has no list "{name}"',
        }[trouble]
    )


class PublishLists:
    """Idempotent: writes into Valkey what is not there, or there in another version. Call it before accounts are
    published that ask for a list, and once in a while, in case Valkey has lost one."""

    def __init__(self, kept: KeptLists, published: PublishedLists) -> None:
        self._kept = kept
        self._published = published

    async def __call__(self) -> int:
        """How many lists were written. Raises StoreUnavailable."""
        wanted = self._kept.versions()
        there = await self._published.versions(list(wanted)) if wanted else {}
        written = 0
        for ref, version in wanted.items():
            if there.get(ref) != version:
                found = await asyncio.to_thread(self._kept.hashes, ref)
                if found is not None:
                    await self._published.put(ref, *found)
                    written += 1
        return written
