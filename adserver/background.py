"""The background worker: publishes accounts, rolls events up, looks at feeds on their schedule."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from adserver.clock import Clock, clock_of, real_pause
from adserver.processes import READY, begin, begun
from adserver.settings import Settings, load_settings
from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.sql.unavailable import DatabaseUnavailable
from adserver.telemetry import set_up_logging

if TYPE_CHECKING:  # the libraries of both stores are loaded when the process has begun
    from adserver.control import Control

PUBLISH_S = 0.25
ROLL_UP_S = 1.0
LEARN_S = 1.0
LAST_LESSONS_S = 2.0
RATES_S = 5.0
FEEDS_S = 1.0
LISTS_S = 5.0
SEED_S = 0.5
CURVES_S = 60.0
TIDY_S = 600.0

NICENESS = 10
"""Reports can wait a moment, visitors can not: where cores are scarce, workers and Valkey go first."""

log = logging.getLogger(__name__)


async def run(control: "Control", stopping: asyncio.Event, clock: Clock, *, published: bool = False) -> None:
    """Until ``stopping`` is set; then everything counted so far is rolled up once more, and learned from.

    ``published``: the accounts were just now.
    """
    feeds = asyncio.create_task(_every(FEEDS_S, control.keep_feeds.look, stopping))
    tidying = asyncio.create_task(_every(TIDY_S, lambda: _tidy(control), stopping))
    curves_s = real_pause(clock, CURVES_S, ROLL_UP_S)
    curves = asyncio.create_task(_every(curves_s, lambda: _learn_curves(control, clock), stopping))
    lists = asyncio.create_task(_every(LISTS_S, lambda: _publish_lists(control), stopping))
    await asyncio.gather(
        _every(PUBLISH_S, _publisher(control, anew=not published), stopping),
        _every(ROLL_UP_S, lambda: _roll_up(control), stopping),
        _every(SEED_S, lambda: _seed_budgets(control, clock), stopping),
        _every(LEARN_S, lambda: _learn(control, clock), stopping),
        _every(real_pause(clock, RATES_S, ROLL_UP_S / 2), lambda: _learn_rates(control, clock), stopping),
    )
    for task in (feeds, tidying, lists, curves):
        task.cancel()
    await asyncio.gather(feeds, tidying, lists, curves, return_exceptions=True)
    await control.keep_feeds.stop()  # an import may have minutes to go; the next start begins it anew
    with contextlib.suppress(StoreUnavailable, DatabaseUnavailable):
        await _roll_up(control)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_LESSONS_S):
                await control.learn_products.all(int(clock()))


def _publisher(control: "Control", *, anew: bool) -> Callable[[], Awaitable[None]]:
    async def publish() -> None:
        nonlocal anew
        await control.publish(anew=anew)
        anew = False

    return publish


async def _roll_up(control: "Control") -> None:
    while await control.roll_up(time.time()):
        pass


async def _publish_lists(control: "Control") -> None:
    await control.publish_lists()


async def _seed_budgets(control: "Control", clock: Clock) -> None:
    await control.seed_budgets(clock())


async def _learn_curves(control: "Control", clock: Clock) -> None:
    await control.learn_curves(clock())


async def _learn(control: "Control", clock: Clock) -> None:
    now = int(clock())
    await control.learn_products(now)
    await control.learn_products.tidy(now)


async def _learn_rates(control: "Control", clock: Clock) -> None:
    await control.learn_rates(clock())


async def _tidy(control: "Control") -> None:
    _, accounts = control.accounts.load()
    refs = {advertiser.id: advertiser.ref for advertiser in accounts.advertisers.values()}
    await control.catalogs.tidy(set(refs.values()))
    await control.published_lists.drop_others(control.lists.versions())
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
    database_url: str,
    valkey_url: str,
    *,
    fetch_allow: str = "",
    feed_archive: str = "",
    own_creatives: Path | None = None,
    clock: Clock = time.time,
    ready: Callable[[], None] | None = None,
) -> None:
    """Until SIGTERM or SIGINT. ``ready``: publish the accounts first, and call it then."""
    from adserver.control import open_control

    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with open_control(
        database_url, valkey_url, fetch_allow=fetch_allow, feed_archive=feed_archive, own_creatives=own_creatives
    ) as control:
        published = ready is not None and await _publish_first(control)
        if ready is not None:
            ready()
        await run(control, stopping, clock, published=published)


async def _publish_first(control: "Control") -> bool:
    try:
        await control.publish(anew=True)
    except StoreUnavailable as error:
        log.warning("starting without Valkey: %s", error)
        return False
    return True


async def _publish_once(settings: Settings) -> None:
    from adserver.control import open_control

    async with open_control(settings.database, settings.valkey_url) as control:
        await _publish_first(control)


def _work(settings: Settings, ready: Callable[[], None] | None, *, once: bool) -> None:
    import adserver.control  # noqa: F401

    begun()
    if once:
        asyncio.run(_publish_once(settings))
        if ready is not None:
            ready()
        return
    if ready is None:
        os.nice(NICENESS)
    asyncio.run(
        serve_background(
            settings.database,
            settings.valkey_url,
            fetch_allow=settings.fetch_allow,
            feed_archive=settings.archive,
            own_creatives=settings.own_creatives,
            clock=clock_of(settings.clock),
            ready=ready,
        )
    )


def _migrate(database: str) -> None:
    from adserver.storage.sql import migrate
    from adserver.storage.sql.engine import open_engine

    engine = open_engine(database)
    try:
        migrate.upgrade(engine)
    finally:
        engine.dispose()


def main() -> None:
    """``python -m adserver.background [once] [FD]``, started by the supervisor with its settings in the environment.

    ``FD``: first bring the database up to date and publish the accounts, and tell the supervisor when that is done, or
    why it can not be. ``once``: nothing else.
    """
    begin()
    settings = load_settings()
    set_up_logging(settings.log_level)
    once = "once" in sys.argv[1:]
    if not sys.argv[-1].isdigit():
        _work(settings, None, once=once)
        return
    with os.fdopen(int(sys.argv[-1]), "wb") as supervisor:

        def ready() -> None:
            supervisor.write(READY)
            supervisor.close()
            os.nice(NICENESS)

        try:
            _migrate(settings.database)
            _work(settings, ready, once=once)
        except DatabaseUnavailable as error:
            if supervisor.closed:
                raise
            supervisor.write(str(error).encode())


if __name__ == "__main__":
    main()
