"""What is in SQL becomes what all workers see."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Protocol

from adserver.model.access import Scope
from adserver.model.account import Accounts
from adserver.model.snapshot import Snapshot
from adserver.model.source import shown_source
from adserver.storage.interfaces import SnapshotStore


class PublishedAccounts(Protocol):
    """The accounts in SQL."""

    def revision(self) -> int:
        """Counts the changes of what is published."""

    def raise_revision(self, above: int) -> int:
        """Make the revision greater than ``above``; the new one."""

    def salt(self) -> str:
        """What visitors are dealt by."""

    def load(self) -> tuple[int, Accounts]:
        """The revision and all accounts of that revision."""


class LiveKeys(Protocol):
    """The API keys in SQL."""

    def live_hashes(self) -> Mapping[str, Scope]:
        """SHA-256 of each live secret -> its scope."""


class PublishSnapshot:
    """Idempotent: call it after every change, and once in a while in case a change could not be published.

    ``before`` writes what the accounts speak of and workers look for as soon as they have them.
    """

    def __init__(
        self,
        accounts: PublishedAccounts,
        keys: LiveKeys,
        snapshots: SnapshotStore,
        before: Callable[[], Awaitable[object]],
    ) -> None:
        self._accounts = accounts
        self._keys = keys
        self._snapshots = snapshots
        self._before = before

    async def __call__(self, *, anew: bool = False) -> bool:
        """True when something was published. Raises StoreUnavailable.

        ``anew``: publish in any case, as at a start, when database and Valkey may come from different times.
        """
        revision = self._accounts.revision()
        published = await self._snapshots.published_revision()
        if published == revision and not anew:
            return False
        if published >= revision:
            # A new database behind an older Valkey: what is there would never be replaced.
            self._accounts.raise_revision(published)
        revision, accounts = self._accounts.load()
        await self._before()
        # Feeds are fetched by who reads SQL; no worker has a use for their passwords.
        feeds = {name: replace(feed, source=shown_source(feed.source)) for name, feed in accounts.feeds.items()}
        accounts = replace(accounts, feeds=feeds)
        keys, salt = dict(self._keys.live_hashes()), self._accounts.salt()
        return await self._snapshots.publish(Snapshot(revision, accounts, keys, salt))
