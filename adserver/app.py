"""The composition root: settings -> storage -> services -> handlers -> routes, and one lifespan around them."""

import asyncio
import gc
import hashlib
import logging
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.types import Lifespan

from adserver import __version__
from adserver.clock import clock_of, real_pause
from adserver.collect.bot import Automation, automation_of
from adserver.creative.font_files import font_files
from adserver.creative.library import creative_folders, load_creatives
from adserver.creative.privacy_page import opted_out_page, privacy_page
from adserver.creative.raster.layout import LAYOUT_FILE
from adserver.creative.visitor_page import LANGUAGES, PAGE_CSP, PAGE_WORDS
from adserver.model.reason import EventReason, NoAdReason
from adserver.random_ids import RandomIds
from adserver.service.access import CheckKey
from adserver.service.ad_picture import ClickPicture, ServePicture
from adserver.service.change_product import ChangeProduct
from adserver.service.charge_token import ChargeToken
from adserver.service.decide_ad import DecideAd
from adserver.service.draw_ad import DrawAd
from adserver.service.explain_ad import ExplainAd
from adserver.service.fill_ad import FillAd
from adserver.service.hide_product import HideProduct
from adserver.service.keep_budgets import ROUND_S, KeepBudgets
from adserver.service.live import Live, follow, follow_rates
from adserver.service.look import Sight
from adserver.service.picture_links import PictureLinks
from adserver.service.picture_pool import PicturePool
from adserver.service.preview import Preview
from adserver.service.preview_banner import DrawPreview
from adserver.service.preview_content import PreviewContent
from adserver.service.purse import Purse
from adserver.service.raster_pool import RasterPool
from adserver.service.record_event import RecordEvent
from adserver.service.record_token import Counter, RecordClick, RecordImpression
from adserver.service.render_ad import RenderAd, learn_locales
from adserver.service.serve_ad import ServeAd
from adserver.service.shop_pictures import ShopPictures
from adserver.service.show_picture import ShowPicture
from adserver.service.take_back_ad import TakeBackAd
from adserver.service.tell_visitor import TellVisitor
from adserver.service.told_ad import ReadAd
from adserver.service.why_ad import ExplainToVisitor
from adserver.settings import Settings
from adserver.storage.fetch.at_first_use import FetcherAtFirstUse
from adserver.storage.geo import load_geo
from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.pictures import PictureBucket, PictureFolder, open_pictures
from adserver.storage.spool.billing import SpooledBilling
from adserver.storage.spool.spool import Spool
from adserver.storage.valkey.budgets import ValkeyBudgets
from adserver.storage.valkey.catalog_reader import ValkeyCatalogReader
from adserver.storage.valkey.catalogs import ValkeyCatalogs
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.events import ValkeyEventLog
from adserver.storage.valkey.hot import HotValkey
from adserver.storage.valkey.library import Library
from adserver.storage.valkey.lists import ValkeyListReader
from adserver.storage.valkey.rates import ValkeyRates
from adserver.storage.valkey.related_reader import ValkeyRelatedReader
from adserver.storage.valkey.route import route_to
from adserver.storage.valkey.snapshots import ValkeySnapshots
from adserver.storage.valkey.ties import ValkeyTies
from adserver.storage.valkey.visitors import ValkeyVisitors
from adserver.telemetry import add_up_now, own_slot
from adserver.tracking.keyring import Keyring
from adserver.tracking.sealed import VisitorSeal
from adserver.tracking.token import Tokens
from adserver.tracking.visitor import VisitorCookies
from adserver.web.context import Context
from adserver.web.cookies import CookieHeaders
from adserver.web.door import Door, Handler, Shedding
from adserver.web.handlers.ad_click import AdClickHandler
from adserver.web.handlers.ad_json import AdJsonHandler
from adserver.web.handlers.ad_picture import AdPictureHandler
from adserver.web.handlers.ads import AdHandler, AdsHandler, no_ad_now
from adserver.web.handlers.explain import ExplainHandler
from adserver.web.handlers.media import MediaHandler
from adserver.web.handlers.operations import MetricsHandler, Readiness, ReadyzHandler, healthz
from adserver.web.handlers.pixel import PixelHandler
from adserver.web.handlers.preview import PreviewHandler
from adserver.web.handlers.privacy import PrivacyHandler
from adserver.web.handlers.products_api import ProductHandler, too_many_calls
from adserver.web.handlers.tokens import ClickHandler, ImpressionHandler
from adserver.web.handlers.why import VisitorPages, WhyHandler
from adserver.web.overload import Load
from adserver.web.rate_limit import AddressLimiter, Limited
from adserver.web.responses import Answer, gif
from adserver.web.routes import Handlers, create_application, create_doors
from adserver.web.same_origin import SameOrigin
from adserver.web.static_files import StaticScript

