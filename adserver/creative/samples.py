"""Content that banners have to hold: a usual shop's, and whatever else feeds come up with."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from adserver.creative.banner import Picture, Tile
from adserver.creative.money import discount_of, format_discount, format_price

PICTURE_PATH = "/preview/pictures/"
"""Where this server answers with ``SAMPLE_PICTURES``; in a sample's tiles the URLs are root-relative."""


class Sample(NamedTuple):
    """What a banner may be filled with. ``about`` says in a few words what is odd; the rest as in ``Banner``. ``color``
    is the brand's (``#rrggbb``). The pictures have a square box: see ``fitted``."""

    about: str
    lang: str
    advertiser_name: str
    tiles: tuple[Tile, ...]
    offer_text: str = ""
    coupon: str = ""
    color: str = ""
    because: str = "viewed"


def fitted(tiles: tuple[Tile, ...], width: int, height: int, *, base_url: str = "") -> tuple[Tile, ...]:
    """The same tiles with pictures for a box of so many CSS pixels, their URLs behind ``base_url``."""
    return tuple([_fitted(tile, width, height, base_url) for tile in tiles])


def _fitted(tile: Tile, width: int, height: int, base_url: str) -> Tile:
    if tile.picture is None:
        return tile
    url = base_url + tile.picture.url
    return replace(tile, picture=Picture(url, url, width, height))


_Goods = tuple[str, float, float, str]
"""Title, price, former price or 0, name of a picture or nothing."""

_Shelf = tuple[str, str, *tuple[_Goods, ...]]
"""Locale, currency, goods."""


def _tiles(*shelves: _Shelf) -> tuple[Tile, ...]:
    return tuple([_priced(row, locale, currency) for locale, currency, *goods in shelves for row in goods])


def _priced(row: _Goods, locale: str, currency: str) -> Tile:
    title, price, was, picture = row
    url = f"{PICTURE_PATH}{picture}.svg"
    discount = discount_of(round(price * 1_000_000), round(was * 1_000_000))
    return Tile(
        title=title,
        price_text=format_price(round(price * 1_000_000), currency, locale),
        was_price_text=format_price(round(was * 1_000_000), currency, locale) if was else "",
        picture=Picture(url, url, 300, 300) if picture else None,
        click_url="/preview",
        discount=discount,
        badge=format_discount(discount, locale),
    )


_TYPICAL: _Shelf = (
    "en_GB",
    "GBP",
    ("Trail boots, waterproof", 89.0, 119.0, "boot"),
    ("Two-person tent", 249.0, 0, "tent"),
    ("Daypack 22 l", 64.95, 0, "pack"),
    ("Down jacket", 179.0, 0, "jacket"),
    ("Camping lantern", 29.5, 39.5, "lantern"),
    ("Enamel mug", 9.95, 0, "mug"),
)
_GERMAN: _Shelf = (
    "de_DE",
    "EUR",
    ("Donaudampfschifffahrtskapitänsmützenständer aus massiver Eiche, handgeölt", 129.0, 0, "lantern"),
    ("Wasserdichte Wanderstiefel mit Zwischensohlendämpfung und Knöchelschutz, anthrazit", 1_149.9, 1_399.9, "boot"),
    ("Vierjahreszeiten-Expeditionszelt (Geodät) für drei Personen mit zwei Apsiden", 899.95, 0, "tent"),
    ("Kinderfahrradanhängerkupplungsabdeckung", 14.99, 0, "pack"),
    ("Hochleistungsfunktionsunterwäschegarnitur für Damen, Größe XS", 74.5, 0, "jacket"),
    ("Emailletasse „Bergsteigerfrühstück“, spülmaschinengeeignet", 12.0, 15.0, "mug"),
)
_ARABIC: _Shelf = (
    "ar_AE",
    "AED",
    ("حذاء مشي جبلي مقاوم للماء", 349.0, 459.0, "boot"),
    ("خيمة لشخصين خفيفة الوزن مع أرضية مقاومة للماء", 899.0, 0, "tent"),
    ("حقيبة ظهر Daypack 22 لتر", 249.0, 0, "pack"),
    ("سترة شتوية محشوة بالريش", 699.0, 0, "jacket"),
    ("فانوس تخييم LED قابل للشحن", 119.0, 149.0, "lantern"),
    ("كوب مطلي بالمينا", 39.0, 0, "mug"),
)
_JAPANESE: _Shelf = (
    "ja_JP",
    "JPY",
    ("防水トレッキングシューズ メンズ 幅広 4E ハイカット 登山靴【送料無料】", 14_800, 19_800, "boot"),
    ("⛺🏕️ 2人用テント 🌲🔥 ワンタッチ", 32_980, 0, "tent"),
    ("🎒", 6_480, 0, "pack"),
    ("超軽量羽绒服 男女通用 冬季户外保暖外套", 21_000, 0, "jacket"),
    ("캠핑 랜턴 충전식 LED 조명 👨‍👩‍👧‍👦", 4_290, 5_490, "lantern"),
    ("ホーローマグ ☕️ 300ml", 1_980, 0, "mug"),
)
_EXTREMES: tuple[_Shelf, ...] = (
    ("de_DE", "EUR", ("Diamond ring, one of a kind", 1_299_000.0, 1_499_000.0, "lantern")),
    ("en_US", "USD", ("Sticker", 0.99, 0, "mug")),
    ("id_ID", "IDR", ("Tenda dua orang", 18_999_000, 24_999_000, "tent")),
    ("de_CH", "CHF", ("Uhr", 129_500.0, 0, "lantern")),
    ("ja_JP", "JPY", ("登山靴", 1, 0, "boot")),
    ("pl_PL", "PLN", ("Plecak", 12_345.67, 0, "pack")),
    ("ar_KW", "KWD", ("خيمة", 1_234.567, 0, "tent")),
    ("en_IN", "INR", ("Down jacket", 1_299_000.0, 0, "jacket")),
    ("sv_SE", "SEK", ("Mugg", 0.99, 0, "mug")),
    ("pt_BR", "BRL", ("Mochila", 1_299_000.0, 0, "pack")),
)

