"""What the designs are tried with: every size, count and content, one document each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from adserver.creative.banner import Banner, Tile
from adserver.creative.creative import Creative
from adserver.creative.money import format_price
from adserver.creative.options import Option, OptionType
from adserver.creative.samples import SAMPLES, Sample, fitted
from adserver.creative.words import shared_words

FRAMES: Mapping[str, Sequence[tuple[int, int]]] = {
    "fluid": [(320, 250), (200, 50), (640, 120), (250, 480)],
}
"""The frames that a fluid banner is looked at in, in CSS pixels; the other sizes have their own."""


class Exhibit(NamedTuple):
    """One banner. ``products`` is how many it shows, ``content`` says what it is filled with; ``width`` and ``height``
    are its frame's."""

    design: str
    size: str
    products: int
    content: str
    width: int
    height: int
    coupon: str
    html: str

    def __str__(self) -> str:
        frame = f" in {self.width}x{self.height}" if self.size == "fluid" else ""
        return f"{self.design} {self.size}{frame}, {self.products} of {self.content}"


class Content(NamedTuple):
    """A sample with what it does not have: the minutes until its offer ends, and the options. ``counts``: how many
    products, 0 for as many as there is room for; empty for every count."""

    sample: Sample
    ends_in: int | None = None
    options: Mapping[str, Any] = {}
    counts: tuple[int, ...] = ()


_TYPICAL = SAMPLES["typical"]
_FULL = (1, 0)
_WIDE = "W" * 40
_COLOURS = ("#ffff00", "#808080", "#000000", "#ffffff", "#ff00ff", "#767676", "#00e5ff")
_HEBREW = tuple(
    [
        replace(tile, title=title, price_text=format_price(price, "ILS", "he_IL"), was_price_text=was)
        for tile, title, price, was in zip(
            _TYPICAL.tiles,
            ("נעלי הליכה עמידות במים לטיולים ארוכים", "אוהל זוגי", "תרמיל גב 22 ליטר", "מעיל פוך", "פנס", "ספל אמייל"),
            (349_900_000, 899_000_000, 249_000_000, 1_699_000_000, 119_000_000, 39_900_000),
            (format_price(459_900_000, "ILS", "he_IL"), "", "", "", "", ""),
            strict=True,
        )
    ]
)
_OFTEN_WRONG = ("german", "rtl", "cjk", "nothing but the highest prices", "long offer, coupon of 20, days")
_NAMES = (
    ("Donaudampfschifffahrtskapitänsmützen-AG", "nl"),
    ("Elektrofachgeschäft Müller-Lüdenscheidt & Söhne GmbH", "de"),
    ("東京運動靴専門店株式会社オンラインショップ本店春夏秋冬新作モデル送料無料", "ja-JP"),
    ("WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW", "pt"),
    ("👟👟👟 Schuh-Express 24", "fr"),
)


def contents() -> dict[str, Content]:
    """Everything that every design is tried with, by name."""
    prices = SAMPLES["prices"].tiles
    found = {name: Content(sample) for name, sample in SAMPLES.items() if name not in {"prices", "one_product"}}
    found["one product"] = Content(SAMPLES["one_product"], counts=(1,))
    for number in range(len(prices)):
        turned = SAMPLES["prices"]._replace(tiles=(prices[number:] + prices[:number])[:6])
        found[f"prices from the {number + 1}."] = Content(turned, counts=_FULL if number % 3 else ())
    much = [replace(tile, price_text=prices[0].price_text, was_price_text=prices[0].was_price_text) for tile in prices]
    found["nothing but the highest prices"] = Content(SAMPLES["prices"]._replace(tiles=tuple(much)))
    found["hebrew"] = Content(
        _TYPICAL._replace(lang="he-IL", advertiser_name="חנות הספרים של ירושלים העתיקה והחדשה", tiles=_HEBREW)
    )
    wide = tuple([replace(tile, title=f"🎧🎧🔥 {_WIDE}{_WIDE}") for tile in _TYPICAL.tiles])
    found["one endless word"] = Content(_TYPICAL._replace(tiles=wide), counts=_FULL)
    for number, (name, lang) in enumerate(_NAMES, 1):
        found[f"long name {number}"] = Content(_TYPICAL._replace(advertiser_name=name, lang=lang), counts=_FULL)
    found |= _offers() | _languages()
    for colour in _COLOURS:
        coloured = _TYPICAL._replace(color=colour, offer_text="Free delivery today", coupon="NORTH10")
        found[f"colour {colour}"] = Content(coloured, ends_in=2_000, counts=(0,))
    for because in ("cart", "price_drop", "viewed", "recommended"):
        found[f"because of {because}"] = Content(_TYPICAL._replace(because=because), counts=_FULL)
    return found


