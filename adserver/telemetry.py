"""Every metric, declared once, and logs as JSON lines. Labels come from closed sets only."""

import asyncio
import logging
import os
from bisect import bisect_left
from collections import Counter as CountOf
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess, values
from prometheus_client.registry import REGISTRY

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_SLOT = "ADSERVER_METRICS_SLOT"

if os.environ.get(_FOLDER) and os.environ.get(_SLOT):
    # By slot and not by process id: a worker that was started again goes on counting where its predecessor was.
    _slot = os.environ[_SLOT]
    values.ValueClass = values.MultiProcessValue(lambda: _slot)  # type: ignore[no-untyped-call]

EVENTS = Counter("adserver_events", "Events kept, by event name", ["event"])
EVENT_REJECTIONS = Counter("adserver_event_rejections", "Events answered but not kept, by reason", ["reason"])
AD_REQUESTS = Counter("adserver_ad_requests", "Requests for an ad, one per slot")
ADS = Counter("adserver_ads", "Requests for an ad that got one")
NO_ADS = Counter("adserver_no_ads", "Requests for an ad that got none, by reason", ["reason"])
HOUSE_ADS = Counter(
    "adserver_house_ads", "Requests for an ad that got a house ad, by the reason why nothing personal", ["reason"]
)
IMPRESSIONS = Counter("adserver_impressions", "Impressions counted")
CLICKS = Counter("adserver_clicks", "Clicks counted")
TOKEN_REJECTIONS = Counter(
    "adserver_token_rejections", "Impressions and clicks answered but not counted", ["kind", "reason"]
)
UNBILLED = Counter(
    "adserver_unbilled", "Impressions and clicks that were counted and had a price, but could not be paid", ["kind"]
)
ANSWER_SECONDS = Histogram(
    "adserver_answer_seconds",
    "Time from the parsed request to the answer, by route",
    ["route"],
    buckets=(0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.5, 2.0),
)
PICTURES = Counter(
    "adserver_pictures", "Requests for a picture, by where it came from or why there is none", ["outcome"]
)
PICTURE_WAIT_SECONDS = Histogram(
    "adserver_picture_wait_seconds",
    "Time that a picture waited for a process, by whether that decodes pictures of shops or draws ads",
    ["work"],
    buckets=(0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0),
)
PICTURE_PROCESSES_LOST = Counter(
    "adserver_picture_processes_lost",
    "Processes that a picture has killed, or that did not end with one, by what they did: decode or draw",
    ["work"],
)
AD_PICTURES = Counter("adserver_ad_pictures", "Ads that were asked for as a picture, by how that ended", ["outcome"])
SNAPSHOT_REVISION = Gauge(
    "adserver_snapshot_revision",
    "Revision of the accounts a worker works with",
    multiprocess_mode="livemostrecent",
)
ROLLUP_LAG = Gauge(
    "adserver_rollup_lag_seconds",
    "Age of the newest event when it was rolled up into the reports",
    multiprocess_mode="livemostrecent",
)
PRODUCT_CHANGES = Counter("adserver_product_changes", "Products changed through the API")
RELATED_PRODUCTS = Counter(
    "adserver_related_products", "Products whose related ones were written anew, viewed and bought"
)
SPOOL_ENTRIES = Counter("adserver_spool_entries", "Writes kept in the spool because Valkey did not take them")
SPOOL_REPLAYED = Counter("adserver_spool_replayed", "Writes of the spool that Valkey has taken since")
SPOOL_DUPLICATES = Counter(
    "adserver_spool_duplicates", "Impressions and clicks of the spool that turned out to be counted already"
)
SPOOL_REJECTIONS = Counter("adserver_spool_rejections", "Writes that the spool could not keep either", ["reason"])
SPOOL_SET_ASIDE = Counter("adserver_spool_set_aside", "Writes of the spool that Valkey will never take")
SPOOL_DAMAGED_BYTES = Counter("adserver_spool_damaged_bytes", "Bytes of the spool that could not be read")
SPOOL_BYTES = Gauge("adserver_spool_bytes", "Bytes of the spool that wait for Valkey", multiprocess_mode="livesum")
SPOOL_OLDEST = Gauge(
    "adserver_spool_oldest_seconds", "Age of the oldest write in the spool", multiprocess_mode="livemax"
)