_MAKERS: Mapping[str, Callable[[], Sample]] = {
    "typical": lambda: Sample("a usual shop", "en-GB", "Northpeak", _tiles(_TYPICAL), color="#0b6b4f"),
    "german": lambda: Sample(
        "long German titles",
        "de-DE",
        "Bergsportausrüstungsfachgeschäft Hintertupfinger & Söhne",
        _tiles(_GERMAN),
        offer_text="Versandkostenfrei ab 50 € und 20 % auf alles außer Tiernahrung",
        coupon="BERGFRÜHLING20",
        color="#7a1f2b",
        because="cart",
    ),
    "rtl": lambda: Sample(
        "right to left",
        "ar-AE",
        "متجر القمة",
        _tiles(_ARABIC),
        offer_text="خصم 10% على طلبك الأول",
        coupon="QIMMA10",
        color="#ffc400",
        because="price_drop",
    ),
    "cjk": lambda: Sample(
        "CJK and emoji",
        "ja-JP",
        "山と道具 🏔️",
        _tiles(_JAPANESE),
        offer_text="本日限り 送料無料 🎁",
        coupon="山2026",
        color="#d6002a",
    ),
    "no_pictures": lambda: Sample(
        "no pictures",
        "en-GB",
        "Northpeak",
        tuple([replace(tile, picture=None) for tile in _tiles(_TYPICAL)]),
        because="recommended",
    ),
    "one_product": lambda: Sample(
        "one product", "fr-FR", "Cimes", _tiles(("fr_FR", "EUR", ("Chaussures de randonnée", 89.0, 119.0, "boot")))
    ),
    "prices": lambda: Sample(
        "price extremes", "en-GB", "Fine & Small", _tiles(*_EXTREMES), color="#f6e7b4", because="recommended"
    ),
}


@cache
def _sample(name: str) -> Sample:
    return _MAKERS[name]()


class _Samples(Mapping[str, Sample]):
    """Each is made when it is first looked at: their prices are written in a dozen languages, whose rules take longer
    to load than all designs."""

    def __getitem__(self, name: str) -> Sample:
        return _sample(name)

    def __contains__(self, name: object) -> bool:
        return name in _MAKERS

    def __iter__(self) -> Iterator[str]:
        return iter(_MAKERS)

    def __len__(self) -> int:
        return len(_MAKERS)


SAMPLES: Mapping[str, Sample] = _Samples()
"""By the name that a query gives; none has more than ten tiles, the first of them as odd as any."""
