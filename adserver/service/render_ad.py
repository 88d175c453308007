"""A decision becomes a banner: tokens minted, prices written out, markup rendered."""

from collections.abc import Mapping
from dataclasses import dataclass

from adserver.creative.banner import Banner, Tile
from adserver.creative.creative import Creative
from adserver.creative.money import format_price
from adserver.model.account import Advertiser
from adserver.model.decision import Decision
from adserver.model.product import Product
from adserver.model.snapshot import Snapshot
from adserver.tracking.landing import landing_location
from adserver.tracking.token import Token, TokenKind, Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Ad:
    """A rendered ad. ``csp`` is the Content-Security-Policy it needs when it is a document of its own."""

    placement: str
    width: int
    height: int
    html: bytes
    csp: str


class RenderAd:
    """``base_url`` (``https://ads.example``, or empty for root-relative URLs) goes before our own paths.

    ``insecure_images``: pictures over plain HTTP may be shown, as where the server itself runs without TLS.
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

    def __call__(self, decision: Decision, now: float) -> Ad:
        """The banner of one decision at ``now`` (seconds since 1970 UTC)."""
        creative = self._creatives[decision.line_item.creative]
        impression = self._token(decision, TokenKind.IMPRESSION, int(now) + self._impression_ttl_s)
        banner = Banner(
            size=decision.placement.size,
            advertiser_name=decision.advertiser.name,
            lang=decision.advertiser.locale.replace("_", "-"),
            tiles=tuple(self._tile(decision, product, int(now)) for product in decision.products),
            impression_url=f"{self._base_url}/i/{impression}",
            privacy_url=f"{self._base_url}/privacy",
            insecure_images=self._insecure_images,
        )
        width, _, height = decision.placement.size.partition("x")
        return Ad(
            placement=decision.placement.id,
            width=int(width),
            height=int(height),
            html=creative.render(banner),
            csp=creative.csp(self._insecure_images),
        )

    def _tile(self, decision: Decision, product: Product, now: int) -> Tile:
        price, was_price = _prices(product, decision.advertiser)
        click = self._token(decision, TokenKind.CLICK, now + self._click_ttl_s, product)
        return Tile(
            title=product.title,
            price_text=price,
            was_price_text=was_price,
            image_url=product.image_link,
            click_url=f"{self._base_url}/c/{click}",
        )

    def _token(self, decision: Decision, kind: TokenKind, expires: int, product: Product | None = None) -> str:
        return self._tokens.mint(
            Token(
                kind=kind,
                expires=expires,
                decision=decision.id,
                advertiser=decision.advertiser.id,
                line_item=decision.line_item.id,
                placement=decision.placement.id,
                product=product.id if product else "",
                url=landing_location(product.link, decision.advertiser.domains) or "" if product else "",
            )
        )


def learn_locales(snapshot: Snapshot) -> None:
    """Load how each advertiser's locale writes prices: the first price of a locale costs milliseconds."""
    for advertiser in snapshot.accounts.advertisers.values():
        format_price(0, advertiser.currency, advertiser.locale)


def _prices(product: Product, advertiser: Advertiser) -> tuple[str, str]:
    """The price to pay, and nothing struck through: a former price is shown only once its history is known."""
    price = product.price if product.sale_price is None else product.sale_price
    return format_price(price, product.currency, advertiser.locale), ""
