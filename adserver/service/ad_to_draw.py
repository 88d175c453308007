"""What of an ad can be seen in a picture of it."""

from functools import lru_cache

from adserver.creative.banner import Banner, Tile
from adserver.creative.colors import palette
from adserver.creative.creative import Creative
from adserver.creative.money import format_discount
from adserver.creative.raster.banner_picture import BannerPicture, Kind, PictureTile
from adserver.creative.said import said_in
from adserver.creative.words import time_left
from adserver.service.render_ad import AdData, DataTile

_badge = lru_cache(4_096)(format_discount)
_HOUR, _DAY = 60, 1_440


def ad_to_draw(data: AdData, kind: Kind, density: int, now: float) -> BannerPicture:
    """All but the pictures of the products, and what ``worded`` adds."""
    words, colors = data.words, palette(data.color)
    minutes = max(0, data.ends_at - int(now)) // 60 if data.ends_at else 0
    return BannerPicture(
        creative=data.creative,
        size=data.size,
        density=density,
        kind=kind,
        lang=data.lang,
        dir=data.dir,
        advertiser_name=data.advertiser,
        because=data.because,
        headline="",
        offer_text=data.offer_text,
        coupon=data.coupon,
        ends_text=f"{words['ends']} {time_left(_whole(minutes), words)}" if data.ends_at else "",
        action=words["action"],
        ad_label=words["ad"],
        accent=colors.accent,
        on_accent=colors.on_accent,
        accent_text=colors.accent_text,
        tiles=tuple([_tile(tile, data.lang) for tile in data.tiles]),
    )


def worded(banner: BannerPicture, data: AdData, creative: Creative, now: float) -> BannerPicture:
    """With the words that the design itself puts over products and on the button, taken from its HTML."""
    document = creative.render(
        Banner(
            size=data.size,
            advertiser_name=data.advertiser,
            lang=data.lang,
            tiles=tuple([_as_tile(tile, data.lang) for tile in data.tiles]),
            impression_url="/",
            why_url="/",
            offer_text=data.offer_text,
            coupon=data.coupon,
            because=data.because,
            ends_in=max(0, data.ends_at - int(now)) // 60 if data.ends_at else None,
            color=data.color,
            options=data.options,
        )
    ).decode()
    headline, line, action = (said_in(document, name) for name in ("headline", "line", "action"))
    return banner._replace(headline=headline, line=line, action=action or banner.action)


def _whole(minutes: int) -> int:
    """Whole days, or whole hours of the last day: a picture is looked at for longer than a banner is, and one that says
    too little time is no lie. It also has to be drawn anew less often."""
    unit = _DAY if minutes >= _DAY else _HOUR if minutes >= _HOUR else 1
    return minutes - minutes % unit


def _tile(tile: DataTile, lang: str) -> PictureTile:
    return PictureTile(
        title=tile.title,
        price_text=tile.price_text,
        was_price_text=tile.was_price_text,
        badge=_badge(tile.discount, lang),
        letter=tile.letter,
    )


def _as_tile(tile: DataTile, lang: str) -> Tile:
    return Tile(
        title=tile.title,
        price_text=tile.price_text,
        was_price_text=tile.was_price_text,
        discount=tile.discount,
        badge=_badge(tile.discount, lang),
        click_url="/",
    )
