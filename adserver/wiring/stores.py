"""The stores of one worker."""

from dataclasses import dataclass

from adserver.settings import Settings
from adserver.storage.pictures import PictureBucket, PictureFolder, open_pictures
from adserver.storage.spool.billing import SpooledBilling
from adserver.storage.spool.spool import Spool
from adserver.storage.valkey.budgets import ValkeyBudgets
from adserver.storage.valkey.catalog_reader import ValkeyCatalogReader
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.events import ValkeyEventLog
from adserver.storage.valkey.hot import HotValkey
from adserver.storage.valkey.library import Library
from adserver.storage.valkey.lists import ValkeyListReader
from adserver.storage.valkey.rates import ValkeyRates
from adserver.storage.valkey.route import route_to
from adserver.storage.valkey.snapshots import ValkeySnapshots
from adserver.storage.valkey.ties import ValkeyTies
from adserver.storage.valkey.visitors import ValkeyVisitors
from adserver.telemetry import own_slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Where a worker reads and writes. Connections open with the first use, or with the application's lifespan."""

    valkey: Valkey
    hot: HotValkey
    spool: Spool
    visitors: ValkeyVisitors
    catalogs: ValkeyCatalogReader
    events: ValkeyEventLog
    billing: SpooledBilling
    budgets: ValkeyBudgets
    snapshots: ValkeySnapshots
    lists: ValkeyListReader
    rates: ValkeyRates
    ties: ValkeyTies
    pictures: PictureFolder | PictureBucket


def open_stores(settings: Settings, valkey_url: str) -> Stores:
    """Those that the settings name."""
    valkey, library = Valkey(valkey_url), Library()
    hot = HotValkey(route_to(valkey_url, library, replicas=settings.wait_replicas), library)
    spool = Spool(hot, settings.data_dir / "spool", slot=own_slot(), max_bytes=settings.spool_mb * 1_048_576)
    events = ValkeyEventLog(spool)
    return Stores(
        valkey=valkey,
        hot=hot,
        spool=spool,
        visitors=ValkeyVisitors(
            hot,
            writes=spool,
            retention_s=settings.retention_days * 86_400,
            new_visitor_s=settings.new_visitor_minutes * 60,
        ),
        catalogs=ValkeyCatalogReader(hot),
        events=events,
        billing=SpooledBilling(spool, events),
        budgets=ValkeyBudgets(hot),
        snapshots=ValkeySnapshots(valkey),
        lists=ValkeyListReader(valkey),
        rates=ValkeyRates(valkey),
        ties=ValkeyTies(hot, ttl_s=settings.click_minutes * 60),
        pictures=open_pictures(
            settings.pictures, settings.data_dir / "pictures", max_bytes=settings.pictures_mb * 1_048_576
        ),
    )
