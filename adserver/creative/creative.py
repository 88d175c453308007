"""One design, compiled."""

import base64
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType, SimpleNamespace
from typing import NamedTuple

from jinja2 import Template
from markupsafe import Markup, escape

from adserver.creative.banner import Banner, Tile
from adserver.creative.colors import palette
from adserver.creative.manifest import FLUID, Manifest
from adserver.creative.options import OptionType, resolved
from adserver.creative.words import Words, direction, language_of, time_left, words_of
from adserver.model.line_item import OptionValue

LONG_PRICE = 10
"""Characters; a banner with a price longer than this carries the class ``long`` and shows prices smaller."""

MAX_LANGUAGES = 256
"""Whose words a design holds ready; more than there are, but a preview takes any that somebody writes. Then all are
dropped."""

ACCENT = "accent"
"""The option that says the brand's colour instead of the advertiser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A banner without its products: what is the same for many decisions. ``count`` products, one of whose prices is
    long (``long_prices``), the largest reduction ``discount`` percent; the rest as in Banner, but ``options`` hold all
    that the design has. TOKEN may stand in its URLs, for what each decision has anew."""

    size: str
    count: int
    long_prices: bool
    advertiser_name: str
    lang: str
    impression_url: str
    why_url: str
    privacy_url: str = "/privacy"
    offer_text: str = ""
    coupon: str = ""
    ends_in: int | None = None
    because: str = ""
    discount: int = 0
    color: str = ""
    options: Mapping[str, OptionValue] = field(default_factory=dict)


Cut = tuple[bytes, ...]
"""Markup around one URL, cut where the URL stands: ``url.join(cut)``."""


class Halves(NamedTuple):
    """What stands before and after the products, each cut where TOKEN stands.

    ``linked``: CLICK still stands where the click URL of the whole banner goes. ``csp``: the document's
    Content-Security-Policy, for a header; ``base-uri`` and ``frame-ancestors`` are left to the caller: a publisher's
    tag may set a base.
    """

    before: Cut
    after: Cut
    linked: bool
    csp: str


# No value of a banner can contain these: whatever comes from outside is escaped.
_CLICK, _TOKEN, _PRODUCTS = Markup("<click>"), Markup("<token>"), Markup("<products>")
CLICK = _CLICK.encode()
TOKEN = str(_TOKEN)


