"""The event stream becomes what recommendations are made of: which products go together, which are wanted most.

What is learned from is heard once, behind the reports' transaction, and is kept in memory until it is written. So a
crash loses what was heard in the last seconds, and what visits that go on would have had in common with it; nothing is
ever counted twice.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol, cast

from adserver.audience.affinity import FAINT, Gains, fading, more_popular
from adserver.audience.visits import KINDS, Visit, Visits
from adserver.model.account import Accounts
from adserver.model.related import Kind, Popular, Standing
from adserver.storage.interfaces import LogRecord
from adserver.telemetry import RELATED_PRODUCTS

AT_ONCE = 20
"""Visits that are learned from in one go: few enough that Valkey answers visitors in between."""

MOST_PRODUCTS = 500
"""Products that are written in one step, after which the next visits have to wait. Under more traffic than that the
worker learns from a part of it: a shop that is so busy is known well from a part."""

PAGE = 200
"""Standings that are looked through in one step for those that nobody needs any more."""


class Advertisers(Protocol):
    """The accounts in SQL."""

    def revision(self) -> int:
        """Counts the changes of what is published."""

    def load(self) -> tuple[int, Accounts]:
        """The revision and all accounts of that revision."""


class Related(Protocol):
    """Where it is kept."""

    async def names(self, ref: int, ids: Collection[str]) -> Mapping[str, str] | None:
        """Under which name each of ``ids`` stands; those that are not in the catalog have none. None without one."""

    async def standings(self, ref: int, kind: Kind, products: Collection[str]) -> dict[str, Standing]:
        """Those of ``products`` that have one."""

    async def popular(self, ref: int, kind: Kind) -> Popular:
        """The advertiser's most wanted products."""

    async def save(self, ref: int, kind: Kind, standings: Mapping[str, Standing], popular: Popular) -> None:
        """Replace these standings, and what is popular."""

    async def page(self, ref: int, kind: Kind, cursor: int, size: int) -> tuple[int, dict[str, Standing]]:
        """Some standings, and the cursor of the next ones: 0 for the first."""

    async def drop(self, ref: int, kind: Kind, products: Sequence[str]) -> None:
        """Forget these standings."""


class LearnProducts:
    """``hear`` takes what was read from the stream; each call learns from what waits. One of them should run."""

    def __init__(self, advertisers: Advertisers, store: Related, visits: Visits | None = None) -> None:
        self._advertisers = advertisers
        self._store = store
        self._visits = visits or Visits()
        self._revision = -1
        self._refs: dict[str, int] = {}
        self._sweeping: list[tuple[int, Kind]] = []
        self._cursor = 0

    def hear(self, records: Sequence[LogRecord]) -> None:
        """Records of the stream, in their order. Those of older servers tell no visitor."""
        for record in records:
            if record[0] != "event":
                continue
            kind = KINDS.get(cast("str", record[3]))
            if kind is None or not record[4]:
                continue
            if len(record) < 6:
                _, at, advertiser, _, products = cast("tuple[str, int, str, str, str]", record)
                self._visits.hear(kind, at, advertiser, "", products.split(" "))
            else:
                _, at, advertiser, _, products, tag = cast("tuple[str, int, str, str, str, str]", record[:6])
                self._visits.hear(kind, at, advertiser, tag, products.split("\n"))

    async def __call__(self, now: int) -> int:
        """Learn from what waits, at ``now`` (seconds since 1970). How many standings were written. Raises
        StoreUnavailable and the database's error: what was being learned is lost then."""
        written = 0
        while written < MOST_PRODUCTS and (taken := self._visits.take(AT_ONCE)):
            refs = self._known_refs()
            visits: dict[int, list[Visit]] = {}
            for advertiser, visit in taken:
                visits.setdefault(refs.get(advertiser, 0), []).append(visit)
            visits.pop(0, None)
            for ref, theirs in visits.items():
                written += await self._learn(ref, theirs, now)
        RELATED_PRODUCTS.inc(written)
        return written

    async def all(self, now: int) -> None:
        """Learn from all that waits."""
        while self._visits.waiting:
            await self(now)

    def _known_refs(self) -> dict[str, int]:
        revision = self._advertisers.revision()
        if revision != self._revision:
            _, accounts = self._advertisers.load()
            self._refs = {advertiser.id: advertiser.ref for advertiser in accounts.advertisers.values()}
            self._revision = revision
        return self._refs

    async def _learn(self, ref: int, visits: Sequence[Visit], now: int) -> int:
        ids = {product for visit in visits for steps in visit.steps.values() for product in steps.waiting}
        names = await self._store.names(ref, ids) or {}
        gains = {kind: Gains() for kind in Kind}
        for visit in visits:
            for kind, steps in visit.steps.items():
                for product, before in steps.learn(names):
                    gains[kind].add(product, before)
        return sum([await self._put(ref, kind, gained, now) for kind, gained in gains.items()])

    async def _put(self, ref: int, kind: Kind, gains: Gains, now: int) -> int:
        if not gains.visits:
            return 0
        standings = gains.put_to(await self._store.standings(ref, kind, gains.together), now)
        counts = {product: standing.visits for product, standing in standings.items()}
        popular = more_popular(await self._store.popular(ref, kind), counts, now)
        await self._store.save(ref, kind, standings, popular)
        return len(standings)

    async def tidy(self, now: int) -> None:
        """Forget some of what nobody needs: products gone from the catalog, and what has faded. Called again and again
        it comes through everything."""
        if not self._sweeping:
            self._sweeping = [(ref, kind) for ref in self._known_refs().values() for kind in Kind]
        if not self._sweeping:
            return
        ref, kind = self._sweeping[-1]
        if not self._cursor:
            await self._tidy_popular(ref, kind)
        self._cursor, found = await self._store.page(ref, kind, self._cursor, PAGE)
        names = await self._store.names(ref, found)
        gone = [
            product
            for product, standing in found.items()
            if (names is not None and names.get(product) != product)
            or standing.visits * fading(standing.at, now) < FAINT
        ]
        await self._store.drop(ref, kind, gone)
        if not self._cursor:
            self._sweeping.pop()

    async def _tidy_popular(self, ref: int, kind: Kind) -> None:
        popular = await self._store.popular(ref, kind)
        names = await self._store.names(ref, popular.visits)
        if names is None:
            return
        there = {product: visits for product, visits in popular.visits.items() if names.get(product) == product}
        if len(there) < len(popular.visits):
            await self._store.save(ref, kind, {}, popular._replace(visits=there))
