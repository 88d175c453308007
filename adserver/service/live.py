"""What a worker currently works with: one reference per thing, swapped whole, never changed."""

from collections.abc import Callable, Mapping

from adserver.audience.rules import NO_RULES, compile_rules
from adserver.decision.assign import Assigner, measured_names
from adserver.decision.counted import counting_advertisers
from adserver.decision.index import Index, build_index
from adserver.model.rates import Rates
from adserver.model.snapshot import Snapshot
from adserver.storage.interfaces import CatalogReader, CustomerLists, RatesStore, SnapshotStore
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
        self.rules = NO_RULES
        self.assigner = Assigner(b"")
        self.measured: Mapping[str, tuple[str, ...]] = {}
        self.counting: frozenset[str] = frozenset()
        self.rates = Rates()
        self.rates_version = ""

    def swap(self, snapshot: Snapshot) -> None:
        """Work with ``snapshot`` from the next request on."""
        index = build_index(snapshot.accounts, self._creative_sizes)
        rules = compile_rules(snapshot.accounts)
        self._prepare(snapshot)
        self.snapshot, self.index, self.rules = snapshot, index, rules
        self.assigner, self.measured = Assigner(snapshot.salt.encode()), measured_names(snapshot.accounts)
        self.counting = counting_advertisers(snapshot.accounts)
        SNAPSHOT_REVISION.set(snapshot.revision)


async def follow(live: Live, snapshots: SnapshotStore, catalogs: CatalogReader, lists: CustomerLists) -> None:
    """One look at what the control plane has published; call it several times a second."""
    revision = live.snapshot.revision if live.snapshot else 0
    snapshot = await snapshots.newer_than(revision)
    if snapshot is not None:
        await lists.load(snapshot.accounts)  # first: no request may take a list for empty that is not here yet
        live.swap(snapshot)
    elif live.snapshot is not None and not lists.is_complete:
        await lists.load(live.snapshot.accounts)
    await catalogs.refresh()


async def follow_rates(live: Live, rates: RatesStore) -> None:
    """The same look at what was learned of clicks."""
    found = await rates.other_than(live.rates_version)
    if found is not None:
        live.rates_version, live.rates = found
