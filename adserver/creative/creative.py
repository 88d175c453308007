"""One design, compiled."""

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from jinja2 import Template
from markupsafe import Markup, escape

from adserver.creative.banner import Banner, Tile

LONG_PRICE = 10
"""Characters; a banner with a price longer than this carries the class ``long`` and shows prices smaller."""


class Labels(NamedTuple):
    """The banner's own words: the mark that it is an ad, the button, the name of the privacy link; a line of invitation
    where the creative has one."""

    ad: str
    action: str
    privacy: str
    line: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A banner without its products: what is the same for many decisions. ``count`` products, one of whose prices is
    long (``long_prices``); the rest as in Banner. TOKEN may stand in its URLs, for what each decision has anew."""

    size: str
    count: int
    long_prices: bool
    advertiser_name: str
    lang: str
    impression_url: str
    why_url: str
    offer_text: str = ""
    coupon: str = ""


Cut = tuple[bytes, ...]
"""Markup around one URL, cut where the URL stands: ``url.join(cut)``."""


class Halves(NamedTuple):
    """What stands before and after the products, each cut where TOKEN stands.

    ``linked``: CLICK still stands where the click URL of the whole banner goes.
    """

    before: Cut
    after: Cut
    linked: bool


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

    __slots__ = ("_banner", "_boxes", "_heads", "_labels", "_most", "_product", "csp", "min_products", "name", "sizes")

    def __init__(
        self,
        *,
        name: str,
        min_products: int,
        max_products: Mapping[str, int],
        boxes: Mapping[str, Sequence[tuple[int, int]]],
        origin: str,
        labels: Mapping[str, Labels],
        css: Mapping[str, str],
        banner: Template,
        product: Template | None,
    ) -> None:
        """``max_products``, ``css`` (without ``<``) and ``boxes`` by size: the room for a picture, in CSS pixels, in a
        banner of the fewest products, of one more, and so on. ``labels`` by language, ``en`` among them. ``origin`` is
        where pictures come from (``https://ads.example``), empty where it is not known."""
        self.name = name
        self.sizes = frozenset(max_products)
        self.min_products = min_products
        self._most = dict(max_products)
        self._boxes = dict(boxes)
        self._labels = dict(labels)
        self._banner = banner.render
        self._product = product.render if product else None
        digests = {size: _digest(style) for size, style in css.items()}
        # ``base-uri`` and ``frame-ancestors`` are left to the caller: a publisher's tag may set a base.
        self.csp = _policy(digests.values(), origin or "'self'")
        """The documents' Content-Security-Policy, of all sizes, for a header."""
        # Both are this installation's own text. The policy's quotes are single ones and end no attribute.
        self._heads = {
            # In the frame that a publisher's tag makes, 'self' would be the publisher.
            size: (Markup(_policy([digests[size]], origin or "https: http:")), Markup(style))  # noqa: S704
            for size, style in css.items()
        }

    def max_products(self, size: str) -> int:
        """How many tiles a size holds; ``KeyError`` for a size that is not in ``sizes``."""
        return self._most[size]

    def picture_box(self, size: str, count: int) -> tuple[int, int]:
        """Width and height, in CSS pixels, of the room for a picture in a banner of ``count`` products."""
        return self._boxes[size][count - self.min_products]

    def render(self, banner: Banner) -> bytes:
        """One UTF-8 HTML document. Tiles beyond ``max_products`` are left out, the oldest first.

        Raises ``ValueError`` for a size that is not in ``sizes``, or fewer tiles than ``min_products``.
        """
        most = self._most.get(banner.size)
        if most is None:
            raise ValueError(f"creative {self.name} has no size {banner.size[:20]!r}")
        tiles = banner.tiles[:most]
        if len(tiles) < self.min_products:
            raise ValueError(f"creative {self.name} needs {self.min_products} products, got {len(tiles)}")
        before, after, linked = self.frame(
            Frame(
                size=banner.size,
                count=len(tiles),
                long_prices=any(is_long(tile) for tile in tiles),
                advertiser_name=banner.advertiser_name,
                lang=banner.lang,
                impression_url=banner.impression_url,
                why_url=banner.why_url,
                offer_text=banner.offer_text,
                coupon=banner.coupon,
            )
        )
        products = [_in_attribute(tile.click_url).join(self.fragment(tile, banner.lang)) for tile in tiles]
        html = b"".join((*before, *products, *after))
        return _in_attribute(banner.click_url).join(html.split(CLICK)) if linked else html

    def frame(self, frame: Frame) -> Halves:
        """The banner without its products and its URLs."""
        csp, css = self._heads[frame.size]
        document = self._banner(
            size=frame.size,
            count=frame.count,
            long_prices=frame.long_prices,
            advertiser_name=frame.advertiser_name,
            lang=frame.lang,
            labels=self._words(frame.lang),
            products=_PRODUCTS,
            impression_url=_with_token(frame.impression_url),
            click_url=_CLICK,
            why_url=_with_token(frame.why_url),
            offer_text=frame.offer_text,
            coupon=frame.coupon,
            csp=csp,
            css=css,
        )
        before, after = document.split(_PRODUCTS) if self._product else (document, "")
        return Halves(_cut(before, _TOKEN), _cut(after, _TOKEN), _CLICK in document)

    def fragment(self, tile: Tile, lang: str) -> Cut:
        """One product, cut where its click URL stands; the tile's own click URL is not looked at."""
        if self._product is None:
            raise ValueError(f"creative {self.name} shows no products")
        return _cut(self._product(tile=tile, click_url=_CLICK, labels=self._words(lang)), _CLICK)

    def _words(self, lang: str) -> Labels:
        return self._labels.get(lang.partition("-")[0].lower()) or self._labels["en"]


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


def _policy(digests: Iterable[str], images: str) -> str:
    styles = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; img-src {images}; style-src {styles}; form-action 'none'"
