"""One design, compiled."""

import base64
import hashlib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType, SimpleNamespace
from typing import NamedTuple

from jinja2 import Template
from markupsafe import Markup, escape

from adserver.creative.banner import Banner, Picture, Tile
from adserver.creative.colors import palette
from adserver.creative.manifest import FLUID, Manifest
from adserver.creative.options import OptionType, resolved
from adserver.creative.outline import BrokenMarkupError, outline_of
from adserver.creative.sheet import Sheet
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


MAX_STYLES = 512
"""Style sheets that a design holds ready, about 5 KB each; then all are dropped."""

# No value of a banner can contain these: whatever comes from outside is escaped.
_CLICK, _TOKEN, _PRODUCTS = Markup("<click>"), Markup("<token>"), Markup("<products>")
_POLICY, _STYLE = Markup("<policy>"), Markup("<rules>")
_MADE_OF = re.compile(r"""<(/?[A-Za-z][\w-]*)|\b((?:class|dir)\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>]+))""", re.IGNORECASE)
_ROOM = re.compile(r"\s*\n\s*")
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
        "_outlines",
        "_product",
        "_source",
        "_speech",
        "_style_of",
        "_styles",
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
        style_of: Callable[[str], Sheet],
        banner: Template,
        product: Template | None,
        source: str = "",
        uses: Collection[str] = (),
        fonts: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        """``style_of``: the style sheet of a size, without ``<``; ``source``: the text of the product's template;
        ``fonts``: URLs that each banner loads, by size.

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
        self._source = source
        self._origin = origin
        self._fonts = fonts
        self._speech: dict[str, _Speech] = {}
        self._styles: dict[object, str] = {}
        self._outlines: dict[object, tuple[tuple[str, ...], object]] = {}

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
            csp=_POLICY,
            css=_STYLE,
        )
        css = self._style(frame, document)
        digest = _digest(css)
        # Both are this installation's own text. The policy's quotes are single ones and end no attribute. In the frame
        # that a publisher's tag makes, 'self' would be the publisher.
        policy = self._policy(frame.size, digest, self._origin or "https: http:")
        document = _without_room(document.replace(_POLICY, policy).replace(_STYLE, css))
        before, after = document.split(_PRODUCTS) if self._product else (document, "")
        csp = self._policy(frame.size, digest, self._origin or "'self'")
        return Halves(_cut(before, _TOKEN), _cut(after, _TOKEN), _CLICK in document, csp)

    def fragment(self, tile: Tile, lang: str, options: Mapping[str, OptionValue]) -> Cut:
        """One product, cut where its click URL stands; the tile's own click URL is not looked at. ``options`` hold all
        that the design has."""
        if self._product is None:
            raise ValueError(f"creative {self.name} shows no products")
        words = self._speak(lang).spoken
        product = self._product(tile=tile, click_url=_CLICK, words=words, options=SimpleNamespace(**options))
        return _cut(_without_room(product), _CLICK)

    def _speak(self, lang: str) -> "_Speech":
        language = language_of(lang)
        speech = self._speech.get(language)
        if speech is None:
            if len(self._speech) >= MAX_LANGUAGES:
                self._speech = {}
            words = words_of(language, self.manifest.labels)
            speech = self._speech[language] = _Speech(words, SimpleNamespace(**words), direction(language))
        return speech

    def _style(self, frame: Frame, document: str) -> str:
        """What matters to this banner. It is the same for all with the same elements."""
        told = self._told(frame)
        fragments, made_of = self._samples(frame.options)
        key = frame.size, made_of, frozenset(told), tuple(_MADE_OF.findall(document))
        css = self._styles.get(key)
        if css is None:
            try:
                outline = outline_of(document, fragments, self._source)
            except BrokenMarkupError:
                outline = ()
            if len(self._styles) >= MAX_STYLES:
                self._styles = {}
            css = self._styles[key] = self._style_of(frame.size).cut(outline, told)
        heard = [f"{name}:{value}" for name, value in told.items() if name == "--accent" or f"var({name}" in css]
        return f":root{{{';'.join(heard)}}}{css}"

    def _samples(self, options: Mapping[str, OptionValue]) -> tuple[tuple[str, ...], object]:
        """Products as they may be, and a key for what they are made of."""
        if self._product is None:
            return (), None
        given = tuple(options.items())
        found = self._outlines.get(given)
        if found is None:
            if len(self._outlines) >= MAX_STYLES:
                self._outlines = {}
            fragments = tuple([b"/".join(self.fragment(tile, "", options)).decode() for tile in _SAMPLES])
            made_of = tuple([tuple(_MADE_OF.findall(fragment)) for fragment in fragments])
            found = self._outlines[given] = fragments, made_of
        return found

    def _told(self, frame: Frame) -> dict[str, str]:
        """What the style sheet is told: colours and numbers, which can end no rule."""
        accent = str(frame.options.get(ACCENT) or frame.color)
        found = palette(accent)
        told = {"--accent": found.accent, "--on-accent": found.on_accent, "--accent-text": found.accent_text}
        told["--ends"] = str(frame.ends_in or 0)
        for name, option in self.options.items():
            value, variable = frame.options[name], f"--{name.replace('_', '-')}"
            if option.type is OptionType.NUMBER:
                told[variable] = str(value)
            elif option.type is OptionType.COLOR and value and name != ACCENT:
                shade = palette(str(value))
                told |= {variable: shade.accent, f"--on{variable[1:]}": shade.on_accent}
        return told

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


# A product with everything, and with as little as may be.
_SAMPLES = tuple(
    Tile(
        title="A",
        price_text="1",
        was_price_text=was,
        discount=50 if was else 0,
        badge=was,
        picture=picture,
        click_url="/",
    )
    for was in ("2", "")
    for picture in (Picture("/1", "/2", 8, 8), None)
)


def _without_room(markup: str) -> str:
    """Browsers read any room between elements as one space."""
    return _ROOM.sub("\n", str(markup))


def _with_token(url: str) -> Markup:
    return _TOKEN.join(escape(part) for part in url.split(TOKEN))


def _cut(markup: str, where: str) -> Cut:
    # Half a surrogate pair in a feed is no reason to lose the ad.
    return tuple(str(markup).encode("utf-8", "replace").split(where.encode()))


def _in_attribute(url: str) -> bytes:
    return str(escape(url)).encode("utf-8", "replace")


def _digest(css: str) -> str:
    return base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
