"""What a worker currently works with: one reference per thing, swapped whole, never changed."""

from collections.abc import Callable, Mapping

from adserver.decision.index import Index, build_index
from adserver.model.snapshot import Snapshot
from adserver.storage.interfaces import CatalogReader, SnapshotStore
from adserver.telemetry import SNAPSHOT_REVISION


class Live:
    """The last good snapshot and what is worked out from it. ``snapshot`` is None until the first one arrived.

    ``prepare`` does ahead, once per snapshot, what the first request would else wait for.
    """

    def __init__(
        self,
        creative_sizes: Mapping[str, frozenset[str]],
        prepare: Callable[[Snapshot], None] = lambda _: None,
    ) -> None:
        self._creative_sizes = creative_sizes
        self._prepare = prepare
        self.snapshot: Snapshot | None = None
        self.index = Index()

    def swap(self, snapshot: Snapshot) -> None:
        """Work with ``snapshot`` from the next request on."""
        index = build_index(snapshot.accounts, self._creative_sizes)
        self._prepare(snapshot)
        self.snapshot, self.index = snapshot, index
        SNAPSHOT_REVISION.set(snapshot.revision)


async def follow(live: Live, snapshots: SnapshotStore, catalogs: CatalogReader) -> None:
    """One look at what the control plane has published; call it several times a second."""
    revision = live.snapshot.revision if live.snapshot else 0
    snapshot = await snapshots.newer_than(revision)
    if snapshot is not None:
        live.swap(snapshot)
    await catalogs.refresh()
