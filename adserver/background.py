"""The background worker: publishes accounts, rolls events up, imports feeds that were never imported."""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Awaitable, Callable

from adserver.control import Control, open_control
from adserver.settings import load_settings
from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.sql.engine import DatabaseUnavailable
from adserver.telemetry import set_up_logging

PUBLISH_S = 0.5
ROLL_UP_S = 1.0
FEEDS_S = 1.0

log = logging.getLogger(__name__)


async def run(control: Control, stopping: asyncio.Event) -> None:
    """Until ``stopping`` is set; then everything counted so far is rolled up once more."""
    feeds = asyncio.create_task(_every(FEEDS_S, lambda: import_new_feeds(control), stopping))
    await asyncio.gather(
        _every(PUBLISH_S, _publisher(control), stopping),
        _every(ROLL_UP_S, lambda: _roll_up(control), stopping),
    )
    feeds.cancel()  # an import may have minutes to go; the next start begins it anew
    await asyncio.gather(feeds, return_exceptions=True)
    with contextlib.suppress(StoreUnavailable, DatabaseUnavailable):
        await _roll_up(control)


def _publisher(control: Control) -> Callable[[], Awaitable[None]]:
    anew = True

    async def publish() -> None:
        nonlocal anew
        await control.publish(anew=anew)
        anew = False

    return publish


async def _roll_up(control: Control) -> None:
    while await control.roll_up(time.time()):
        pass


async def import_new_feeds(control: Control) -> None:
    """A feed that an account names is imported once by itself; after that it is up to ``feed import``."""
    for advertiser, source in control.feeds.never_tried():
        imported = await control.import_feed(advertiser, source, first_only=True)
        log.info(
            "first import of the feed of %s: %s",
            advertiser.id,
            imported.refused or f"{imported.summary.products} products",
        )


async def _every(seconds: float, work: Callable[[], Awaitable[None]], stopping: asyncio.Event) -> None:
    """Whatever goes wrong in one round, the next one comes; the same trouble is told once."""
    trouble = ""
    while not stopping.is_set():
        try:
            await work()
            trouble = ""
        except (StoreUnavailable, DatabaseUnavailable) as error:
            if str(error) != trouble:
                trouble = str(error)
                log.warning("will try again: %s", error)
        except Exception:
            log.exception("one round of background work failed")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), seconds)


async def serve_background(database_url: str, valkey_url: str) -> None:
    """Until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with open_control(database_url, valkey_url) as control:
        await run(control, stopping)


def main() -> None:
    """``python -m adserver.background``, started by the supervisor with its settings in the environment."""
    settings = load_settings()
    set_up_logging(settings.log_level)
    asyncio.run(serve_background(settings.database, settings.valkey_url))


if __name__ == "__main__":
    main()
