"""The composition root: settings -> storage -> services -> handlers -> routes, and one lifespan around them."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.types import Lifespan

from adserver.service.live import Live, follow, follow_rates
from adserver.settings import Settings
from adserver.storage.interfaces import StoreUnavailable
from adserver.telemetry import add_up_now
from adserver.web.door import Door
from adserver.web.routes import create_application, create_doors
from adserver.wiring.handlers import handlers_of, shedding_of
from adserver.wiring.services import Services
from adserver.wiring.stores import Stores, open_stores

FOLLOW_S = 0.25
"""How often a worker looks for new accounts and catalogs; two seconds is what is promised."""

_YOUNG = 7_000
"""So many new objects before the collector looks at them, ten times Python's own number: of what requests make, next to
nothing hangs in circles, and what is under way is looked at in vain each time."""

log = logging.getLogger(__name__)


def create_app(
    settings: Settings, secrets_in_use: Sequence[bytes], valkey_url: str
) -> tuple[Starlette, dict[str, Door]]:
    """The ASGI application of one worker, and its doors by path. Connections open with its lifespan."""
    stores = open_stores(settings, valkey_url)
    services = Services(settings, secrets_in_use, stores)
    handlers = handlers_of(settings, stores, services)
    pixels, ads = shedding_of(settings, services)
    doors = create_doors(handlers, pixels=pixels, ads=ads, access_log=settings.access_log)
    lifespan = _lifespan(stores, services)
    return create_application(doors, lifespan, https_outside=https_outside(settings)), doors


def https_outside(settings: Settings) -> bool:
    """Whether browsers reach this server by HTTPS, whoever terminates it."""
    return settings.public_url.startswith("https://")


def _lifespan(stores: Stores, services: Services) -> Lifespan[Starlette]:
    live = services.live

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await _first_look(stores, live)
        gc.collect()
        gc.freeze()  # what is here now stays: the collector need not look at it again and again
        gc.set_threshold(_YOUNG)
        stopping = asyncio.Event()
        follower = asyncio.create_task(_keep_following(stores, live, stopping))
        keeper = asyncio.create_task(services.keep_budgets.run())
        try:
            async with stores.spool.running():
                yield
                await stores.events.settled()
        finally:
            stopping.set()
            follower.cancel()
            keeper.cancel()
            await asyncio.gather(follower, keeper, return_exceptions=True)
            await services.keep_budgets.close()
            await services.draw_ad.close()
            await services.show_picture.close()
            await services.picture_pool.close()
            await services.raster_pool.close()
            stores.pictures.close()
            await stores.hot.close()
            await stores.valkey.close()
            add_up_now()

    return lifespan


async def _first_look(stores: Stores, live: Live) -> None:
    """Be ready with the first request where Valkey is there; start anyway where it is not."""
    try:
        await stores.hot.up()
        await follow(live, stores.snapshots, stores.catalogs, stores.lists)
        await follow_rates(live, stores.rates)
    except StoreUnavailable as error:
        log.warning("starting without Valkey: %s", error)


async def _keep_following(stores: Stores, live: Live, stopping: asyncio.Event) -> None:
    """Hold the last good: whatever goes wrong in one look, the next one comes. The same trouble is told once.

    ``stopping``: a call that is cancelled just when its answer arrives may not hear of it.
    """
    trouble = ""
    while not stopping.is_set():
        await asyncio.sleep(FOLLOW_S)
        try:
            await follow(live, stores.snapshots, stores.catalogs, stores.lists)
            await follow_rates(live, stores.rates)
            trouble = ""
        except Exception as error:
            if repr(error) != trouble:
                trouble = repr(error)
                expected = isinstance(error, StoreUnavailable)
                log.warning("accounts and catalogs stay as they are: %s", error, exc_info=not expected)
