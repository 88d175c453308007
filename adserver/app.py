"""The composition root of one worker: settings -> storage -> services -> routes, and one lifespan around them."""

import asyncio
import gc
import logging
import random
import secrets
import shutil
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from adserver.creative.library import load_creatives
from adserver.model.reason import EventReason, NoAdReason
from adserver.secret import read_secrets
from adserver.service.access import CheckKey
from adserver.service.live import Live, follow
from adserver.service.record_event import RecordEvent
from adserver.service.record_token import Counter, RecordClick, RecordImpression
from adserver.service.render_ad import RenderAd, learn_locales
from adserver.service.serve_ad import ServeAd
from adserver.settings import Settings, load_settings
from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.valkey.billing import ValkeyBilling
from adserver.storage.valkey.catalogs import ValkeyCatalogReader
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.events import ValkeyEventLog
from adserver.storage.valkey.snapshots import ValkeySnapshots
from adserver.storage.valkey.visitors import ValkeyVisitors
from adserver.telemetry import set_up_logging
from adserver.tracking.keyring import Keyring
from adserver.tracking.token import Tokens
from adserver.tracking.visitor import VisitorCookies
from adserver.web.cookies import CookieHeaders
from adserver.web.door import Handler
from adserver.web.handlers.ads import AdHandler, AdsHandler
from adserver.web.handlers.operations import MetricsHandler, Readiness, ReadyzHandler, healthz
from adserver.web.handlers.pixel import PixelHandler
from adserver.web.handlers.privacy import PrivacyHandler
from adserver.web.handlers.tokens import ClickHandler, ImpressionHandler
from adserver.web.protocol import protocol_settings
from adserver.web.rate_limit import AddressLimiter, Limited
from adserver.web.responses import Answer, gif, no_content
from adserver.web.routes import Handlers, create_application, create_routes
from adserver.web.static_files import StaticScript, read_static, style_hash

FOLLOW_S = 0.25
"""How often a worker looks for new accounts and catalogs; two seconds is what is promised."""

GRACE_S = 10
"""How long a stopping worker waits for the requests in flight."""

log = logging.getLogger(__name__)


