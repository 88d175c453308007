"""The services of one worker."""

import hashlib
import random
import secrets
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from adserver import __version__
from adserver.clock import clock_of, real_pause
from adserver.collect.bot import Automation, automation_of
from adserver.creative.library import creative_folders, load_creatives
from adserver.creative.raster.layout import LAYOUT_FILE
from adserver.random_ids import RandomIds
from adserver.service.ad_picture import ClickPicture, ServePicture
from adserver.service.charge_token import ChargeToken
from adserver.service.decide_ad import DecideAd
from adserver.service.draw_ad import DrawAd
from adserver.service.explain_ad import ExplainAd
from adserver.service.fill_ad import FillAd
from adserver.service.hide_product import HideProduct
from adserver.service.keep_budgets import ROUND_S, KeepBudgets
from adserver.service.live import Live
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
from adserver.storage.valkey.related_reader import ValkeyRelatedReader
from adserver.tracking.keyring import Keyring
from adserver.tracking.sealed import VisitorSeal
from adserver.tracking.token import Tokens
from adserver.tracking.visitor import VisitorCookies
from adserver.wiring.stores import Stores


class Services:
    """Each is made when it is first asked for, at most once; what several of them need is one of them."""

    def __init__(self, settings: Settings, secrets_in_use: Sequence[bytes], stores: Stores) -> None:
        self._settings = settings
        self._secrets = secrets_in_use
        self._stores = stores
        self._clock = clock_of(settings.clock)
        self._cookies = VisitorCookies(Keyring(secrets_in_use, "visitor"))
        self._tokens = Tokens(Keyring(secrets_in_use, "token"))
        self._seal = VisitorSeal(secrets_in_use)
        self._links = PictureLinks(Keyring(secrets_in_use, "picture"), base_url=settings.public_url)
        self._is_refused = _refusing(settings)
        self._impression_s = settings.impression_minutes * 60
        self._click_s = settings.click_minutes * 60
        self._creatives = load_creatives(
            origin=settings.public_url, own=settings.own_creatives, web_font=settings.web_font
        )
        self._folders = list(dict.fromkeys(folder.parent for folder in creative_folders(own=settings.own_creatives)))
        self._sizes = {name: creative.sizes for name, creative in self._creatives.items()}
        self.live = Live(self._sizes, prepare=learn_locales)
        self.picture_pool = PicturePool()
        self.raster_pool = RasterPool(self._folders)

    @cached_property
    def record_event(self) -> RecordEvent:
        """A view, a cart, a purchase."""
        stores = self._stores
        return RecordEvent(
            self.live,
            stores.visitors,
            stores.events,
            self._cookies,
            catalogs=stores.catalogs,
            consent_default=self._settings.consent_default,
            is_refused=self._is_refused,
            mint_visitor=RandomIds(22),
        )

    @cached_property
    def serve_ad(self) -> ServeAd:
        """The decision, in all its skins."""
        stores = self._stores
        decide = DecideAd(
            self.live,
            fill=self._fill,
            purse=self._purse,
            visitors=stores.visitors,
            log=stores.events,
            mint_decision=RandomIds(16),
            rng=self._rng,
            seen_within_s=self._impression_s,
        )
        return ServeAd(
            self.live,
            sight=self._sight,
            decide=decide,
            visitors=stores.visitors,
            log=stores.events,
            cookies=self._cookies,
            render=self._new_render(),
            deadline_s=self._settings.ad_deadline_ms / 1_000,
            is_refused=self._is_refused,
        )

    @cached_property
    def serve_picture(self) -> ServePicture:
        """An ad as a picture."""
        return ServePicture(
            self.serve_ad,
            self.draw_ad,
            record_impression=self.record_impression,
            take_back=TakeBackAd(self._tokens, seal=self._seal, visitors=self._stores.visitors, purse=self._purse),
            ties=self._stores.ties,
            tokens=self._tokens,
            base_url=self._settings.public_url,
        )

    @cached_property
    def click_picture(self) -> ClickPicture:
        """A click on it."""
        return ClickPicture(
            self.serve_ad,
            ties=self._stores.ties,
            tokens=self._tokens,
            base_url=self._settings.public_url,
            click_ttl_s=self._click_s,
        )

    @cached_property
    def record_impression(self) -> RecordImpression:
        """An ad was seen."""
        return RecordImpression(self._tokens, self._counter, self._tell_visitor)

    @cached_property
    def record_click(self) -> RecordClick:
        """An ad was clicked."""
        return RecordClick(self.live, self._tokens, self._counter, self._tell_visitor)

    @cached_property
    def explain_to_visitor(self) -> ExplainToVisitor:
        """Why this ad, for who saw it."""
        return ExplainToVisitor(self._read_ad, self._stores.visitors, self._stores.catalogs)

    @cached_property
    def hide_product(self) -> HideProduct:
        """Not this one again."""
        return HideProduct(self._read_ad, self._stores.visitors, self._stores.catalogs)

    @cached_property
    def explain_ad(self) -> ExplainAd:
        """Why this ad, for who runs the server."""
        return self._new_explain(self._rng)

    @cached_property
    def show_picture(self) -> ShowPicture:
        """A product's picture."""
        shop_pictures = ShopPictures(FetcherAtFirstUse(self._settings.fetch_allow))
        return ShowPicture(self._links, shop_pictures, self._stores.pictures, self.picture_pool.make)

    @cached_property
    def draw_ad(self) -> DrawAd:
        """Draws what was decided."""
        return DrawAd(
            self._creatives,
            self.show_picture,
            self._stores.pictures,
            self.raster_pool.draw,
            recipe=recipe_of(self._folders),
        )

    @cached_property
    def keep_budgets(self) -> KeepBudgets:
        """Renews what this worker may spend."""
        pause = real_pause(self._clock, ROUND_S, 0.02)
        return KeepBudgets(self._purse, self._stores.budgets, self._clock, pause_s=pause)

    @cached_property
    def preview(self) -> Preview:
        """Designs and decisions to look at; a sheet and its frames show the same, and what is rendered for them is
        kept apart from what visitors see."""
        content = PreviewContent(self.live, self._stores.catalogs, self._new_explain(lambda: 0.5))
        draw = DrawPreview(self._new_render().data, base_url=self._settings.public_url)
        return Preview(self.live, content, draw, self._creatives)

    @cached_property
    def _purse(self) -> Purse:
        return Purse(self._stores.budgets, token_s=self._impression_s, mint=RandomIds(8))

    @cached_property
    def _counter(self) -> Counter:
        return Counter(self._stores.billing, ChargeToken(self.live, self._stores.budgets), self._is_refused)

    @cached_property
    def _tell_visitor(self) -> TellVisitor:
        return TellVisitor(self.live, self._stores.visitors, self._stores.catalogs, self._cookies, self._seal)

    @cached_property
    def _read_ad(self) -> ReadAd:
        return ReadAd(
            self.live,
            tokens=self._tokens,
            cookies=self._cookies,
            seal=self._seal,
            impression_s=self._impression_s,
            told_for_s=self._click_s,
        )

    @cached_property
    def _sight(self) -> Sight:
        return Sight(
            live=self.live,
            catalogs=self._stores.catalogs,
            lists=self._stores.lists,
            purse=self._purse,
            places=load_geo(self._settings.geo_db),
            consent_default=self._settings.consent_default,
        )

    @cached_property
    def _fill(self) -> FillAd:
        related = ValkeyRelatedReader(self._stores.hot, self._stores.catalogs)
        return FillAd(self._stores.catalogs, related, self._creatives)

    @cached_property
    def _rng(self) -> Callable[[], float]:
        return random.Random(secrets.randbits(128)).random  # noqa: S311  it breaks ties

    def _new_render(self) -> RenderAd:
        return RenderAd(
            self._creatives,
            self._tokens,
            seal=self._seal,
            pictures=self._links,
            base_url=self._settings.public_url,
            impression_ttl_s=self._impression_s,
            click_ttl_s=self._click_s,
        )

    def _new_explain(self, rng: Callable[[], float]) -> ExplainAd:
        return ExplainAd(
            self.live,
            sight=self._sight,
            fill=self._fill,
            look=self._purse.look,
            visitors=self._stores.visitors,
            cookies=self._cookies,
            creative_sizes=self._sizes,
            rng=rng,
        )


def recipe_of(folders: Sequence[Path]) -> str:
    """How pictures of ads are drawn: by another program, with another layout, or where a design words its headline
    otherwise, all are drawn anew."""
    names = (LAYOUT_FILE, "creative.toml", "*.html")
    files = sorted(file for folder in folders for name in names for file in folder.glob(f"*/{name}"))
    return hashlib.sha256(b"".join([__version__.encode(), *(file.read_bytes() for file in files)])).hexdigest()[:16]


def _refusing(settings: Settings) -> Callable[[str], bool]:
    """Who is no visitor, by the user agent."""
    # No set: members of an enumeration are hashed by a function of Python's.
    refused = (Automation.CRAWLER, Automation.TOOL) if settings.refuse_tools else (Automation.CRAWLER,)
    return lambda user_agent: automation_of(user_agent) in refused
