"""The handlers of one worker, and how they refuse."""

import time
from collections.abc import Callable

from adserver.clock import clock_of
from adserver.creative.font_files import font_files
from adserver.creative.privacy_page import opted_out_page, privacy_page
from adserver.creative.visitor_page import LANGUAGES, PAGE_CSP, PAGE_WORDS
from adserver.model.reason import EventReason, NoAdReason
from adserver.service.access import CheckKey
from adserver.service.change_product import ChangeProduct
from adserver.service.live import Live
from adserver.settings import Settings
from adserver.storage.valkey.catalogs import ValkeyCatalogs
from adserver.web.context import Context
from adserver.web.cookies import CookieHeaders
from adserver.web.door import Handler, Shedding
from adserver.web.handlers.ad_click import AdClickHandler, too_many_clicks
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
from adserver.web.routes import Handlers
from adserver.web.same_origin import SameOrigin
from adserver.web.static_files import StaticScript
from adserver.wiring.services import Services
from adserver.wiring.stores import Stores


def shedding_of(settings: Settings, services: Services) -> tuple[Shedding | None, Shedding | None]:
    """How pixels and ads behave under overload; None where nothing is ever refused."""
    if not settings.overload_ms:
        return None, None
    load = Load(settings.overload_ms / 1_000)
    return (
        Shedding(load, lambda _: gif(services.record_event.refuse(EventReason.OVERLOAD)), ad=False),
        Shedding(load, lambda asked: no_ad_now(asked, services.serve_ad.refuse(NoAdReason.OVERLOAD)), ad=True),
    )


def handlers_of(settings: Settings, stores: Stores, services: Services) -> Handlers:
    """All of them."""
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
        ad_click=limited(AdClickHandler(services.click_picture, clock), lambda _: too_many_clicks()),
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


async def _readiness(stores: Stores, live: Live) -> Readiness:
    problems = [] if live.snapshot else ["no accounts have been published yet"]
    if stores.hot.trouble:
        problems.append(stores.hot.trouble)
    return Readiness(problems, live.snapshot.revision if live.snapshot else 0, stores.catalogs.swaps)
