"""A decision becomes a banner: tokens minted, prices written out, markup rendered."""

from collections.abc import Mapping
from typing import NamedTuple

from adserver.creative.banner import Tile
from adserver.creative.creative import CLICK, Creative, Cut, Frame, Halves, is_long
from adserver.creative.money import format_price
from adserver.model.account import Advertiser
from adserver.model.decision import Decision
from adserver.model.product import Product
from adserver.model.snapshot import Snapshot
from adserver.tracking.landing import landing_location
from adserver.tracking.token import TokenKind, Tokens, token_head, token_tail

MAX_KEPT = 40_000
"""Products in placements that are kept, about 1 KB each; when there are more, all are dropped and made anew."""

_FRAME_WEIGHT = 8
"""A frame holds the style sheet."""


class Ad(NamedTuple):
    """A rendered ad. ``csp`` is the Content-Security-Policy it needs when it is a document of its own."""

    placement: str
    width: int
    height: int
    html: bytes
    csp: str


class RenderAd:
    """``base_url`` (``https://ads.example``, or empty for root-relative URLs) goes before our own paths.

    ``insecure_images``: pictures over plain HTTP may be shown, as where the server itself runs without TLS.

    What decisions have in common is made once and kept: a product in a placement, and the frame around the products;
    only the tokens are new each time.
    """

    def __init__(
        self,
        creatives: Mapping[str, Creative],
        tokens: Tokens,
        *,
        base_url: str,
        insecure_images: bool,
        impression_ttl_s: int,
        click_ttl_s: int,
    ) -> None:
        self._creatives = creatives
        self._tokens = tokens
        self._base_url = base_url
        self._insecure_images = insecure_images
        self._impression_ttl_s = impression_ttl_s
        self._click_ttl_s = click_ttl_s
        self._shelves: dict[tuple[str, str], _Shelf] = {}
        self._kept = 0

    def __call__(self, decision: Decision, now: float) -> Ad:
        """The banner of one decision at ``now`` (seconds since 1970 UTC)."""
        shelf = self._shelf(decision)
        goods = [self._good(shelf, product) for product in decision.products]
        sign, base_url = self._tokens.sign, self._base_url
        click = token_head(TokenKind.CLICK, int(now) + self._click_ttl_s, decision.id)
        clicks = [f"{base_url}/c/{sign(click, good.tail)}".encode().join(good.markup) for good in goods]
        head = token_head(TokenKind.IMPRESSION, int(now) + self._impression_ttl_s, decision.id)
        seen = f"{base_url}/i/{sign(head, shelf.tail)}".encode()
        before, after, linked = self._frame(shelf, len(goods), any(good.long_price for good in goods))
        html = b"".join((seen.join(before), *clicks, seen.join(after)))
        if linked:
            html = f"{base_url}/c/{sign(click, shelf.home_tail)}".encode().join(html.split(CLICK))
        return Ad(decision.placement.id, shelf.width, shelf.height, html, shelf.csp)

    def _shelf(self, decision: Decision) -> "_Shelf":
        """What is kept for this line item in this placement; anew when the accounts have changed."""
        key = decision.line_item.id, decision.placement.id
        shelf = self._shelves.get(key)
        if shelf is None or not shelf.is_of(decision):
            if self._kept > MAX_KEPT:
                self._shelves, self._kept = {}, 0
            creative = self._creatives[decision.line_item.creative]
            shelf = self._shelves[key] = _Shelf(decision, creative, creative.csp(self._insecure_images))
        return shelf

    def _good(self, shelf: "_Shelf", product: Product) -> "_Good":
        good = shelf.goods.get(product.id)
        if good is None or good.product is not product:
            price, was_price = _prices(product, shelf.advertiser)
            tile = Tile(
                title=product.title,
                price_text=price,
                was_price_text=was_price,
                image_url=product.image_link,
                click_url="/",
            )
            url = landing_location(product.link, shelf.advertiser.domains) or ""
            tail = token_tail(shelf.advertiser.id, shelf.line_item.id, shelf.placement.id, product.id, url)
            markup = shelf.creative.fragment(tile, shelf.lang, self._insecure_images)
            good = shelf.goods[product.id] = _Good(product, markup, tail, is_long(tile))
            self._kept += 1
        return good

    def _frame(self, shelf: "_Shelf", count: int, long_prices: bool) -> Halves:
        frame = shelf.frames.get((count, long_prices))
        if frame is None:
            frame = shelf.frames[count, long_prices] = shelf.creative.frame(
                Frame(
                    size=shelf.placement.size,
                    count=count,
                    long_prices=long_prices,
                    advertiser_name=shelf.advertiser.name,
                    lang=shelf.lang,
                    privacy_url=f"{self._base_url}/privacy",
                    insecure_images=self._insecure_images,
                )
            )
            self._kept += _FRAME_WEIGHT
        return frame


class _Good(NamedTuple):
    """A product, ready but for its click URL."""

    product: Product
    markup: Cut
    tail: str
    long_price: bool


class _Shelf:
    """What is kept for one line item in one placement."""

    __slots__ = (
        "advertiser",
        "creative",
        "csp",
        "frames",
        "goods",
        "height",
        "home_tail",
        "lang",
        "line_item",
        "placement",
        "tail",
        "width",
    )

    def __init__(self, decision: Decision, creative: Creative, csp: str) -> None:
        self.creative = creative
        self.csp = csp
        self.advertiser = decision.advertiser
        self.line_item = decision.line_item
        self.placement = decision.placement
        self.lang = decision.advertiser.locale.replace("_", "-")
        width, _, height = decision.placement.size.partition("x")
        self.width, self.height = int(width), int(height)
        self.tail = token_tail(self.advertiser.id, self.line_item.id, self.placement.id)
        self.home_tail = token_tail(
            self.advertiser.id, self.line_item.id, self.placement.id, url=_home(self.advertiser.domains)
        )
        self.goods: dict[str, _Good] = {}
        self.frames: dict[tuple[int, bool], Halves] = {}

    def is_of(self, decision: Decision) -> bool:
        """Whether it was made of the same accounts: a new snapshot has new objects."""
        return (
            self.advertiser is decision.advertiser
            and self.line_item is decision.line_item
            and self.placement is decision.placement
        )


def learn_locales(snapshot: Snapshot) -> None:
    """Load how each advertiser's locale writes prices: the first price of a locale costs milliseconds."""
    for advertiser in snapshot.accounts.advertisers.values():
        format_price(0, advertiser.currency, advertiser.locale)


def _home(domains: tuple[str, ...]) -> str:
    """The shop's home page; an advertiser has at least one domain."""
    host = f"[{domains[0]}]" if ":" in domains[0] else domains[0]
    return landing_location(f"https://{host}/", domains) or ""


def _prices(product: Product, advertiser: Advertiser) -> tuple[str, str]:
    """The price to pay, and nothing struck through: a former price is shown only once its history is known."""
    price = product.price if product.sale_price is None else product.sale_price
    return format_price(price, product.currency, advertiser.locale), ""
