"""The composition root of the control plane: what the background worker and the command line work with."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from adserver.creative.library import load_creatives
from adserver.service.customer_lists import PublishLists
from adserver.service.import_feed import ImportFeed
from adserver.service.keep_feeds import KeepFeeds
from adserver.service.learn_curves import LearnCurves
from adserver.service.learn_products import LearnProducts
from adserver.service.learn_rates import LearnRates
from adserver.service.publish_snapshot import PublishSnapshot
from adserver.service.rebuild_feed import RebuildFeed
from adserver.service.roll_up import RollUp
from adserver.service.seed_budgets import SeedBudgets
from adserver.storage.feed_archive import FeedArchive
from adserver.storage.fetch import Allowed, Fetcher
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

_TIMEOUT_S = 10.0
"""Nobody waits for these calls as a page does; a large write may take a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The services and stores of the control plane, wired."""

    engine: Engine
    valkey: Valkey
    accounts: SqlAccounts
    keys: SqlKeys
    feeds: SqlFeeds
    rollups: SqlRollups
    catalogs: ValkeyCatalogs
    events: ValkeyEventReader
    snapshots: ValkeySnapshots
    lists: SqlLists
    published_lists: ValkeyLists
    publish_lists: PublishLists
    publish: PublishSnapshot
    roll_up: RollUp
    learn_products: LearnProducts
    ledgers: ValkeyLedgers
    seed_budgets: SeedBudgets
    learn_curves: LearnCurves
    learn_rates: LearnRates
    related: ValkeyRelated
    import_feed: ImportFeed
    rebuild_feed: RebuildFeed
    keep_feeds: KeepFeeds
    feed_archive: FeedArchive
    fetcher: Fetcher


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
    accounts, keys, feeds, rollups = (
        SqlAccounts(engine),
        SqlKeys(engine),
        SqlFeeds(engine),
        SqlRollups(engine),
    )
    catalogs, events, snapshots = ValkeyCatalogs(valkey), ValkeyEventReader(valkey), ValkeySnapshots(valkey)
    fetcher, archive = Fetcher(Allowed.parse(fetch_allow)), FeedArchive(feed_archive)
    related = ValkeyRelated(valkey)
    lists, published_lists = SqlLists(engine), ValkeyLists(valkey)
    publish_lists = PublishLists(lists, published_lists)
    learn_products = LearnProducts(accounts, related)
    roll_up, ledgers = RollUp(events, rollups, learn_products.hear), ValkeyLedgers(valkey)
    import_feed = ImportFeed(catalogs, feeds, fetcher.open_source, archive)
    rebuild_feed = RebuildFeed(catalogs, feeds, archive)
    try:
        yield Control(
            engine=engine,
            valkey=valkey,
            accounts=accounts,
            keys=keys,
            feeds=feeds,
            rollups=rollups,
            catalogs=catalogs,
            events=events,
            snapshots=snapshots,
            lists=lists,
            published_lists=published_lists,
            publish_lists=publish_lists,
            publish=PublishSnapshot(accounts, keys, snapshots, publish_lists),
            roll_up=roll_up,
            ledgers=ledgers,
            seed_budgets=SeedBudgets(accounts, rollups, ledgers, lambda: roll_up(time.time())),
            learn_curves=LearnCurves(accounts, SqlTraffic(engine), ledgers),
            learn_products=learn_products,
            learn_rates=LearnRates(accounts, rollups, ValkeyRates(valkey), lambda: _creative_sizes(own_creatives)),
            related=related,
            fetcher=fetcher,
            import_feed=import_feed,
            rebuild_feed=rebuild_feed,
            keep_feeds=KeepFeeds(feeds, catalogs, import_feed, rebuild_feed),
            feed_archive=archive,
        )
    finally:
        await valkey.close()
        engine.dispose()


def _creative_sizes(own: Path | None) -> dict[str, frozenset[str]]:
    return {name: creative.sizes for name, creative in load_creatives(own=own).items()}
