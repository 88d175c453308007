"""A decision becomes a banner: tokens minted, prices written out, markup rendered."""

from collections import defaultdict
from collections.abc import Mapping
from math import inf
from typing import NamedTuple

from adserver.catalog.honesty import rule_of, shown_price
from adserver.creative.banner import Picture, Tile, letter_of
from adserver.creative.creative import CLICK, TOKEN, Creative, Cut, Frame, Halves, is_long
from adserver.creative.money import format_price
from adserver.model.decision import Charge, Decision
from adserver.model.line_item import BidModel
from adserver.model.product import Product
from adserver.model.snapshot import Snapshot
from adserver.service.picture_links import PictureLinks
from adserver.tracking.landing import landing_location
from adserver.tracking.sealed import VisitorSeal
from adserver.tracking.token import TokenKind, Tokens, token_head, token_tail
from adserver.tracking.trace import trace_of

MAX_KEPT = 40_000
"""Products in placements that are kept, about 1 KB each; when there are more, all are dropped and made anew."""

_FRAME_WEIGHT = 8
"""A frame holds the style sheet."""

_FREE = Charge("", 0)


class Ad(NamedTuple):
    """A rendered ad. ``csp`` is the Content-Security-Policy it needs when it is a document of its own."""

    placement: str
    width: int
    height: int
    html: bytes
    csp: str


class RenderAd:
    """``base_url`` (``https://ads.example``, or empty for root-relative URLs) goes before our own paths.

    What decisions have in common is made once and kept: a product in a placement, and the frame around the products;
    only the tokens are new each time.
    """

    def __init__(
        self,
        creatives: Mapping[str, Creative],
        tokens: Tokens,
        *,
        seal: VisitorSeal,
        pictures: PictureLinks,
        base_url: str,
        impression_ttl_s: int,
        click_ttl_s: int,
    ) -> None:
        self._creatives = creatives
        self._tokens = tokens
        self._seal = seal.seal
        self._base_url = base_url
        self._pictures = pictures
        self._impression_ttl_s = impression_ttl_s
        self._click_ttl_s = click_ttl_s
        self._shelves: dict[tuple[str, str, str, bool], _Shelf] = {}
        self._kept = 0

    def __call__(self, decision: Decision, now: float) -> Ad:
        """The banner of one decision at ``now`` (seconds since 1970 UTC)."""
        shelf = self._shelf(decision)
        count = len(decision.products)
        kept = shelf.goods[count]
        goods = [
            good
            if (good := kept.get(product.id)) is not None and good.product is product and now < good.until
            else self._good(shelf, product, count, now)
            for product in decision.products
        ]
        sign, base_url = self._tokens.sign, self._base_url
        creative, (lease, micros) = decision.creative, decision.charge or _FREE
        click = token_head(TokenKind.CLICK, int(now) + self._click_ttl_s, decision.id, creative, "", shelf.click_micros)
        clicks = [f"{base_url}/c/{sign(click, good.tail)}".encode().join(good.markup) for good in goods]
        expires = int(now) + self._impression_ttl_s
        sealed = self._seal(decision.claimed_by, decision.id) if decision.claimed_by else b""
        trace = trace_of(decision)
        head = token_head(TokenKind.IMPRESSION, expires, decision.id, creative, lease, micros, trace, sealed)
        token = sign(head, shelf.tail).encode()
        before, after, linked = self._frame(shelf, len(goods), any(good.long_price for good in goods))
        html = b"".join((token.join(before), *clicks, token.join(after)))
        if linked:
            html = f"{base_url}/c/{sign(click, shelf.home_tail)}".encode().join(html.split(CLICK))
        return Ad(decision.placement.id, shelf.width, shelf.height, html, shelf.csp)

    def _shelf(self, decision: Decision) -> "_Shelf":
        """What is kept for this line item in this placement; anew when the accounts have changed."""
        key = decision.line_item.id, decision.placement.id, decision.creative, decision.offer is None
        shelf = self._shelves.get(key)
        if shelf is None or not shelf.is_of(decision):
            creative = self._creatives[decision.creative]
            shelf = self._shelves[key] = _Shelf(decision, creative, creative.csp)
        return shelf

    def _good(self, shelf: "_Shelf", product: Product, count: int, now: float) -> "_Good":
        """A product in a banner of ``count``, made and kept."""
        kept = shelf.goods[count]
        self._make_room(0 if product.id in kept else 1)
        price, was, until = shown_price(product, int(now), shelf.rule)
        picture, picture_until = self._picture(shelf, product, count, now)
        tile = Tile(
            title=product.title,
            price_text=format_price(price, product.currency, shelf.locale),
            was_price_text="" if was is None else format_price(was, product.currency, shelf.locale),
            picture=picture,
            click_url="/",
        )
        url = landing_location(product.link, shelf.advertiser.domains) or ""
        tail = token_tail(shelf.advertiser.id, shelf.line_item.id, shelf.placement.id, product.id, url)
        markup = shelf.creative.fragment(tile, shelf.lang)
        good = kept[product.id] = _Good(product, min(until or inf, picture_until), markup, tail, is_long(tile))
        return good

    def _picture(self, shelf: "_Shelf", product: Product, count: int, now: float) -> tuple[Picture, int]:
        """The picture of a product in a banner of ``count``, and the second from which on it has another URL."""
        width, height = shelf.creative.picture_box(shelf.placement.size, count)
        url, url_2x, until = self._pictures.of(
            [source for source in (product.image_link, *product.more_images) if source],
            letter=letter_of(product.title),
            color=shelf.advertiser.color,
            width=width,
            height=height,
            now=now,
        )
        return Picture(url, url_2x, width, height), until

    def _make_room(self, weight: int) -> None:
        """For so many products more."""
        if self._kept > MAX_KEPT:
            self._shelves, self._kept = {}, 0
        self._kept += weight

    def _frame(self, shelf: "_Shelf", count: int, long_prices: bool) -> Halves:
        frame = shelf.frames.get((count, long_prices))
        if frame is None:
            self._make_room(_FRAME_WEIGHT)
            frame = shelf.frames[count, long_prices] = shelf.creative.frame(
                Frame(
                    size=shelf.placement.size,
                    count=count,
                    long_prices=long_prices,
                    advertiser_name=shelf.advertiser.name,
                    lang=shelf.lang,
                    impression_url=f"{self._base_url}/i/{TOKEN}",
                    why_url=f"{self._base_url}/why/{TOKEN}",
                    offer_text=shelf.offer.text if shelf.offer else "",
                    coupon=shelf.offer.coupon if shelf.offer else "",
                )
            )
        return frame


