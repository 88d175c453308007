"""A part of an advertiser's catalog."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from adserver.model.product import Product, paid_at


@lru_cache(8_192)
def category_path(category: str) -> str:
    """A category without regard to case and blanks, each of its parts closed by ``>``: what is below another one
    begins with it. ``Shoes > Boots`` -> ``shoes>boots>``; nothing stays nothing."""
    parts = [" ".join(part.split()).casefold() for part in category.split(">")]
    return "".join([f"{part}>" for part in parts if part])


@dataclass(frozen=True, kw_only=True)  # without slots: it keeps what is worked out once
class ProductSet:
    """Products of ``advertiser`` that pass every filter that is given.

    ``categories``: in one of them or below it (``Shoes`` has ``Shoes > Boots``); ``brands``; ``labels``: by number
    ("0" is ``custom_label_0``, up to "4") the values that are in; ``min_price`` and ``max_price`` in micros of the
    price to pay; ``on_sale``: reduced at the moment; ``products``: ids or item groups; ``exclude``: ids or item groups
    that are not in. Words are compared without regard to case.
    """

    id: str
    advertiser: str
    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    min_price: int | None = None
    max_price: int | None = None
    on_sale: bool = False
    products: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def has(self, product: Product, now: int) -> bool:
        """Whether ``product`` is in at ``now`` (seconds since 1970), which tells its price."""
        return self._is_named(product) and self._is_alike(product) and self._costs(product, now)

    def _is_named(self, product: Product) -> bool:
        if self.products and product.id not in self._ids and product.item_group_id not in self._ids:
            return False
        return product.id not in self._excluded and product.item_group_id not in self._excluded

    def _is_alike(self, product: Product) -> bool:
        if self.categories and not category_path(product.category).startswith(self._paths):
            return False
        if self.brands and _word(product.brand) not in self._brands:
            return False
        labels = product.labels
        return not self.labels or all(
            number < len(labels) and _word(labels[number]) in values for number, values in self._labels if values
        )

    def _costs(self, product: Product, now: int) -> bool:
        if self.min_price is None and self.max_price is None and not self.on_sale:
            return True
        price = paid_at(product, now)
        if (self.min_price is not None and price < self.min_price) or (
            self.max_price is not None and price > self.max_price
        ):
            return False
        return price < product.price or not self.on_sale

    # Worked out once: a set is asked for every product of every ad.
    @cached_property
    def _ids(self) -> frozenset[str]:
        return frozenset(self.products) - {""}

    @cached_property
    def _excluded(self) -> frozenset[str]:
        return frozenset(self.exclude) - {""}

    @cached_property
    def _paths(self) -> tuple[str, ...]:
        return tuple(path for path in map(category_path, self.categories) if path)

    @cached_property
    def _brands(self) -> frozenset[str]:
        return _words(self.brands)

    @cached_property
    def _labels(self) -> tuple[tuple[int, frozenset[str]], ...]:
        return tuple((int(number), _words(values)) for number, values in self.labels.items())


@lru_cache(8_192)
def _word(text: str) -> str:
    return " ".join(text.split()).casefold()


def _words(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(map(_word, texts))
