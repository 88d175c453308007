"""One banner to look at: like the ad that would be served, but every link of it counts nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil
from typing import NamedTuple, Protocol

from adserver.creative.banner import Banner, Tile
from adserver.creative.creative import Creative
from adserver.creative.money import format_discount
from adserver.creative.options import Option, OptionType
from adserver.creative.preview_page import document_policy
from adserver.creative.samples import Sample, fitted
from adserver.model.decision import Decision
from adserver.model.line_item import OptionValue
from adserver.model.product import Product
from adserver.service.preview_content import Filling, decided_in
from adserver.service.preview_wish import OPTION, BadWishError, Wish
from adserver.service.render_ad import AdData, DataTile
from adserver.tracking.landing import landing_location

PIXEL_PATH = "/preview/seen.gif"
ABOUT_PATH = "/preview/about"

_YES_NO = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


class TooFewError(Exception):
    """The content has fewer products than the creative needs; the text says so."""


class Asked(NamedTuple):
    """What is looked at, as who asks wants it, at ``now`` (seconds since 1970)."""

    filling: Filling
    wish: Wish
    now: float


class Document(NamedTuple):
    """``csp`` is the header that goes with it; ``pictures`` are those it asks for, beside the pixel."""

    html: bytes
    csp: str
    pictures: int


class Describe(Protocol):
    """``RenderAd.data``."""

    def __call__(self, decision: Decision, now: float) -> AdData:
        """The decision as data, with the prices and pictures of the ad."""


class DrawPreview:
    """``base_url`` goes before our own paths, as in ads; pictures and fonts come from there."""

    def __init__(self, describe: Describe, *, base_url: str) -> None:
        self._describe = describe
        self._base_url = base_url

    def __call__(self, asked: Asked, creative: Creative, size: str) -> Document:
        """Raises ``TooFewError``; the creative has the size, and its options were judged."""
        there = _count(asked.filling)
        if there < creative.min_products:
            raise TooFewError(f"{creative.name} needs {creative.min_products} products; there are {there}.")
        count = min(there, creative.max_products(size))
        if asked.filling.sample:
            banner = self._of_sample(asked.filling.sample, creative, size, count, asked.wish)
        else:
            assert asked.filling.decision is not None
            decided = decided_in(asked.filling.decision, creative.name, size, count)
            banner = self._of_decision(decided, creative, asked)
        banner = _with_wishes(banner, asked.wish)
        html = creative.render(banner)
        pictures = sum(tile.picture is not None for tile in banner.tiles)
        return Document(html, document_policy(html, self._base_url), pictures)

    def _of_sample(self, sample: Sample, creative: Creative, size: str, count: int, wish: Wish) -> Banner:
        box = creative.picture_box(size, count) if count else (0, 0)
        return Banner(
            size=size,
            advertiser_name=sample.advertiser_name,
            lang=wish.lang or sample.lang,
            tiles=fitted(sample.tiles[:count], *box, base_url=self._base_url),
            impression_url=self._base_url + PIXEL_PATH,
            why_url=self._base_url + ABOUT_PATH,
            privacy_url=self._base_url + ABOUT_PATH,
            click_url=self._base_url + ABOUT_PATH,
            offer_text=sample.offer_text,
            coupon=sample.coupon,
            because=sample.because,
            color=sample.color,
            options=options_of(creative, wish.options),
        )

    def _of_decision(self, decision: Decision, creative: Creative, asked: Asked) -> Banner:
        wish, now, advertiser = asked.wish, asked.now, decision.advertiser
        advertiser = replace(advertiser, locale=wish.lang or advertiser.locale, color=wish.color or advertiser.color)
        options = {**decision.line_item.options, **options_of(creative, wish.options)}
        decided = decision._replace(advertiser=advertiser, line_item=replace(decision.line_item, options=options))
        data = self._describe(decided, now)
        domains = advertiser.domains
        host = f"[{domains[0]}]" if ":" in domains[0] else domains[0]
        home = landing_location(f"https://{host}/", domains) or self._base_url + ABOUT_PATH
        links = [self._landing(product, domains) for product in decided.products]
        return Banner(
            size=data.size,
            advertiser_name=data.advertiser,
            lang=data.lang,
            tiles=_tiles(data.tiles, links, advertiser.locale),
            impression_url=self._base_url + PIXEL_PATH,
            why_url=self._base_url + ABOUT_PATH,
            privacy_url=self._base_url + ABOUT_PATH,
            click_url=links[0] if links else home,
            offer_text=data.offer_text,
            coupon=data.coupon,
            because=data.because,
            ends_in=max(0, ceil((data.ends_at - now) / 60)) if data.ends_at else None,
            color=data.color,
            options=options,
        )

    def _landing(self, product: Product, domains: Sequence[str]) -> str:
        """The product's page where it is one of the shop's, as a click checks it."""
        return landing_location(product.link, domains) or self._base_url + ABOUT_PATH


def _count(filling: Filling) -> int:
    """Products that there are to be shown."""
    if filling.sample:
        return len(filling.sample.tiles)
    return len(filling.decision.products) if filling.decision else 0


def _tiles(shown: Sequence[DataTile], links: Sequence[str], locale: str) -> tuple[Tile, ...]:
    return tuple(
        [
            Tile(
                title=tile.title,
                price_text=tile.price_text,
                was_price_text=tile.was_price_text,
                discount=tile.discount,
                badge=format_discount(tile.discount, locale),
                picture=tile.picture,
                click_url=link,
            )
            for tile, link in zip(shown, links, strict=True)
        ]
    )


def _with_wishes(banner: Banner, wish: Wish) -> Banner:
    return replace(
        banner,
        because=wish.because or banner.because,
        color=wish.color or banner.color,
        offer_text=wish.offer or banner.offer_text,
        coupon=wish.coupon or banner.coupon,
        ends_in=wish.ends or banner.ends_in,
    )


def judge_options(creatives: Sequence[Creative], given: Mapping[str, str]) -> None:
    """Raises ``BadWishError`` for an option that none of these creatives has, or that does not fit one that has it."""
    known = sorted({name for creative in creatives for name in creative.options})
    for name in given:
        if name not in known:
            raise BadWishError(
                f"{OPTION}{name[:40]}", f"one of the options {', '.join(known)}" if known else "no option"
            )
    for creative in creatives:
        options_of(creative, given)


def options_of(creative: Creative, given: Mapping[str, str]) -> Mapping[str, OptionValue]:
    """Those of ``given`` that the creative has, of their types. Raises ``BadWishError``."""
    return {name: _value(option, given[name]) for name, option in creative.options.items() if name in given}


def _value(option: Option, written: str) -> OptionValue:
    value: object = written
    if option.type is OptionType.YES_NO:
        value = _YES_NO.get(written.lower(), written)
    elif option.type is OptionType.NUMBER:
        value = _number(written)
    if not option.fits(value):
        raise BadWishError(f"{OPTION}{option.name}", option.expected)
    return value  # type: ignore[return-value]  # what fits is of the option's type


def _number(written: str) -> object:
    try:
        number = float(written)
    except ValueError:
        return written
    return int(number) if number.is_integer() else number
