"""One design, compiled."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from jinja2 import Template
from markupsafe import Markup

from adserver.creative.banner import Banner

LONG_PRICE = 10
"""Characters; a banner with a price longer than this carries the class ``long`` and shows prices smaller."""


class Labels(NamedTuple):
    """The banner's own words: the mark that it is an ad, the button, the name of the privacy link."""

    ad: str
    action: str
    privacy: str


class Creative:
    """A template with its style sheets. It never changes; ``render`` is a pure function of its banner."""

    __slots__ = ("_heads", "_labels", "_most", "_policies", "_render", "min_products", "name", "sizes")

    def __init__(
        self,
        *,
        name: str,
        min_products: int,
        max_products: Mapping[str, int],
        labels: Mapping[str, Labels],
        css: Mapping[str, str],
        template: Template,
    ) -> None:
        """``max_products`` and ``css`` (without ``<``) by size; ``labels`` by language, ``en`` among them."""
        self.name = name
        self.sizes = frozenset(max_products)
        self.min_products = min_products
        self._most = dict(max_products)
        self._labels = dict(labels)
        self._render = template.render
        digests = {size: _digest(style) for size, style in css.items()}
        self._policies = {insecure: _policy(digests.values(), insecure=insecure) for insecure in (False, True)}
        # Both are this installation's own text. The policy's quotes are single ones and end no attribute.
        self._heads = {
            (size, insecure): (Markup(_policy([digests[size]], insecure=insecure)), Markup(style))  # noqa: S704
            for size, style in css.items()
            for insecure in (False, True)
        }

    def max_products(self, size: str) -> int:
        """How many tiles a size holds; ``KeyError`` for a size that is not in ``sizes``."""
        return self._most[size]

    def csp(self, insecure_images: bool) -> str:
        """The documents' Content-Security-Policy, of all sizes, for a header.

        ``base-uri`` and ``frame-ancestors`` are left to the caller: a publisher's tag may set a base.
        """
        return self._policies[insecure_images]

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
        insecure = banner.insecure_images
        csp, css = self._heads[banner.size, insecure]
        return self._render(
            size=banner.size,
            count=len(tiles),
            advertiser_name=banner.advertiser_name,
            lang=banner.lang,
            labels=self._labels.get(banner.lang.partition("-")[0].lower()) or self._labels["en"],
            tiles=[(tile, tile.picture(insecure)) for tile in tiles],
            long_prices=max([len(tile.price_text) for tile in tiles]) > LONG_PRICE,
            impression_url=banner.impression_url,
            privacy_url=banner.privacy_url,
            csp=csp,
            css=css,
        ).encode("utf-8", "replace")  # half a surrogate pair in a feed is no reason to lose the ad


def _digest(css: str) -> str:
    return base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()


def _policy(digests: Iterable[str], *, insecure: bool) -> str:
    images = "https: data: http:" if insecure else "https: data:"
    styles = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; img-src {images}; style-src {styles}; form-action 'none'"