FEED_IMPORTS = Counter("adserver_feed_imports", "Feeds looked at by the background worker, by outcome", ["outcome"])
FEED_SECONDS = Histogram(
    "adserver_feed_seconds",
    "Time from the beginning of a feed's import to its end",
    buckets=(0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0),
)
FEED_AGE = Gauge(
    "adserver_feed_age_seconds",
    "Time since the feed of an advertiser was last found good, changed or not",
    ["advertiser"],
    multiprocess_mode="livemostrecent",
)
FEED_OLDEST = Gauge(
    "adserver_feed_oldest_seconds",
    "The same of the advertiser whose feed is the oldest",
    multiprocess_mode="livemostrecent",
)
FEED_PRODUCTS = Gauge(
    "adserver_feed_products",
    "Products of an advertiser since the last import",
    ["advertiser"],
    multiprocess_mode="livemostrecent",
)


ADD_UP_S = 0.005
"""How long counts of the hot path wait in memory. A worker that is killed takes that much with it."""


class _Sums:
    """What was counted in memory and is not yet in the shared metrics, which cost a lock and a write to a file each."""

    def __init__(self) -> None:
        self._due: list[Callable[[], None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def later(self, add_up: Callable[[], None]) -> None:
        """Call ``add_up`` in a moment, together with others; from within the event loop."""
        loop = asyncio.get_running_loop()
        if not self._due or self._loop is not loop:
            self._loop = loop
            loop.call_later(ADD_UP_S, self.now)
        self._due.append(add_up)

    def now(self) -> None:
        """Add everything up."""
        due, self._due = self._due, []
        for add_up in due:
            add_up()


_sums = _Sums()
add_up_now = _sums.now


class HotCounter:
    """A counter for the hot path."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._count = 0

    def inc(self, count: int = 1) -> None:
        """Count, from within the event loop."""
        if not self._count:
            _sums.later(self._add_up)
        self._count += count

    def _add_up(self) -> None:
        count, self._count = self._count, 0
        self._counter.inc(count)


class HotHistogram:
    """A histogram for the hot path."""

    def __init__(self, histogram: Histogram) -> None:
        self._sum, self._buckets = histogram._sum, histogram._buckets
        self._bounds = histogram._upper_bounds
        self._seen: list[float] = []

    def observe(self, amount: float) -> None:
        """Observe, from within the event loop."""
        if not self._seen:
            _sums.later(self._add_up)
        self._seen.append(amount)

    def _add_up(self) -> None:
        seen, self._seen = self._seen, []
        self._sum.inc(sum(seen))
        for bucket, count in CountOf(bisect_left(self._bounds, amount) for amount in seen).items():
            self._buckets[bucket].inc(count)


class FeedGauges:
    """One line per advertiser, of the first few hundred that have a feed; all count for the oldest."""

    MOST = 200

    def __init__(self) -> None:
        self._told: set[str] = set()

    def set(self, feeds: dict[str, tuple[float, int]]) -> None:
        """Advertiser -> (age in seconds, products). One that is gone is not a number from then on."""
        told = self._told | set(sorted(feeds.keys() - self._told)[: self.MOST - len(self._told)])
        for advertiser in told:
            age, products = feeds.get(advertiser, (float("nan"), float("nan")))
            FEED_AGE.labels(advertiser).set(age)
            FEED_PRODUCTS.labels(advertiser).set(products)
        self._told = told
        FEED_OLDEST.set(max((age for age, _ in feeds.values()), default=0.0))


def share_metrics(folder: Path) -> dict[str, str]:
    """The environment in which processes add their metrics up in ``folder``; old values of other runs go."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.db"):
        old.unlink(missing_ok=True)
    return {_FOLDER: str(folder)}


def metrics_slot(name: str) -> dict[str, str]:
    """The environment of the one process that counts as ``name`` (letters, digits and hyphens)."""
    return {_SLOT: name}


def own_slot() -> str:
    """The name that this process counts under; the supervisor gives each worker one that its successor inherits."""
    return os.environ.get(_SLOT, "worker")


def forget_slot(name: str, folder: Path) -> None:
    """Drop the gauges of a process that has ended; what it counted stays."""
    multiprocess.mark_process_dead(name, str(folder))  # type: ignore[no-untyped-call]


def exposition() -> bytes:
    """All metrics in Prometheus' text format, added up over all processes of this server."""
    add_up_now()
    registry = REGISTRY
    if os.environ.get(_FOLDER):
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


class JsonFormatter(logging.Formatter):
    """One JSON object per line: control characters in what is logged can not forge another line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def set_up_logging(level: str) -> None:
    """JSON lines on standard error, for our own loggers and uvicorn's alike."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in ("httpcore2", "alembic.runtime.migration", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
