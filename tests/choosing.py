"""A shop on paper: what is needed to ask which products an ad shows, with no store behind it."""

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import cast

from jinja2 import Template

from adserver.creative.creative import Creative
from adserver.creative.manifest import Manifest
from adserver.creative.sheet import Sheet
from adserver.decision.index import Booking, PlacementEntry
from adserver.decision.viewer import Viewer
from adserver.model.account import Advertiser, Campaign, Placement, Publisher
from adserver.model.line_item import Device, LineItem
from adserver.model.product import Availability, Product
from adserver.model.product_set import ProductSet
from adserver.model.profile import EPOCH, Profile, Shopping, Window
from adserver.model.reason import LineItemReason
from adserver.model.related import Kind
from adserver.service.fill_ad import FillAd, Filled

NOW = 1_790_000_000
REF = 7
ADVERTISER = Advertiser(id="acme", name="Acme", domains=("shop.test",), currency="EUR", locale="de_DE", ref=REF)
CAMPAIGN = Campaign(id="summer", advertiser="acme")
SIZE = "300x250"
ENTRY = PlacementEntry(
    Placement(id="rectangle", publisher="daily", size=SIZE),
    Publisher(id="daily", name="Daily", domains=("news.test",)),
    ("news.test",),
)


class Catalog:
    """Products as ``CatalogReader`` tells them; ``asked``: the ids of each read."""

    def __init__(self, products: Sequence[Product]) -> None:
        self._by_id = {product.id: product for product in products}
        self._groups: dict[str, list[Product]] = {}
        for product in products:
            if product.item_group_id:
                self._groups.setdefault(product.item_group_id, []).append(product)
        self.asked: list[Sequence[str]] = []

    async def products(self, ref: int, ids: Sequence[str], deadline: float | None = None) -> Mapping[str, Product]:
        assert ref == REF
        self.asked.append(ids)
        return {i: product for i in ids if (product := self._by_id.get(i) or self._of_group(i)) is not None}

    def _of_group(self, group: str) -> Product | None:
        members = self._groups.get(group, [])
        in_stock = (product for product in members if product.availability is Availability.IN_STOCK)
        return next(in_stock, members[0] if members else None)

    def checked_at(self, ref: int) -> int:
        return 0

    async def refresh(self) -> None:
        pass


@dataclass
class Related:
    """What others did, as ``RelatedReader`` tells it, by the name of the product's group."""

    catalog: Catalog
    bought: Mapping[str, Sequence[str]] = field(default_factory=dict)
    viewed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    best: Sequence[str] = ()
    most: Sequence[str] = ()
    asked: list[str] = field(default_factory=list)

    async def related(
        self, ref: int, ids: Sequence[str], kind: Kind = Kind.VIEWED, deadline: float | None = None
    ) -> Mapping[str, Sequence[str]]:
        self.asked.append(kind.value)
        products = await self.catalog.products(ref, ids)
        lists = self.bought if kind is Kind.BOUGHT else self.viewed
        return {i: lists[product.group] for i, product in products.items() if lists.get(product.group)}

    async def best_sellers(self, ref: int, deadline: float | None = None) -> Sequence[str]:
        self.asked.append("best")
        return self.best

    async def most_viewed(self, ref: int, deadline: float | None = None) -> Sequence[str]:
        self.asked.append("most")
        return self.most


@lru_cache
def design(room: int, minimum: int = 1) -> Creative:
    """One that has ``room`` for products, and is not shown with fewer than ``minimum``."""
    nothing = Template("", autoescape=True)
    return Creative(
        Manifest(
            name="tiles",
            about="Tiles",
            sizes=(SIZE,),
            min_products=minimum,
            max_products={SIZE: room},
            boxes={},
            options={},
            labels={},
        ),
        origin="",
        style_of=Sheet,
        banner=nothing,
        product=nothing,
    )


def viewer(
    shopping: Shopping,
    frequency: Mapping[str, tuple[Window, ...]],
    now: int = NOW,
    hidden: frozenset[str] = frozenset(),
) -> Viewer:
    """Somebody who did this in the shop, saw so much of it, and does not want to see what is ``hidden``."""
    return Viewer(
        now=now,
        profile=Profile({REF: shopping}, frequency, hidden={REF: hidden} if hidden else {}),
        visitor="A" * 22,
        rungs={},
        has_consent=lambda _: True,
        is_member=lambda _: False,
        is_listed=lambda _, __: False,
        arm_of=lambda _: "",
        device=lambda: Device.DESKTOP,
        geo=frozenset,
        is_fresh=lambda _: True,
        can_pay=lambda _: None,
    )


def booking(
    line_item: LineItem, limits: Sequence[tuple[int, int]] = (), product_set: ProductSet | None = None
) -> Booking:
    """The line item in a placement; ``limits`` of each product: (most ads, window in seconds)."""
    return Booking(line_item, CAMPAIGN, ADVERTISER, product_limits=tuple(limits), product_set=product_set)


def filled(
    booking: Booking,
    who: Viewer | None,
    related: Related,
    *,
    room: int = 4,
    minimum: int = 1,
    hidden: frozenset[str] = frozenset(),
) -> Filled | LineItemReason:
    """What is shown; ``who`` None is somebody nothing is known of, but for what is ``hidden``."""
    fill = FillAd(related.catalog, related, {"tiles": design(room, minimum)})
    if who is None:
        return _at_once(fill.best_sellers(ENTRY, booking, "tiles", NOW, 0.0, hidden=hidden))
    return _at_once(fill.fill(ENTRY, booking, "tiles", who, 0.0))


def _at_once(answer: Coroutine[None, None, Filled | LineItemReason]) -> Filled | LineItemReason:
    """What nothing has to be waited for; a thousand event loops would take longer than all the choices."""
    try:
        answer.send(None)
    except StopIteration as done:
        return cast("Filled | LineItemReason", done.value)
    raise AssertionError("it waited")


def ago(seconds: int, now: int = NOW) -> int:
    """A time as a profile keeps it."""
    return now - EPOCH - seconds
