"""Keeps every feed looked at on its schedule, and every catalog in Valkey, for as long as a process runs."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from adserver.model.account import Advertiser, Feed
from adserver.model.feed_import import InUse
from adserver.storage.interfaces import StoreUnavailable
from adserver.telemetry import FEED_IMPORTS, FEED_SECONDS, FeedGauges

if TYPE_CHECKING:
    from adserver.service.import_feed import Imported

AT_A_TIME = 32
"""Feeds that are fetched or read together; a shop that dawdles holds one place."""

CHECK_S = 5.0
"""How often it is asked whether the catalogs are still in Valkey."""

PAUSE_S = 10.0
"""Before another try, where it was not the feed's fault."""

log = logging.getLogger(__name__)


class State(Protocol):
    """What is known of one feed."""

    @property
    def advertiser(self) -> Advertiser:
        """Whose it is."""

    @property
    def feed(self) -> Feed | None:
        """None where products were imported by hand."""

    @property
    def in_use(self) -> InUse | None:
        """What the last good import left."""


class Schedule(Protocol):
    """Feeds in SQL."""

    def due(self, now: datetime) -> list[tuple[Advertiser, Feed]]:
        """Feeds whose turn has come, the longest waiting first."""

    def make_due(self, ref: int) -> None:
        """The feed's turn is now."""

    def states(self) -> Sequence[State]:
        """All that have a feed or products."""


class Counts(Protocol):
    """The catalogs in Valkey."""

    async def count(self, ref: int) -> int:
        """Products in the current catalog of ``ref``."""


class Import(Protocol):
    """``ImportFeed``."""

    def __call__(
        self, advertiser: Advertiser, source: str, *, feed: Feed | None = None, give_way: bool = False
    ) -> "Awaitable[Imported]":
        """Import one feed."""


class KeepFeeds:
    """``look`` is called again and again, and starts what is to be done; it waits for none of it."""

    def __init__(
        self,
        schedule: Schedule,
        catalogs: Counts,
        import_feed: Import,
        rebuild_feed: Callable[[Advertiser], Awaitable[int | None]],
    ) -> None:
        self._schedule = schedule
        self._catalogs = catalogs
        self._import_feed = import_feed
        self._rebuild_feed = rebuild_feed
        self._running: dict[int, asyncio.Task[None]] = {}
        self._pausing: dict[int, float] = {}
        self._not_archived: set[int] = set()
        self._check_at = 0.0
        self._gauges = FeedGauges()

    async def look(self) -> None:
        """Raises StoreUnavailable and the database's error; what was started goes on all the same."""
        if time.monotonic() >= self._check_at:
            await self._check()
            self._check_at = time.monotonic() + CHECK_S
        for advertiser, feed in self._schedule.due(datetime.now(UTC)):
            self._start(advertiser.ref, lambda a=advertiser, f=feed: self._import(a, f))  # type: ignore[misc]

    async def stop(self) -> None:
        """Break off what runs: the catalogs stay what they were, and the next start begins anew."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, ref: int, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        pausing = self._pausing.get(ref, 0.0) > time.monotonic()
        if ref in self._running or pausing or len(self._running) >= AT_A_TIME:
            return
        self._running[ref] = asyncio.create_task(self._guarded(ref, work))

    async def _guarded(self, ref: int, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await work()
        except StoreUnavailable as error:
            self._pause(ref)
            log.warning("a feed has to wait, as Valkey is away: %s", error)
        except Exception:
            self._pause(ref)
            log.exception("a feed could not be imported")
        finally:
            del self._running[ref]

    def _pause(self, ref: int) -> None:
        self._pausing[ref] = time.monotonic() + PAUSE_S

    async def _import(self, advertiser: Advertiser, feed: Feed) -> None:
        began = time.monotonic()
        imported = await self._import_feed(advertiser, feed.source, feed=feed, give_way=True)
        if not imported.number:
            self._pause(advertiser.ref)  # somebody imports it by hand right now
            return
        took = time.monotonic() - began
        FEED_IMPORTS.labels(imported.outcome.value).inc()
        FEED_SECONDS.observe(took)
        told = imported.reason or f"{imported.summary.products} products, {imported.summary.left_out} rows left out"
        level = logging.INFO if imported.outcome.is_good else logging.WARNING
        outcome = imported.outcome.value.replace("_", " ")
        log.log(level, "the feed of %s is %s after %.1f s: %s", advertiser.id, outcome, took, told)

    async def _check(self) -> None:
        """Fill again what Valkey has lost, and tell how old the feeds are."""
        now = time.time()
        states = self._schedule.states()
        for state in states:
            ref = state.advertiser.ref
            if state.in_use is None or not state.in_use.products or ref in self._running:
                continue
            if await self._catalogs.count(ref):
                self._not_archived.discard(ref)
            elif ref not in self._not_archived:
                self._start(ref, lambda s=state: self._rebuild(s))  # type: ignore[misc]
        in_use = {state.advertiser.id: state.in_use for state in states if state.in_use is not None}
        self._gauges.set({name: (now - known.checked_at.timestamp(), known.products) for name, known in in_use.items()})

    async def _rebuild(self, state: State) -> None:
        advertiser = state.advertiser
        try:
            products = await self._rebuild_feed(advertiser)
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("the archived catalog of %s can not be read", advertiser.id)
            products = None
        if products is not None:
            log.warning("Valkey had lost the catalog of %s: %d products are back", advertiser.id, products)
            return
        self._not_archived.add(advertiser.ref)
        log.warning("Valkey has lost the catalog of %s, and no archive has it", advertiser.id)
        if state.feed is not None:
            self._schedule.make_due(advertiser.ref)
