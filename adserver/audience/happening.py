"""One thing that a rule asks for: which events it counts, and the name that it counts them under."""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from urllib.parse import unquote

from adserver.model.account import Advertiser
from adserver.model.event import Event
from adserver.model.product import Product, paid_at
from adserver.model.product_set import ProductSet, category_path
from adserver.model.segment import Happened

_NAME_BYTES = 6


class Happening:
    """``happened`` at ``advertiser``; ``product_set`` is the one that it names, None where there is none of that name:
    then no product is in it. ``name`` tells its event and filters apart from all others, and is the same for the same
    ones in every snapshot: 8 characters of base64url. ``needs_catalog``: whether an id alone does not tell if a product
    passes."""

    def __init__(self, happened: Happened, advertiser: Advertiser, product_set: ProductSet | None) -> None:
        self.happened = happened
        self.event = happened.event
        self.name = _name(happened, advertiser, product_set)
        self._currencies = ("", advertiser.currency)
        self._asks_value = happened.min_value is not None or happened.max_value is not None
        self._url = _address(happened.url)
        self._ids = frozenset(happened.products) - {""}
        self._asks_set = bool(happened.product_set)
        self._set = product_set
        self._category = category_path(happened.category)
        self._asks_price = happened.min_price is not None or happened.max_price is not None
        self.needs_catalog = bool(self._ids or self._asks_set or self._category or self._asks_price)

    def counts(self, event: Event, products: Mapping[str, Product], now: int) -> bool:
        """Whether ``event``, one of this name, passes every filter. ``products``: those of it that the catalog has."""
        if self._asks_value and not self._is_worth(event):
            return False
        if self._url and self._url not in _address(event.url):
            return False
        return not self.needs_catalog or self.has_product(event.products, products, now)

    @property
    def asks_more_than_products(self) -> bool:
        """Whether it looks at what no profile keeps: the event's value, or its page."""
        return self._asks_value or bool(self._url)

    def has_product(self, ids: Iterable[str], products: Mapping[str, Product], now: int) -> bool:
        """Whether at least one of ``ids`` passes all filters of products. An id that the rule names needs no catalog
        for that; of what is not in the catalog nothing else is known, and it passes nothing else."""
        return any(self.passes(product_id, products.get(product_id), now) for product_id in ids)

    def passes(self, product_id: str, product: Product | None, now: int) -> bool:
        """Whether this one product does."""
        if self._ids and product_id not in self._ids and (product is None or product.item_group_id not in self._ids):
            return False
        if not (self._asks_set or self._category or self._asks_price):
            return True
        if product is None or not category_path(product.category).startswith(self._category):
            return False
        if self._asks_set and (self._set is None or not self._set.has(product, now)):
            return False
        return not self._asks_price or self._costs(paid_at(product, now))

    def _is_worth(self, event: Event) -> bool:
        low, high = self.happened.min_value, self.happened.max_value
        if event.value is None or event.currency not in self._currencies:
            return False
        return (low is None or event.value >= low) and (high is None or event.value <= high)

    def _costs(self, price: int) -> bool:
        low, high = self.happened.min_price, self.happened.max_price
        return (low is None or price >= low) and (high is None or price <= high)


def _address(url: str) -> str:
    """Without regard to case, and to how letters beyond ASCII are escaped."""
    return unquote(url).casefold()


def _name(happened: Happened, advertiser: Advertiser, product_set: ProductSet | None) -> str:
    text = json.dumps(
        [
            advertiser.ref,
            happened.event.value,
            happened.min_value,
            happened.max_value,
            _address(happened.url),
            sorted(set(happened.products)),
            _terms(product_set) if happened.product_set else None,
            category_path(happened.category),
            happened.min_price,
            happened.max_price,
        ],
        sort_keys=True,
    )
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:_NAME_BYTES]).decode()


def _terms(product_set: ProductSet | None) -> object:
    """What is in the set, whatever it is called: who changes that begins to count anew."""
    if product_set is None:
        return "none"
    return {name: value for name, value in asdict(product_set).items() if name not in {"id", "advertiser"}}