class Creative:
    """Two templates, of the banner and of one product in it, with their style sheets. It never changes; ``render`` is a
    pure function of its banner. One that holds no products has no second template.

    ``frame`` and ``fragment`` are the halves of ``render``, for callers that keep them: the template is only run for
    what was not there before.
    """

    __slots__ = (
        "_banner",
        "_fonts",
        "_origin",
        "_product",
        "_speech",
        "_style_of",
        "about",
        "manifest",
        "min_products",
        "name",
        "options",
        "shows_discount",
        "sizes",
    )

    def __init__(
        self,
        manifest: Manifest,
        *,
        origin: str,
        style_of: Callable[[str], str],
        banner: Template,
        product: Template | None,
        uses: Collection[str] = (),
        fonts: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        """``style_of``: the style sheet of a size, without ``<``; ``fonts``: URLs that each banner loads, by size.

        ``origin`` is where pictures and fonts come from (``https://ads.example``), empty where it is not known.
        ``uses``: the variables that the banner's template names.
        """
        self.manifest = manifest
        self.name = manifest.name
        self.about = manifest.about
        self.sizes = frozenset(manifest.sizes)
        self.options = manifest.options
        self.min_products = manifest.min_products
        self.shows_discount = "discount" in uses
        """Whether frames differ by the largest discount."""
        self._style_of = style_of
        self._banner = banner.render
        self._product = product.render if product else None
        self._origin = origin
        self._fonts = fonts
        self._speech: dict[str, _Speech] = {}

    def max_products(self, size: str) -> int:
        """How many tiles a size holds; ``KeyError`` for a size that is not in ``sizes``."""
        return self.manifest.max_products[size]

    def picture_box(self, size: str, count: int) -> tuple[int, int]:
        """Width and height, in CSS pixels, of the room for a picture in a banner of ``count`` products."""
        return self.manifest.boxes[size][count - self.min_products]

    def words(self, lang: str) -> Words:
        """Its words in a language, English where that is not known."""
        return self._speak(lang).words

    def resolved(self, given: Mapping[str, OptionValue]) -> Mapping[str, OptionValue]:
        """The value of each of its options: the given one where it fits, else the default."""
        return resolved(self.options, given)

    def render(self, banner: Banner) -> bytes:
        """One UTF-8 HTML document. Tiles beyond ``max_products`` are left out, the oldest first.

        Raises ``ValueError`` for a size that is not in ``sizes``, or fewer tiles than ``min_products``.
        """
        most = self.manifest.max_products.get(banner.size)
        if most is None:
            raise ValueError(f"creative {self.name} has no size {banner.size[:20]!r}")
        tiles = banner.tiles[:most]
        if len(tiles) < self.min_products:
            raise ValueError(f"creative {self.name} needs {self.min_products} products, got {len(tiles)}")
        options = self.resolved(banner.options)
        before, after, linked, _ = self.frame(
            Frame(
                size=banner.size,
                count=len(tiles),
                long_prices=any(is_long(tile) for tile in tiles),
                advertiser_name=banner.advertiser_name,
                lang=banner.lang,
                impression_url=banner.impression_url,
                why_url=banner.why_url,
                privacy_url=banner.privacy_url,
                offer_text=banner.offer_text,
                coupon=banner.coupon,
                ends_in=banner.ends_in,
                because=banner.because if tiles else "",
                discount=max((tile.discount for tile in tiles), default=0),
                color=banner.color,
                options=options,
            )
        )
        products = [_in_attribute(tile.click_url).join(self.fragment(tile, banner.lang, options)) for tile in tiles]
        html = b"".join((*before, *products, *after))
        return _in_attribute(banner.click_url).join(html.split(CLICK)) if linked else html

    def frame(self, frame: Frame) -> Halves:
        """The banner without its products and its URLs."""
        speech = self._speak(frame.lang)
        width, _, height = ("0", "", "0") if frame.size == FLUID else frame.size.partition("x")
        css = self._colors(frame) + self._style_of(frame.size)
        digest = _digest(css)
        why_url = _with_token(frame.why_url)
        document = self._banner(
            size=frame.size,
            width=int(width),
            height=int(height),
            count=frame.count,
            long_prices=frame.long_prices,
            advertiser_name=frame.advertiser_name,
            lang=frame.lang,
            dir=speech.dir,
            words=speech.spoken,
            options=SimpleNamespace(**frame.options),
            because=frame.because,
            discount=frame.discount,
            offer_text=frame.offer_text,
            coupon=frame.coupon,
            ends_in=frame.ends_in,
            ends_text="" if frame.ends_in is None else time_left(frame.ends_in, speech.words),
            products=_PRODUCTS,
            impression_url=_with_token(frame.impression_url),
            click_url=_CLICK,
            why_url=why_url,
            hide_url=why_url + "#hide" if self._product else "",
            privacy_url=frame.privacy_url,
            fonts=self._fonts.get(frame.size, ()),
            # Both are this installation's own text. The policy's quotes are single ones and end no attribute. In the
            # frame that a publisher's tag makes, 'self' would be the publisher.
            csp=Markup(self._policy(frame.size, digest, self._origin or "https: http:")),  # noqa: S704
            css=Markup(css),  # noqa: S704
        )
        before, after = document.split(_PRODUCTS) if self._product else (document, "")
        csp = self._policy(frame.size, digest, self._origin or "'self'")
        return Halves(_cut(before, _TOKEN), _cut(after, _TOKEN), _CLICK in document, csp)

    def fragment(self, tile: Tile, lang: str, options: Mapping[str, OptionValue]) -> Cut:
        """One product, cut where its click URL stands; the tile's own click URL is not looked at. ``options`` hold all
        that the design has."""
        if self._product is None:
            raise ValueError(f"creative {self.name} shows no products")
        words = self._speak(lang).spoken
        return _cut(self._product(tile=tile, click_url=_CLICK, words=words, options=SimpleNamespace(**options)), _CLICK)

    def _speak(self, lang: str) -> "_Speech":
        language = language_of(lang)
        speech = self._speech.get(language)
        if speech is None:
            if len(self._speech) >= MAX_LANGUAGES:
                self._speech = {}
            words = words_of(language, self.manifest.labels)
            speech = self._speech[language] = _Speech(words, SimpleNamespace(**words), direction(language))
        return speech

    def _colors(self, frame: Frame) -> str:
        """What the style sheet is told: colours and numbers, which can end no rule."""
        accent = str(frame.options.get(ACCENT) or frame.color)
        found = palette(accent)
        told = [f"--accent:{found.accent}", f"--on-accent:{found.on_accent}", f"--accent-text:{found.accent_text}"]
        told.append(f"--ends:{0 if frame.ends_in is None else frame.ends_in}")
        for name, option in self.options.items():
            value, variable = frame.options[name], f"--{name.replace('_', '-')}"
            if option.type is OptionType.NUMBER:
                told.append(f"{variable}:{value}")
            elif option.type is OptionType.COLOR and value and name != ACCENT:
                shade = palette(str(value))
                told += [f"{variable}:{shade.accent}", f"--on{variable[1:]}:{shade.on_accent}"]
        return f":root{{{';'.join(told)}}}"

    def _policy(self, size: str, digest: str, sources: str) -> str:
        fonts = f" font-src {sources};" if self._fonts.get(size) else ""
        return f"default-src 'none'; img-src {sources};{fonts} style-src 'sha256-{digest}'; form-action 'none'"


class _Speech(NamedTuple):
    """One language: its words, the same for templates, and its direction."""

    words: Words
    spoken: SimpleNamespace
    dir: str


def is_long(tile: Tile) -> bool:
    """Whether the tile's price makes its banner show all prices smaller."""
    return len(tile.price_text) > LONG_PRICE


def _with_token(url: str) -> Markup:
    return _TOKEN.join(escape(part) for part in url.split(TOKEN))


def _cut(markup: str, where: str) -> Cut:
    # Half a surrogate pair in a feed is no reason to lose the ad.
    return tuple(str(markup).encode("utf-8", "replace").split(where.encode()))


def _in_attribute(url: str) -> bytes:
    return str(escape(url)).encode("utf-8", "replace")


def _digest(css: str) -> str:
    return base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