class _Good(NamedTuple):
    """A product, ready but for its click URL. From the second ``until`` on its prices, or its picture's URL, may be
    others."""

    product: Product
    until: float
    markup: Cut
    tail: str
    long_price: bool


class _Shelf:
    """What is kept for one line item in one placement."""

    __slots__ = (
        "advertiser",
        "click_micros",
        "creative",
        "csp",
        "frames",
        "goods",
        "height",
        "home_tail",
        "lang",
        "line_item",
        "locale",
        "offer",
        "placement",
        "rule",
        "tail",
        "width",
    )

    def __init__(self, decision: Decision, creative: Creative, csp: str) -> None:
        self.creative = creative
        self.csp = csp
        self.advertiser = decision.advertiser
        self.line_item = decision.line_item
        self.placement = decision.placement
        self.offer = decision.offer
        bid = decision.line_item.bid
        self.click_micros = bid.per_event if bid and bid.model is BidModel.CPC else 0
        self.locale = decision.advertiser.locale
        self.lang = self.locale.replace("_", "-")
        self.rule = rule_of(decision.advertiser)
        width, _, height = decision.placement.size.partition("x")
        self.width, self.height = int(width), int(height)
        self.tail = token_tail(self.advertiser.id, self.line_item.id, self.placement.id)
        self.home_tail = token_tail(
            self.advertiser.id, self.line_item.id, self.placement.id, url=_home(self.advertiser.domains)
        )
        self.goods: defaultdict[int, dict[str, _Good]] = defaultdict(dict)
        self.frames: dict[tuple[int, bool], Halves] = {}

    def is_of(self, decision: Decision) -> bool:
        """Whether it was made of the same accounts: a new snapshot has new objects."""
        return (
            self.advertiser is decision.advertiser
            and self.line_item is decision.line_item
            and self.placement is decision.placement
            and self.offer is decision.offer
        )


def learn_locales(snapshot: Snapshot) -> None:
    """Load how each advertiser's locale writes prices: the first price of a locale costs milliseconds."""
    for advertiser in snapshot.accounts.advertisers.values():
        format_price(0, advertiser.currency, advertiser.locale)


def _home(domains: tuple[str, ...]) -> str:
    """The shop's home page; an advertiser has at least one domain."""
    host = f"[{domains[0]}]" if ":" in domains[0] else domains[0]
    return landing_location(f"https://{host}/", domains) or ""
