"""The composition root of the control plane: what the background worker and the command line work with."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from adserver.service.customer_lists import PublishLists
from adserver.service.publish_snapshot import PublishSnapshot
from adserver.storage.sql.accounts import SqlAccounts
from adserver.storage.sql.engine import open_engine
from adserver.storage.sql.feeds import SqlFeeds
from adserver.storage.sql.keys import SqlKeys
from adserver.storage.sql.lists import SqlLists
from adserver.storage.sql.rollups import SqlRollups
from adserver.storage.sql.traffic import SqlTraffic
from adserver.storage.valkey.catalogs import ValkeyCatalogs
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.events import ValkeyEventReader
from adserver.storage.valkey.ledgers import ValkeyLedgers
from adserver.storage.valkey.lists import ValkeyLists
from adserver.storage.valkey.rates import ValkeyRates
from adserver.storage.valkey.related import ValkeyRelated
from adserver.storage.valkey.snapshots import ValkeySnapshots

if TYPE_CHECKING:
    from adserver.model.account import Advertiser, Feed
    from adserver.service.import_feed import Imported, ImportFeed
    from adserver.service.keep_feeds import KeepFeeds
    from adserver.service.learn_curves import LearnCurves
    from adserver.service.learn_products import LearnProducts
    from adserver.service.learn_rates import LearnRates
    from adserver.service.rebuild_feed import RebuildFeed
    from adserver.service.roll_up import RollUp
    from adserver.service.seed_budgets import SeedBudgets
    from adserver.storage.feed_archive import FeedArchive
    from adserver.storage.fetch import Fetcher

_TIMEOUT_S = 10.0
"""Nobody waits for these calls as a page does; a large write may take a moment."""


class Control:
    """The services and stores of the control plane, wired. What only some need is loaded when it is first asked for:
    reading feeds and fetching them takes longer to load than most commands run."""

    def __init__(
        self, engine: Engine, valkey: Valkey, *, fetch_allow: str, feed_archive: str, own_creatives: Path | None
    ) -> None:
        self.engine = engine
        self.valkey = valkey
        self.accounts = SqlAccounts(engine)
        self.keys = SqlKeys(engine)
        self.feeds = SqlFeeds(engine)
        self.rollups = SqlRollups(engine)
        self.lists = SqlLists(engine)
        self.catalogs = ValkeyCatalogs(valkey)
        self.events = ValkeyEventReader(valkey)
        self.snapshots = ValkeySnapshots(valkey)
        self.published_lists = ValkeyLists(valkey)
        self.ledgers = ValkeyLedgers(valkey)
        self.related = ValkeyRelated(valkey)
        self.publish_lists = PublishLists(self.lists, self.published_lists)
        self.publish = PublishSnapshot(self.accounts, self.keys, self.snapshots, self.publish_lists)
        self._fetch_allow = fetch_allow
        self._feed_archive = feed_archive
        self._own_creatives = own_creatives

    @cached_property
    def roll_up(self) -> "RollUp":
        """The event stream into the reports, and into what is learned."""
        from adserver.service.roll_up import RollUp

        return RollUp(self.events, self.rollups, self.learn_products.hear)

    @cached_property
    def seed_budgets(self) -> "SeedBudgets":
        """What reports know of budgets, where Valkey has lost it."""
        from adserver.service.seed_budgets import SeedBudgets

        return SeedBudgets(self.accounts, self.rollups, self.ledgers, lambda: self.roll_up(time.time()))

    @cached_property
    def learn_curves(self) -> "LearnCurves":
        """How a day's traffic runs."""
        from adserver.service.learn_curves import LearnCurves

        return LearnCurves(self.accounts, SqlTraffic(self.engine), self.ledgers)

    @cached_property
    def learn_products(self) -> "LearnProducts":
        """Which products go together."""
        from adserver.service.learn_products import LearnProducts

        return LearnProducts(self.accounts, self.related)

    @cached_property
    def learn_rates(self) -> "LearnRates":
        """Which creatives are clicked."""
        from adserver.service.learn_rates import LearnRates

        return LearnRates(self.accounts, self.rollups, ValkeyRates(self.valkey), self._creative_sizes)

    @cached_property
    def fetcher(self) -> "Fetcher":
        """Feeds from the web."""
        from adserver.storage.fetch import Allowed, Fetcher

        return Fetcher(Allowed.parse(self._fetch_allow))

    @cached_property
    def feed_archive(self) -> "FeedArchive":
        """The last good catalogs."""
        from adserver.storage.feed_archive import FeedArchive

        return FeedArchive(self._feed_archive)

    @cached_property
    def import_feed(self) -> "ImportFeed":
        """A feed into the catalog."""
        from adserver.service.import_feed import ImportFeed

        return ImportFeed(self.catalogs, self.feeds, self.fetcher.open_source, self.feed_archive)

    @cached_property
    def rebuild_feed(self) -> "RebuildFeed":
        """A catalog out of the archive."""
        from adserver.service.rebuild_feed import RebuildFeed

        return RebuildFeed(self.catalogs, self.feeds, self.feed_archive)

    @cached_property
    def keep_feeds(self) -> "KeepFeeds":
        """Feeds on their schedule."""
        from adserver.service.keep_feeds import KeepFeeds

        return KeepFeeds(self.feeds, self.catalogs, self._import_when_due, self._rebuild_when_lost)

    async def _import_when_due(
        self, advertiser: "Advertiser", source: str, *, feed: "Feed | None" = None, give_way: bool = False
    ) -> "Imported":
        return await self.import_feed(advertiser, source, feed=feed, give_way=give_way)

    async def _rebuild_when_lost(self, advertiser: "Advertiser") -> int | None:
        return await self.rebuild_feed(advertiser)

    def _creative_sizes(self) -> dict[str, frozenset[str]]:
        from adserver.creative.library import load_creatives

        return {name: creative.sizes for name, creative in load_creatives(own=self._own_creatives).items()}


@asynccontextmanager
async def open_control(
    database_url: str,
    valkey_url: str,
    *,
    fetch_allow: str = "",
    feed_archive: str = "",
    own_creatives: Path | None = None,
) -> AsyncIterator[Control]:
    """Opens both stores. Raises DatabaseUnavailable; Valkey is asked only when it is needed.

    ``fetch_allow``: the setting, where feeds are fetched from beside the public web. ``feed_archive``: the folder or
    URL of the archived catalogs; whoever imports or rebuilds feeds needs it. ``own_creatives``: the folder of the
    operator's designs; whoever learns rates needs it.
    """
    engine = open_engine(database_url)
    valkey = Valkey(valkey_url, max_connections=8, timeout_s=_TIMEOUT_S)
    try:
        yield Control(engine, valkey, fetch_allow=fetch_allow, feed_archive=feed_archive, own_creatives=own_creatives)
    finally:
        await valkey.close()
        engine.dispose()
