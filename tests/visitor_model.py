"""A visitor for tests of rules: what happens is counted as Valkey counts it, without Valkey."""

from collections.abc import Mapping

from adserver.audience.rules import Rules
from adserver.model.event import Event
from adserver.model.product import Product
from adserver.model.profile import EPOCH, Profile


class CountedVisitor:
    """``rules`` say what is counted; events are told in the order of their times."""

    def __init__(self, rules: Rules, products: Mapping[str, Product]) -> None:
        self._rules = rules
        self._products = products
        self._happened: dict[str, tuple[int, ...]] = {}

    def does(self, event: Event, at: int) -> None:
        """``at`` in seconds since 1970."""
        known = {product: self._products[product] for product in event.products if product in self._products}
        asked = self._rules.needs_products(event.advertiser.id, event.name)
        for name, keep in self._rules.counters(event, known if asked else {}, at):
            self._happened[name] = (at - EPOCH, *self._happened.get(name, ()))[:keep]

    @property
    def profile(self) -> Profile:
        """What is known now, of rules only."""
        return Profile(happened=dict(self._happened))
