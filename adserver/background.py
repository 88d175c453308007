"""The background worker: publishes accounts, rolls events up, looks at feeds on their schedule."""

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable

from adserver.control import Control, open_control
from adserver.settings import load_settings
from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.sql.engine import DatabaseUnavailable
from adserver.telemetry import set_up_logging

PUBLISH_S = 0.25
ROLL_UP_S = 1.0
LEARN_S = 1.0
LAST_LESSONS_S = 2.0
FEEDS_S = 1.0
TIDY_S = 600.0

NICENESS = 10
"""Reports can wait a moment, visitors can not: where cores are scarce, workers and Valkey go first."""

log = logging.getLogger(__name__)


async def run(control: Control, stopping: asyncio.Event) -> None:
    """Until ``stopping`` is set; then everything counted so far is rolled up once more, and learned from."""
    feeds = asyncio.create_task(_every(FEEDS_S, control.keep_feeds.look, stopping))
    tidying = asyncio.create_task(_every(TIDY_S, lambda: _tidy(control), stopping))
    await asyncio.gather(
        _every(PUBLISH_S, _publisher(control), stopping),
        _every(ROLL_UP_S, lambda: _roll_up(control), stopping),
        _every(LEARN_S, lambda: _learn(control), stopping),
    )
    for task in (feeds, tidying):
        task.cancel()
    await asyncio.gather(feeds, tidying, return_exceptions=True)
    await control.keep_feeds.stop()  # an import may have minutes to go; the next start begins it anew
    with contextlib.suppress(StoreUnavailable, DatabaseUnavailable):
        await _roll_up(control)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_LESSONS_S):
                await control.learn_products.all(int(time.time()))


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


async def _learn(control: Control) -> None:
    now = int(time.time())
    await control.learn_products(now)
    await control.learn_products.tidy(now)


async def _tidy(control: Control) -> None:
    _, accounts = control.accounts.load()
    refs = {advertiser.id: advertiser.ref for advertiser in accounts.advertisers.values()}
    await control.catalogs.tidy(set(refs.values()))
    await asyncio.to_thread(control.feed_archive.tidy, refs)


async def _every(seconds: float, work: Callable[[], Awaitable[None]], stopping: asyncio.Event) -> None:
    """Whatever goes wrong in one round, the next one comes, after up to eight times the pause; the same trouble is
    told once."""
    trouble = ""
    pause = seconds
    while not stopping.is_set():
        try:
            await work()
            trouble, pause = "", seconds
        except Exception as error:
            pause = min(pause * 2, seconds * 8)
            if repr(error) != trouble:
                trouble = repr(error)
                expected = isinstance(error, (StoreUnavailable, DatabaseUnavailable))
                log.warning("will try again: %s", error, exc_info=not expected)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), pause)


async def serve_background(
    database_url: str, valkey_url: str, *, fetch_allow: str = "", feed_archive: str = ""
) -> None:
    """Until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with open_control(database_url, valkey_url, fetch_allow=fetch_allow, feed_archive=feed_archive) as control:
        await run(control, stopping)


def main() -> None:
    """``python -m adserver.background``, started by the supervisor with its settings in the environment."""
    os.nice(NICENESS)
    settings = load_settings()
    set_up_logging(settings.log_level)
    asyncio.run(
        serve_background(
            settings.database, settings.valkey_url, fetch_allow=settings.fetch_allow, feed_archive=settings.archive
        )
    )


if __name__ == "__main__":
    main()
