"""A decision becomes a banner: tokens minted, prices written out, markup rendered."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

from markupsafe import escape

from adserver.creative.banner import Picture
from adserver.creative.creative import ACCENT, CLICK, Creative
from adserver.creative.money import format_price
from adserver.creative.words import direction
from adserver.model.decision import Charge, Decision, Why
from adserver.model.line_item import OptionValue
from adserver.model.snapshot import Snapshot
from adserver.service.picture_links import PictureLinks
from adserver.service.shelves import Good, Shelf, Shelves, because_of
from adserver.tracking.sealed import VisitorSeal
from adserver.tracking.token import TokenKind, Tokens, token_head, token_terms
from adserver.tracking.trace import trace_of

_FREE = Charge("", 0)
_IMPRESSION, _CLICK = TokenKind.IMPRESSION, TokenKind.CLICK  # an enumeration looks its members up slowly


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

    What decisions have in common is made once and kept (``service.shelves``); only the tokens are new each time.
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
        self._shelves = Shelves(creatives, pictures=pictures, base_url=base_url)
        self._tokens = tokens
        self._seal = seal.seal
        self._base_url = base_url
        self._start = f"{base_url}/c/".encode()
        self._impression_ttl_s = impression_ttl_s
        self._click_ttl_s = click_ttl_s

    def __call__(self, decision: Decision, now: float, click_prefix: str = "") -> Ad:
        """The banner of one decision at ``now`` (seconds since 1970 UTC).

        ``click_prefix`` is the URL of somebody who counts clicks too and takes where to go on as its last part: links
        become that and our own, quoted. It is left out while our own are not absolute: nobody could follow them.
        """
        shelf = self._shelves.of(decision)
        goods = self._shelves.goods(shelf, decision.products, now)
        before, after, linked, csp = self._shelves.frame(shelf, decision, goods, now)
        link = _Foreign(click_prefix, self._start) if click_prefix and self._base_url else self._start.__add__
        head = self._click_head(shelf, decision, now)
        tokens = self._tokens.sign_each(head, [good.tail for good in goods])
        clicks = [link(token).join(good.markup) for token, good in zip(tokens, goods, strict=True)]
        token = self._impression(shelf, decision, now)
        inside = b"".join((before[-1], *clicks, after[0]))
        html = token.join((*before[:-1], inside, *after[1:]))  # the style sheet is before: it is copied only here
        if linked:
            html = link(self._tokens.sign(head, shelf.home_tail)).join(html.split(CLICK))
        return Ad(decision.placement.id, shelf.width, shelf.height, html, csp)

    def data(self, decision: Decision, now: float, click_prefix: str = "") -> AdData:
        """The same as data: what ``__call__`` makes of the same arguments has the same tokens, prices and order."""
        shelf = self._shelves.of(decision)
        head = self._click_head(shelf, decision, now)
        prefix = click_prefix if self._base_url else ""

        def click(tail: bytes) -> str:
            url = (self._start + self._tokens.sign(head, tail)).decode()
            return prefix + quote(url, safe="") if prefix else url

        whys = (*decision.why, *[None] * len(decision.products))
        goods = self._shelves.goods(shelf, decision.products, now)
        tiles = tuple(_data_tile(good, click(good.tail), why) for good, why in zip(goods, whys, strict=False))
        token = self._impression(shelf, decision, now).decode()
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
            because=because_of(decision),
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

    def _click_head(self, shelf: Shelf, decision: Decision, now: float) -> bytes:
        """Of all click tokens of a decision."""
        return token_head(_CLICK, int(now) + self._click_ttl_s, decision.id, shelf.click_terms)

    def _impression(self, shelf: Shelf, decision: Decision, now: float) -> bytes:
        """Its token."""
        lease, micros = decision.charge or _FREE
        sealed = self._seal(decision.claimed_by, decision.id) if decision.claimed_by else b""
        terms = token_terms(decision.creative, lease, micros, trace_of(decision), sealed)
        head = token_head(_IMPRESSION, int(now) + self._impression_ttl_s, decision.id, terms)
        return self._tokens.sign(head, shelf.tail)


class _Foreign:
    """Our click URLs behind the one of somebody else, as they stand in an attribute; a token needs no quoting."""

    def __init__(self, prefix: str, start: bytes) -> None:
        self._start = (str(escape(prefix)) + quote(start, safe="")).encode("utf-8", "replace")

    def __call__(self, token: bytes) -> bytes:
        return self._start + token


def learn_locales(snapshot: Snapshot) -> None:
    """Load how each advertiser's locale writes prices: the first price of a locale costs milliseconds."""
    for advertiser in snapshot.accounts.advertisers.values():
        format_price(0, advertiser.currency, advertiser.locale)


def _data_tile(good: Good, click_url: str, why: Why | None) -> DataTile:
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