def _offers() -> dict[str, Content]:
    """Of every length, with and without a coupon and an end."""
    text = "Heute noch versandkostenfrei und 20 % auf alle Wanderstiefel, Zelte und Rucksäcke aus dem Sommer 2026"[:100]
    offers = {
        "long offer, long coupon, days": (text, "BERGSTEIGERFRÜHLINGSANGEBOT-2026-HEUTE20", 14_399),
        "long offer, coupon of 20, days": (text, "BERGFRÜHLING-2026-20", 14_399),
        "short offer, coupon, hours": ("10 % off", "NORTH10", 754),
        "offer, minutes": ("10 % off everything today", "", 7),
        "coupon alone": ("", "WWWWWWWWWWWW", None),
        "end alone": ("", "", 1_439),
        "offer alone": (text, "", None),
    }
    return {
        name: Content(
            _TYPICAL._replace(offer_text=offer, coupon=coupon, because="cart"), ends_in=ends, counts=(1, 2, 0)
        )
        for name, (offer, coupon, ends) in offers.items()
    }


def _languages() -> dict[str, Content]:
    """Each that a design has words in, with all of those words on show."""
    found = {}
    for language in shared_words():
        for because in ("cart", "price_drop"):
            sample = _TYPICAL._replace(lang=language, coupon="NORTH10", offer_text="10 %", because=because)
            found[f"words of {language}, {because}"] = Content(sample, ends_in=14_399, counts=_FULL)
    return found


def variants(options: Mapping[str, Option]) -> dict[str, Content]:
    """Every value of a choice, both of a yes and no, the bounds of a number, a text as long as may be."""
    tried: dict[str, list[Any]] = {name: _values(option) for name, option in options.items()}
    sample = _TYPICAL._replace(offer_text="Free delivery", coupon="NORTH10")
    return {
        f"{name} = {str(value)[:20]}": Content(sample, ends_in=754, options={name: value}, counts=_FULL)
        for name, values in tried.items()
        for value in values
    }


def _values(option: Option) -> list[Any]:
    match option.type:
        case OptionType.TEXT:
            words = "Handgefertigte Wanderausrüstung für draußen, seit 1924 aus dem Allgäu, mit Liebe genäht. " * 12
            return ["Gear for the hills", words[: int(option.most)], ("Ü" * 30 + " ")[: int(option.most)]]
        case OptionType.CHOICE:
            return list(option.choices)
        case OptionType.YES_NO:
            return [True, False]
        case OptionType.NUMBER:
            return [option.least, option.most]
        case OptionType.COLOR:
            return ["#ffff00", "#123456"]


def frames_of(size: str) -> Sequence[tuple[int, int]]:
    """Width and height of the frames that a size is looked at in."""
    if size in FRAMES:
        return FRAMES[size]
    width, _, height = size.partition("x")
    return [(int(width), int(height))]


def counts_of(creative: Creative, size: str, content: Content) -> list[int]:
    """How many products; a content that has not so many is shown with what it has."""
    most = min(creative.max_products(size), len(content.sample.tiles))
    least = creative.min_products
    if not content.counts:
        return list(range(least, most + 1)) or [least]
    return sorted({max(least, min(count or most, most)) for count in content.counts})


def everyday(creative: Creative) -> Iterator[tuple[str, Content, list[str]]]:
    """What there is time for every day, as (name, content, sizes): the contents that most often go wrong in all sizes,
    the others in every sixth each, so that every size and every content is there."""
    sizes = sorted(creative.sizes)
    for number, (name, content) in enumerate(contents().items()):
        if name == "typical":
            yield name, content, sizes
        elif name in _OFTEN_WRONG:
            yield name, content._replace(counts=_FULL), sizes
        else:
            yield name, content._replace(counts=content.counts or _FULL), sizes[number % 6 :: 6]


def exhibits(
    creative: Creative, name: str, content: Content, *, url: str, sizes: Sequence[str] = ()
) -> Iterator[Exhibit]:
    """A creative filled with one content, in every size and count. ``url``: of the server of the pictures."""
    for size in sizes or sorted(creative.sizes):
        for count in counts_of(creative, size, content):
            html = creative.render(banner(creative, size, count, content, url=url)).decode()
            for width, height in frames_of(size):
                yield Exhibit(creative.name, size, count, name, width, height, content.sample.coupon, html)


def banner(creative: Creative, size: str, count: int, content: Content, *, url: str) -> Banner:
    """One banner of a content's first ``count`` products."""
    sample = content.sample
    tiles: tuple[Tile, ...] = sample.tiles[:count]
    if count:
        width, height = creative.picture_box(size, count)
        tiles = fitted(tiles, width, height, base_url=url)
    return Banner(
        size=size,
        advertiser_name=sample.advertiser_name,
        lang=sample.lang,
        tiles=tiles,
        impression_url=f"{url}/i/token",
        why_url=f"{url}/why/token",
        click_url=f"{url}/c/token",
        offer_text=sample.offer_text,
        coupon=sample.coupon,
        privacy_url=f"{url}/privacy",
        color=sample.color,
        because=sample.because if count else "",
        ends_in=content.ends_in,
        options=content.options,
    )
