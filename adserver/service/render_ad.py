"""A decision becomes a banner: tokens minted, prices written out, markup rendered."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import ceil, inf
from typing import NamedTuple
from urllib.parse import quote

from markupsafe import escape

from adserver.catalog.honesty import rule_of, shown_price
from adserver.creative.banner import Picture, Tile, letter_of
from adserver.creative.creative import ACCENT, CLICK, TOKEN, Creative, Cut, Frame, Halves, is_long
from adserver.creative.manifest import FLUID
from adserver.creative.money import discount_of, format_discount, format_price
from adserver.creative.words import direction
from adserver.model.decision import Charge, Decision, Why
from adserver.model.line_item import BidModel, OptionValue
from adserver.model.product import Product
from adserver.model.snapshot import Snapshot
from adserver.service.picture_links import PictureLinks
from adserver.tracking.landing import landing_location
from adserver.tracking.sealed import VisitorSeal
from adserver.tracking.token import TokenKind, Tokens, token_head, token_tail
from adserver.tracking.trace import trace_of

MAX_KEPT = 40_000
"""Products in placements that are kept, about 1 KB each; when there are more, all are dropped and made anew."""

RECOMMENDED = "recommended"
"""Why the first product is shown, where the visitor did nothing with it."""

_FRAME_WEIGHT = 12
"""A frame holds the style sheet."""

_FREE = Charge("", 0)

_BECAUSE = {Why.CART: "cart", Why.PRICE_DROP: "price_drop", Why.VIEWED: "viewed", Why.OFTEN: "viewed"}


class Ad(NamedTuple):
    """A rendered ad; a fluid one has the width and height 0. ``csp`` is the Content-Security-Policy it needs when it is
    a document of its own."""

    placement: str
    width: int
    height: int
    html: bytes
    csp: str


class DataTile(NamedTuple):
    """One product as shown. Texts are formatted, empty where there is nothing to show; ``discount`` is whole percent, 0
    for none; ``price_micros`` is to be paid, of ``currency``; ``letter`` stands in for a picture. ``why`` is None where
    nothing is known of that."""

    product_id: str
    title: str
    brand: str
    price_text: str
    was_price_text: str
    discount: int
    price_micros: int
    currency: str
    picture: Picture | None
    letter: str
    click_url: str
    why: Why | None


class AdData(NamedTuple):
    """A decision as its banner shows it, with the same tokens, for those who draw it themselves.

    ``width`` and ``height`` are 0 for a fluid one. ``because``: ``cart``, ``price_drop``, ``viewed``, ``recommended``,
    or empty for a house ad. ``options`` are all of the design's, ``color`` the brand's (``#rrggbb`` or empty),
    ``ends_at`` the end of the offer in seconds since 1970 (0: none). ``click_url`` is that of the first product, of a
    house ad that of the shop's home page. ``hide_url`` is empty for a house ad.
    """

    decision: str
    placement: str
    size: str
    width: int
    height: int
    creative: str
    lang: str
    dir: str
    advertiser: str
    because: str
    options: Mapping[str, OptionValue]
    color: str
    offer_text: str
    coupon: str
    ends_at: int
    tiles: tuple[DataTile, ...]
    click_url: str
    impression_token: str
    impression_url: str
    why_url: str
    hide_url: str
    privacy_url: str
    words: Mapping[str, str]


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

    def __call__(self, decision: Decision, now: float, click_prefix: str = "") -> Ad:
        """The banner of one decision at ``now`` (seconds since 1970 UTC).

        ``click_prefix`` is the URL of somebody who counts clicks too and takes where to go on as its last part: links
        become that and our own, quoted. It is left out while our own are not absolute: nobody could follow them.
        """
        shelf = self._shelf(decision)
        goods = self._goods(shelf, decision.products, now)
        start, head = self._click(shelf, decision, now)
        tokens = self._tokens.sign_each(head, [good.tail for good in goods])
        foreign = _Foreign(click_prefix) if click_prefix and self._base_url else None
        clicks = [
            (foreign(start + token) if foreign else (start + token).encode()).join(good.markup)
            for token, good in zip(tokens, goods, strict=True)
        ]
        token = self._impression(shelf, decision, now).encode()
        before, after, linked, csp = self._frame(shelf, decision, goods, now)
        html = b"".join((token.join(before), *clicks, token.join(after)))
        if linked:
            home = start + self._tokens.sign(head, shelf.home_tail)
            html = (foreign(home) if foreign else home.encode()).join(html.split(CLICK))
        return Ad(decision.placement.id, shelf.width, shelf.height, html, csp)

    def data(self, decision: Decision, now: float, click_prefix: str = "") -> AdData:
        """The same as data: what ``__call__`` makes of the same arguments has the same tokens, prices and order."""
        shelf = self._shelf(decision)
        start, head = self._click(shelf, decision, now)
        prefix = click_prefix if self._base_url else ""

        def click(tail: str) -> str:
            url = start + self._tokens.sign(head, tail)
            return prefix + quote(url, safe="") if prefix else url

        whys = (*decision.why, *[None] * len(decision.products))
        goods = self._goods(shelf, decision.products, now)
        tiles = tuple(_data_tile(good, click(good.tail), why) for good, why in zip(goods, whys, strict=False))
        token = self._impression(shelf, decision, now)
        why_url = f"{self._base_url}/why/{token}"
        offer = shelf.offer
        return AdData(
            decision=decision.id,
            placement=decision.placement.id,
            size=decision.placement.size,
            width=shelf.width,
            height=shelf.height,
            creative=decision.creative,
            lang=shelf.lang,
            dir=direction(shelf.lang),
            advertiser=shelf.advertiser.name,
            because=_because(decision),
            options=shelf.options,
            color=str(shelf.options.get(ACCENT) or shelf.advertiser.color),
            offer_text=offer.text if offer else "",
            coupon=offer.coupon if offer else "",
            ends_at=offer.ends if offer else 0,
            tiles=tiles,
            click_url=tiles[0].click_url if tiles else click(shelf.home_tail),
            impression_token=token,
            impression_url=f"{self._base_url}/i/{token}",
            why_url=why_url,
            hide_url=f"{why_url}#hide" if tiles else "",
            privacy_url=f"{self._base_url}/privacy",
            words=shelf.creative.words(shelf.lang),
        )

    def _click(self, shelf: "_Shelf", decision: Decision, now: float) -> tuple[str, str]:
        """How all click URLs of a decision begin, and the head of their tokens."""
        expires = int(now) + self._click_ttl_s
        head = token_head(TokenKind.CLICK, expires, decision.id, decision.creative, "", shelf.click_micros)
        return f"{self._base_url}/c/", head

    def _impression(self, shelf: "_Shelf", decision: Decision, now: float) -> str:
        """Its token."""
        lease, micros = decision.charge or _FREE
        expires = int(now) + self._impression_ttl_s
        sealed = self._seal(decision.claimed_by, decision.id) if decision.claimed_by else b""
        trace = trace_of(decision)
        head = token_head(TokenKind.IMPRESSION, expires, decision.id, decision.creative, lease, micros, trace, sealed)
        return self._tokens.sign(head, shelf.tail)

    def _shelf(self, decision: Decision) -> "_Shelf":
        """What is kept for this line item in this placement; anew when the accounts have changed."""
        key = decision.line_item.id, decision.placement.id, decision.creative, decision.offer is None
        shelf = self._shelves.get(key)
        if shelf is None or not shelf.is_of(decision):
            shelf = self._shelves[key] = _Shelf(decision, self._creatives[decision.creative])
        return shelf

    def _goods(self, shelf: "_Shelf", products: Sequence[Product], now: float) -> "list[_Good]":
        count = len(products)
        kept = shelf.goods[count]
        return [
            good
            if (good := kept.get(product.id)) is not None and good.product is product and now < good.until
            else self._good(shelf, product, count, now)
            for product in products
        ]

    def _good(self, shelf: "_Shelf", product: Product, count: int, now: float) -> "_Good":
        """A product in a banner of ``count``, made and kept."""
        kept = shelf.goods[count]
        self._make_room(0 if product.id in kept else 1)
        price, was, until = shown_price(product, int(now), shelf.rule)
        picture, picture_until = self._picture(shelf, product, count, now)
        discount = 0 if was is None else discount_of(price, was)
        tile = Tile(
            title=product.title,
            price_text=format_price(price, product.currency, shelf.locale),
            was_price_text="" if was is None else format_price(was, product.currency, shelf.locale),
            discount=discount,
            badge=format_discount(discount, shelf.locale),
            picture=picture,
            click_url="/",
        )
        url = landing_location(product.link, shelf.advertiser.domains) or ""
        tail = token_tail(shelf.advertiser.id, shelf.line_item.id, shelf.placement.id, product.id, url)
        markup = shelf.creative.fragment(tile, shelf.lang, shelf.options)
        good = kept[product.id] = _Good(
            product, min(until or inf, picture_until), markup, tail, is_long(tile), discount, tile, price
        )
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

    def _frame(self, shelf: "_Shelf", decision: Decision, goods: "Sequence[_Good]", now: float) -> Halves:
        """Of an offer that ends, the frame of the minute takes the place of the one before."""
        long_prices = any(good.long_price for good in goods)
        discount = max([good.discount for good in goods], default=0) if shelf.creative.shows_discount else 0
        because = _because(decision)
        key = len(goods), long_prices, because, discount
        ends_in = _minutes_to(shelf.ends, now) if shelf.ends else None
        found = shelf.frames.get(key)
        if found is not None and found[0] == ends_in:
            return found[1]
        self._make_room(0 if found else _FRAME_WEIGHT)
        frame = Frame(
            size=shelf.placement.size,
            count=len(goods),
            long_prices=long_prices,
            advertiser_name=shelf.advertiser.name,
            lang=shelf.lang,
            impression_url=f"{self._base_url}/i/{TOKEN}",
            why_url=f"{self._base_url}/why/{TOKEN}",
            privacy_url=f"{self._base_url}/privacy",
            offer_text=shelf.offer.text if shelf.offer else "",
            coupon=shelf.offer.coupon if shelf.offer else "",
            ends_in=ends_in,
            because=because,
            discount=discount,
            color=shelf.advertiser.color,
            options=shelf.options,
        )
        halves = shelf.creative.frame(frame)
        shelf.frames[key] = ends_in, halves
        return halves


class _Good(NamedTuple):
    """A product, ready but for its click URL. From the second ``until`` on its prices, or its picture's URL, may be
    others. ``price`` is that of the tile, in micros."""

    product: Product
    until: float
    markup: Cut
    tail: str
    long_price: bool
    discount: int
    tile: Tile
    price: int


class _Shelf:
    """What is kept for one line item in one placement. ``frames`` have the minutes to their offer's end with them."""

    __slots__ = (
        "advertiser",
        "click_micros",
        "creative",
        "ends",
        "frames",
        "goods",
        "height",
        "home_tail",
        "lang",
        "line_item",
        "locale",
        "offer",
        "options",
        "placement",
        "rule",
        "tail",
        "width",
    )

    def __init__(self, decision: Decision, creative: Creative) -> None:
        self.creative = creative
        self.advertiser = decision.advertiser
        self.line_item = decision.line_item
        self.placement = decision.placement
        self.offer = decision.offer
        self.ends = decision.offer.ends if decision.offer else 0
        self.options = creative.resolved(decision.line_item.options)
        bid = decision.line_item.bid
        self.click_micros = bid.per_event if bid and bid.model is BidModel.CPC else 0
        self.locale = decision.advertiser.locale
        self.lang = self.locale.replace("_", "-")
        self.rule = rule_of(decision.advertiser)
        width, _, height = ("0", "", "0") if self.placement.size == FLUID else self.placement.size.partition("x")
        self.width, self.height = int(width), int(height)
        self.tail = token_tail(self.advertiser.id, self.line_item.id, self.placement.id)
        self.home_tail = token_tail(
            self.advertiser.id, self.line_item.id, self.placement.id, url=_home(self.advertiser.domains)
        )
        self.goods: defaultdict[int, dict[str, _Good]] = defaultdict(dict)
        self.frames: dict[tuple[int, bool, str, int], tuple[int | None, Halves]] = {}

    def is_of(self, decision: Decision) -> bool:
        """Whether it was made of the same accounts: a new snapshot has new objects."""
        return (
            self.advertiser is decision.advertiser
            and self.line_item is decision.line_item
            and self.placement is decision.placement
            and self.offer is decision.offer
        )


class _Foreign:
    """Our click URLs behind the one of somebody else, as they stand in an attribute."""

    def __init__(self, prefix: str) -> None:
        self._start = str(escape(prefix))

    def __call__(self, url: str) -> bytes:
        return (self._start + quote(url, safe="")).encode("utf-8", "replace")


def learn_locales(snapshot: Snapshot) -> None:
    """Load how each advertiser's locale writes prices: the first price of a locale costs milliseconds."""
    for advertiser in snapshot.accounts.advertisers.values():
        format_price(0, advertiser.currency, advertiser.locale)


def _because(decision: Decision) -> str:
    """Why the first product is shown; nothing for a house ad."""
    if decision.why:
        return _BECAUSE.get(decision.why[0], RECOMMENDED)
    return RECOMMENDED if decision.products else ""


def _minutes_to(ends: int, now: float) -> int:
    """Whole minutes, the one that has begun among them."""
    return max(0, ceil((ends - now) / 60))


def _data_tile(good: _Good, click_url: str, why: Why | None) -> DataTile:
    product, tile = good.product, good.tile
    return DataTile(
        product_id=product.id,
        title=product.title,
        brand=product.brand,
        price_text=tile.price_text,
        was_price_text=tile.was_price_text,
        discount=good.discount,
        price_micros=good.price,
        currency=product.currency,
        picture=tile.picture,
        letter=tile.letter,
        click_url=click_url,
        why=why,
    )


def _home(domains: tuple[str, ...]) -> str:
    """The shop's home page; an advertiser has at least one domain."""
    host = f"[{domains[0]}]" if ":" in domains[0] else domains[0]
    return landing_location(f"https://{host}/", domains) or ""