FOLLOW_S = 0.25
"""How often a worker looks for new accounts and catalogs; two seconds is what is promised."""

_YOUNG = 7_000
"""So many new objects before the collector looks at them, ten times Python's own number: of what requests make, next to
nothing hangs in circles, and what is under way is looked at in vain each time."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stores:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Services:
    live: Live
    record_event: RecordEvent
    serve_ad: ServeAd
    explain_ad: ExplainAd
    explain_to_visitor: ExplainToVisitor
    hide_product: HideProduct
    serve_picture: ServePicture
    click_picture: ClickPicture
    record_impression: RecordImpression
    record_click: RecordClick
    show_picture: ShowPicture
    draw_ad: DrawAd
    raster_pool: RasterPool
    preview: Preview
    picture_pool: PicturePool
    keep_budgets: KeepBudgets


def create_app(
    settings: Settings, secrets_in_use: Sequence[bytes], valkey_url: str
) -> tuple[Starlette, dict[str, Door]]:
    """The ASGI application of one worker, and its doors by path. Connections open with its lifespan."""
    stores = _stores(settings, valkey_url)
    services = _services(settings, secrets_in_use, stores)
    handlers = _handlers(settings, stores, services)
    pixels, ads = _shedding(settings, services)
    doors = create_doors(handlers, pixels=pixels, ads=ads, access_log=settings.access_log)
    lifespan = _lifespan(stores, services)
    return create_application(doors, lifespan, https_outside=https_outside(settings)), doors


def https_outside(settings: Settings) -> bool:
    """Whether browsers reach this server by HTTPS, whoever terminates it."""
    return settings.public_url.startswith("https://")


def _stores(settings: Settings, valkey_url: str) -> _Stores:
    valkey, library = Valkey(valkey_url), Library()
    hot = HotValkey(route_to(valkey_url, library, replicas=settings.wait_replicas), library)
    spool = Spool(hot, settings.data_dir / "spool", slot=own_slot(), max_bytes=settings.spool_mb * 1_048_576)
    events = ValkeyEventLog(spool)
    return _Stores(
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


def _services(settings: Settings, secrets_in_use: Sequence[bytes], stores: _Stores) -> _Services:
    creatives = load_creatives(
        origin=settings.public_url, own=settings.own_creatives, web_font=settings.web_font
    )
    sizes = {name: creative.sizes for name, creative in creatives.items()}
    live = Live(sizes, prepare=learn_locales)
    cookies = VisitorCookies(Keyring(secrets_in_use, "visitor"))
    tokens = Tokens(Keyring(secrets_in_use, "token"))
    is_refused = _refusing(settings)
    counter = Counter(stores.billing, ChargeToken(live, stores.budgets), is_refused)
    purse = Purse(stores.budgets, token_s=settings.impression_minutes * 60, mint=RandomIds(8))
    clock = clock_of(settings.clock)
    seal = VisitorSeal(secrets_in_use)
    read_ad = ReadAd(
        live,
        tokens=tokens,
        cookies=cookies,
        seal=seal,
        impression_s=settings.impression_minutes * 60,
        told_for_s=settings.click_minutes * 60,
    )
    tell_visitor = TellVisitor(live, stores.visitors, stores.catalogs, cookies, seal)
    sight = Sight(
        live=live,
        catalogs=stores.catalogs,
        lists=stores.lists,
        purse=purse,
        places=load_geo(settings.geo_db),
        consent_default=settings.consent_default,
    )
    fill = FillAd(stores.catalogs, ValkeyRelatedReader(stores.hot, stores.catalogs), creatives)
    rng = random.Random(secrets.randbits(128)).random  # noqa: S311  it breaks ties
    links = PictureLinks(Keyring(secrets_in_use, "picture"), base_url=settings.public_url)
    pool = PicturePool()
    shop_pictures = ShopPictures(FetcherAtFirstUse(settings.fetch_allow))
    show_picture = ShowPicture(links, shop_pictures, stores.pictures, pool.make)
    folders = list(dict.fromkeys(folder.parent for folder in creative_folders(own=settings.own_creatives)))
    raster_pool = RasterPool(folders)
    render = RenderAd(
        creatives,
        tokens,
        seal=seal,
        pictures=links,
        base_url=settings.public_url,
        impression_ttl_s=settings.impression_minutes * 60,
        click_ttl_s=settings.click_minutes * 60,
    )
    serve_ad = ServeAd(
        live,
        sight=sight,
        decide=DecideAd(
            live,
            fill=fill,
            purse=purse,
            visitors=stores.visitors,
            log=stores.events,
            mint_decision=RandomIds(16),
            rng=rng,
            seen_within_s=settings.impression_minutes * 60,
        ),
        visitors=stores.visitors,
        log=stores.events,
        cookies=cookies,
        render=render,
        deadline_s=settings.ad_deadline_ms / 1_000,
        is_refused=is_refused,
    )
    record_impression = RecordImpression(tokens, counter, tell_visitor)
    draw_ad = DrawAd(creatives, show_picture, stores.pictures, raster_pool.draw, recipe=_recipe(folders))
    return _Services(
        live=live,
        keep_budgets=KeepBudgets(purse, stores.budgets, clock, pause_s=real_pause(clock, ROUND_S, 0.02)),
        record_event=RecordEvent(
            live,
            stores.visitors,
            stores.events,
            cookies,
            catalogs=stores.catalogs,
            consent_default=settings.consent_default,
            is_refused=is_refused,
            mint_visitor=RandomIds(22),
        ),
        serve_ad=serve_ad,
        serve_picture=ServePicture(
            serve_ad,
            draw_ad,
            record_impression=record_impression,
            take_back=TakeBackAd(tokens, seal=seal, visitors=stores.visitors, purse=purse),
            ties=stores.ties,
            tokens=tokens,
            base_url=settings.public_url,
        ),
        click_picture=ClickPicture(
            serve_ad,
            ties=stores.ties,
            tokens=tokens,
            base_url=settings.public_url,
            click_ttl_s=settings.click_minutes * 60,
        ),
        explain_to_visitor=ExplainToVisitor(read_ad, stores.visitors, stores.catalogs),
        hide_product=HideProduct(read_ad, stores.visitors, stores.catalogs),
        explain_ad=ExplainAd(
            live,
            sight=sight,
            fill=fill,
            look=purse.look,
            visitors=stores.visitors,
            cookies=cookies,
            creative_sizes=sizes,
            rng=rng,
        ),
        record_impression=record_impression,
        record_click=RecordClick(live, tokens, counter, tell_visitor),
        show_picture=show_picture,
        draw_ad=draw_ad,
        raster_pool=raster_pool,
        preview=Preview(
            live,
            PreviewContent(
                live,
                stores.catalogs,
                ExplainAd(
                    live,
                    sight=sight,
                    fill=fill,
                    look=purse.look,
                    visitors=stores.visitors,
                    cookies=cookies,
                    creative_sizes=sizes,
                    rng=lambda: 0.5,  # a sheet and its frames show the same
                ),
            ),
            DrawPreview(
                RenderAd(  # one of its own: what it keeps is no visitor's
                    creatives,
                    tokens,
                    seal=seal,
                    pictures=links,
                    base_url=settings.public_url,
                    impression_ttl_s=settings.impression_minutes * 60,
                    click_ttl_s=settings.click_minutes * 60,
                ).data,
                base_url=settings.public_url,
            ),
            creatives,
        ),
        picture_pool=pool,
    )


def _recipe(folders: Sequence[Path]) -> str:
    """How pictures of ads are drawn: by another program, with another layout, or where a design words its headline
    otherwise, all are drawn anew."""
    names = (LAYOUT_FILE, "creative.toml", "*.html")
    files = sorted(file for folder in folders for name in names for file in folder.glob(f"*/{name}"))
    return hashlib.sha256(b"".join([__version__.encode(), *(file.read_bytes() for file in files)])).hexdigest()[:16]


def _refusing(settings: Settings) -> Callable[[str], bool]:
    """Who is no visitor, by the user agent."""
    refused = {Automation.CRAWLER, Automation.TOOL} if settings.refuse_tools else {Automation.CRAWLER}
    return lambda user_agent: automation_of(user_agent) in refused


def _shedding(settings: Settings, services: _Services) -> tuple[Shedding | None, Shedding | None]:
    """How pixels and ads behave under overload."""
    if not settings.overload_ms:
        return None, None
    load = Load(settings.overload_ms / 1_000)
    return (
        Shedding(load, lambda _: gif(services.record_event.refuse(EventReason.OVERLOAD)), ad=False),
        Shedding(load, lambda asked: no_ad_now(asked, services.serve_ad.refuse(NoAdReason.OVERLOAD)), ad=True),
    )


def _handlers(settings: Settings, stores: _Stores, services: _Services) -> Handlers:
    cookies = CookieHeaders(days=settings.cookie_days, partitioned=settings.partitioned_cookie)
    is_same_origin = SameOrigin(settings.public_url)
    privacy = PrivacyHandler(
        cookies,
        is_same_origin,
        pages={language: privacy_page(language) for language in LANGUAGES},
        done={language: opted_out_page(language) for language in LANGUAGES},
        refusal={language: PAGE_WORDS[language]["privacy"]["not_ours"] for language in LANGUAGES},
        policy=PAGE_CSP,
    )
    visitor_pages = VisitorPages({language: PAGE_WORDS[language]["page"] for language in LANGUAGES}, PAGE_CSP)
    limiter = AddressLimiter(settings.rate_limit)
    clock = clock_of(settings.clock)

    def limited(handler: Handler, refusal: Callable[[Context], Answer]) -> Handler:
        return Limited(handler, limiter, refusal, time.monotonic) if settings.rate_limit else handler

    def too_many_events(_: Context) -> Answer:
        return gif(services.record_event.refuse(EventReason.RATE_LIMITED))

    def too_many_ads(asked: Context) -> Answer:
        return no_ad_now(asked, services.serve_ad.refuse(NoAdReason.RATE_LIMITED))

    return Handlers(
        pixel=limited(PixelHandler(services.record_event, cookies, clock), too_many_events),
        ad=limited(
            AdHandler(
                services.serve_ad,
                ExplainHandler(services.explain_ad, CheckKey(services.live), services.live, clock),
                clock,
            ),
            too_many_ads,
        ),
        ads=limited(AdsHandler(services.serve_ad, clock), too_many_ads),
        ad_json=limited(AdJsonHandler(services.serve_ad, clock), too_many_ads),
        ad_png=limited(AdPictureHandler(services.serve_picture, "png", clock), too_many_ads),
        ad_webp=limited(AdPictureHandler(services.serve_picture, "webp", clock), too_many_ads),
        ad_jpg=limited(AdPictureHandler(services.serve_picture, "jpeg", clock), too_many_ads),
        ad_click=AdClickHandler(services.click_picture, clock),
        impression=ImpressionHandler(services.record_impression, clock),
        click=ClickHandler(services.record_click, clock),
        why=WhyHandler(services.explain_to_visitor, services.hide_product, visitor_pages, is_same_origin, clock),
        media=MediaHandler(services.show_picture, services.draw_ad.shown, clock, font_files()),
        tag=StaticScript.load("tag.js"),
        slot=StaticScript.load("slot.min.js"),
        privacy=privacy.page,
        opt_out=privacy.opt_out,
        healthz=healthz,
        readyz=ReadyzHandler(lambda: _readiness(stores, services.live)),
        metrics=MetricsHandler(settings.metrics_token, CheckKey(services.live)),
        preview=PreviewHandler(services.preview, CheckKey(services.live), clock, is_open=settings.preview_open),
        product=limited(
            ProductHandler(ChangeProduct(services.live, CheckKey(services.live), ValkeyCatalogs(stores.valkey)), clock),
            lambda _: too_many_calls(),
        ),
    )


async def _readiness(stores: _Stores, live: Live) -> Readiness:
    problems = [] if live.snapshot else ["no accounts have been published yet"]
    if stores.hot.trouble:
        problems.append(stores.hot.trouble)
    return Readiness(problems, live.snapshot.revision if live.snapshot else 0, stores.catalogs.swaps)


def _lifespan(stores: _Stores, services: _Services) -> Lifespan[Starlette]:
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


async def _first_look(stores: _Stores, live: Live) -> None:
    """Be ready with the first request where Valkey is there; start anyway where it is not."""
    try:
        await stores.hot.up()
        await follow(live, stores.snapshots, stores.catalogs, stores.lists)
        await follow_rates(live, stores.rates)
    except StoreUnavailable as error:
        log.warning("starting without Valkey: %s", error)


async def _keep_following(stores: _Stores, live: Live, stopping: asyncio.Event) -> None:
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