def create_app(settings: Settings, secrets_in_use: Sequence[bytes], valkey_url: str) -> Starlette:
    """The ASGI application of one worker. Connections open with its lifespan."""
    # The pixel waits longer than an ad may: an event is worth it. It gives up before a browser would.
    valkey = Valkey(valkey_url)
    creatives = load_creatives()
    live = Live({name: creative.sizes for name, creative in creatives.items()}, prepare=learn_locales)
    log_of_events = ValkeyEventLog(valkey)
    snapshots = ValkeySnapshots(valkey)
    catalogs = ValkeyCatalogReader(valkey)
    visitors = ValkeyVisitors(
        valkey,
        retention_s=settings.retention_days * 86_400,
        new_visitor_s=settings.new_visitor_minutes * 60,
    )
    visitor_cookies = VisitorCookies(Keyring(secrets_in_use, "visitor"))
    tokens = Tokens(Keyring(secrets_in_use, "token"))
    https_outside = settings.public_url.startswith("https://")
    render = RenderAd(
        creatives,
        tokens,
        base_url=settings.public_url,
        insecure_images=not (https_outside or settings.ssl_certfile),
        impression_ttl_s=settings.impression_minutes * 60,
        click_ttl_s=settings.click_minutes * 60,
    )
    record_event = RecordEvent(
        live,
        visitors,
        log_of_events,
        visitor_cookies,
        consent_default=settings.consent_default,
        mint_visitor=lambda: secrets.token_urlsafe(16),
    )
    serve_ad = ServeAd(
        live,
        visitors=visitors,
        catalogs=catalogs,
        log=log_of_events,
        cookies=visitor_cookies,
        creatives=creatives,
        render=render,
        consent_default=settings.consent_default,
        deadline_s=settings.ad_deadline_ms / 1_000,
        mint_decision=lambda: secrets.token_urlsafe(12),
        rng=random.SystemRandom().random,
    )
    counter = Counter(ValkeyBilling(valkey), log_of_events)
    cookies = CookieHeaders(days=settings.cookie_days, partitioned=settings.partitioned_cookie)
    page = read_static("privacy.html")
    privacy = PrivacyHandler(cookies, page=page, done=read_static("opted-out.html"), style=style_hash(page))

    async def readiness() -> Readiness:
        found = [] if live.snapshot else ["no accounts have been published yet"]
        try:
            await valkey.ping()
        except StoreUnavailable as error:
            found.append(str(error))
        return Readiness(found, live.snapshot.revision if live.snapshot else 0, catalogs.swaps)

    def limited(handler: Handler, refusal: Callable[[], Answer]) -> Handler:
        return Limited(handler, limiter, refusal, time.monotonic) if settings.rate_limit else handler

    limiter = AddressLimiter(settings.rate_limit)
    handlers = Handlers(
        pixel=limited(PixelHandler(record_event, cookies), lambda: gif(record_event.refuse(EventReason.RATE_LIMITED))),
        ad=limited(AdHandler(serve_ad), lambda: no_content(serve_ad.refuse(NoAdReason.RATE_LIMITED))),
        ads=limited(AdsHandler(serve_ad), lambda: no_content(serve_ad.refuse(NoAdReason.RATE_LIMITED))),
        impression=ImpressionHandler(RecordImpression(tokens, counter)),
        click=ClickHandler(RecordClick(live, tokens, counter)),
        tag=StaticScript.load("tag.js"),
        slot=StaticScript.load("slot.js"),
        privacy=privacy.page,
        opt_out=privacy.opt_out,
        healthz=healthz,
        readyz=ReadyzHandler(readiness),
        metrics=MetricsHandler(settings.metrics_token, CheckKey(live)),
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await _first_look(valkey, live, snapshots, catalogs)
        gc.collect()
        gc.freeze()  # what is here now stays: the collector need not look at it again and again
        follower = asyncio.create_task(_keep_following(live, snapshots, catalogs))
        try:
            yield
        finally:
            follower.cancel()
            await asyncio.gather(follower, return_exceptions=True)
            await log_of_events.settled()
            await valkey.close()

    return create_application(
        create_routes(handlers, https_outside=https_outside, access_log=settings.access_log), lifespan
    )


async def _first_look(valkey: Valkey, live: Live, snapshots: ValkeySnapshots, catalogs: ValkeyCatalogReader) -> None:
    """Be ready with the first request where Valkey is there; start anyway where it is not."""
    try:
        await valkey.load_functions()
        await follow(live, snapshots, catalogs)
    except StoreUnavailable as error:
        log.warning("starting without Valkey: %s", error)


async def _keep_following(live: Live, snapshots: ValkeySnapshots, catalogs: ValkeyCatalogReader) -> None:
    """Hold the last good: whatever goes wrong in one look, the next one comes. The same trouble is told once."""
    trouble = ""
    while True:
        await asyncio.sleep(FOLLOW_S)
        try:
            await follow(live, snapshots, catalogs)
            trouble = ""
        except Exception as error:
            if repr(error) != trouble:
                trouble = repr(error)
                expected = isinstance(error, StoreUnavailable)
                log.warning("accounts and catalogs stay as they are: %s", error, exc_info=not expected)


def uvicorn_config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """How uvicorn runs a worker."""
    return uvicorn.Config(
        app,
        **protocol_settings(),
        loop="uvloop",
        lifespan="on",
        log_config=None,
        access_log=False,  # its line would hold the whole query; ours is written at the door
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
        timeout_graceful_shutdown=GRACE_S,
        backlog=settings.backlog,
        ssl_certfile=settings.ssl_certfile or None,
        ssl_keyfile=settings.ssl_keyfile or None,
    )


def main() -> None:
    """A worker process: ``python -m adserver.app FD [demo]``, started by the supervisor with its settings in the
    environment and the listening socket as file descriptor FD."""
    settings = load_settings()
    set_up_logging(settings.log_level)
    listening = socket.socket(fileno=int(sys.argv[1]))
    app: ASGIApp = create_app(settings, read_secrets(settings.secret, settings.data_dir), settings.valkey_url)
    if sys.argv[2:] == ["demo"]:
        from adserver.demo.sites import create_demo_app

        program = "adserver" if shutil.which("adserver") else Path(sys.executable).with_name("adserver")
        report = f"{program} report --data-dir {settings.data_dir}"
        app = create_demo_app(app, port=listening.getsockname()[1], report_command=report)
    logging.getLogger("uvicorn.access").propagate = False
    if urlsplit(settings.public_url).scheme == "http":
        log.warning("ADSERVER_PUBLIC_URL is plain http: browsers keep its cookie only on localhost")
    uvicorn.Server(uvicorn_config(app, settings)).run(sockets=[listening])


if __name__ == "__main__":
    main()
