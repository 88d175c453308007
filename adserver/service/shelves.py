"""What the banners of many decisions have in common, made once and kept: a product in a placement, and the frame around
the products."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf

from adserver.catalog.honesty import rule_of, shown_price
from adserver.creative.banner import Picture, Tile, letter_of
from adserver.creative.creative import TOKEN, Creative, Cut, Frame, Halves, is_long
from adserver.creative.manifest import FLUID
from adserver.creative.money import discount_of, format_discount, format_price
from adserver.model.decision import Decision, Why
from adserver.model.line_item import BidModel
from adserver.model.product import Product
from adserver.service.picture_links import PictureLinks
from adserver.tracking.landing import landing_location
from adserver.tracking.token import token_tail, token_terms

MAX_KEPT = 40_000
"""Products in placements that are kept, about 1 KB each; when there are more, all are dropped and made anew."""

RECOMMENDED = "recommended"
"""Why the first product is shown, where the visitor did nothing with it."""

_FRAME_WEIGHT = 12
"""A frame holds the style sheet."""

_BECAUSE = {Why.CART: "cart", Why.PRICE_DROP: "price_drop", Why.VIEWED: "viewed", Why.OFTEN: "viewed"}


@dataclass(frozen=True, slots=True)
class Good:
    """A product, ready but for its click URL. From the second ``until`` on its prices, or its picture's URL, may be
    others. ``price`` is that of the tile, in micros."""

    product: Product
    until: float
    markup: Cut
    tail: bytes
    long_price: bool
    discount: int
    tile: Tile
    price: int


class Shelf:
    """What is kept for one line item in one placement. ``frames`` have the minutes to their offer's end with them."""

    __slots__ = (
        "advertiser",
        "click_terms",
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
        self.click_terms = token_terms(
            decision.creative, micros=bid.per_event if bid and bid.model is BidModel.CPC else 0
        )
        self.locale = decision.advertiser.locale
        self.lang = self.locale.replace("_", "-")
        self.rule = rule_of(decision.advertiser)
        width, _, height = ("0", "", "0") if self.placement.size == FLUID else self.placement.size.partition("x")
        self.width, self.height = int(width), int(height)
        self.tail = token_tail(self.advertiser.id, self.line_item.id, self.placement.id)
        self.home_tail = token_tail(
            self.advertiser.id, self.line_item.id, self.placement.id, url=_home(self.advertiser.domains)
        )
        self.goods: defaultdict[int, dict[str, Good]] = defaultdict(dict)
        self.frames: dict[tuple[int, bool, str, int], tuple[int | None, Halves]] = {}

    def is_of(self, decision: Decision) -> bool:
        """Whether it was made of the same accounts: a new snapshot has new objects."""
        return (
            self.advertiser is decision.advertiser
            and self.line_item is decision.line_item
            and self.placement is decision.placement
            and self.offer is decision.offer
        )


class Shelves:
    """``base_url`` goes before our own paths."""

    def __init__(self, creatives: Mapping[str, Creative], *, pictures: PictureLinks, base_url: str) -> None:
        self._creatives = creatives
        self._pictures = pictures
        self._base_url = base_url
        self._by_key: dict[tuple[str, str, str, bool], Shelf] = {}
        self._kept = 0

    def __iter__(self) -> Iterator[Shelf]:
        return iter(self._by_key.values())

    def of(self, decision: Decision) -> Shelf:
        """What is kept for this line item in this placement; anew when the accounts have changed."""
        key = decision.line_item.id, decision.placement.id, decision.creative, decision.offer is None
        shelf = self._by_key.get(key)
        if shelf is None or not shelf.is_of(decision):
            shelf = self._by_key[key] = Shelf(decision, self._creatives[decision.creative])
        return shelf

    def goods(self, shelf: Shelf, products: Sequence[Product], now: float) -> list[Good]:
        """The products of one banner, at ``now`` (seconds since 1970)."""
        count = len(products)
        kept = shelf.goods[count]
        return [
            good
            if (good := kept.get(product.id)) is not None and good.product is product and now < good.until
            else self._good(shelf, product, count, now)
            for product in products
        ]

    def _good(self, shelf: Shelf, product: Product, count: int, now: float) -> Good:
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
        good = kept[product.id] = Good(
            product, min(until or inf, picture_until), markup, tail, is_long(tile), discount, tile, price
        )
        return good

    def _picture(self, shelf: Shelf, product: Product, count: int, now: float) -> tuple[Picture, int]:
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
            self._by_key, self._kept = {}, 0
        self._kept += weight

    def frame(self, shelf: Shelf, decision: Decision, goods: Sequence[Good], now: float) -> Halves:
        """What stands around ``goods``; of an offer that ends, that of the minute takes the place of the one before."""
        long_prices = True in [good.long_price for good in goods]
        discount = max([good.discount for good in goods], default=0) if shelf.creative.shows_discount else 0
        because = because_of(decision)
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


def because_of(decision: Decision) -> str:
    """Why the first product is shown: ``cart``, ``price_drop``, ``viewed``, ``recommended``; nothing for a house ad."""
    if decision.why:
        return _BECAUSE.get(decision.why[0], RECOMMENDED)
    return RECOMMENDED if decision.products else ""


def _minutes_to(ends: int, now: float) -> int:
    """Whole minutes, the one that has begun among them."""
    return max(0, ceil((ends - now) / 60))


def _home(domains: tuple[str, ...]) -> str:
    """The shop's home page; an advertiser has at least one domain."""
    host = f"[{domains[0]}]" if ":" in domains[0] else domains[0]
    return landing_location(f"https://{host}/", domains) or ""
