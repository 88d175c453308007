"""Which price is shown, and whether a former one may stand struck through beside it.

Directive 98/6/EC, article 6a (put in by Directive (EU) 2019/2161): whoever announces a price reduction indicates the
prior price, and that is the lowest price applied during a period not shorter than 30 days before the reduction. Member
states may allow more for goods new on the market and for reductions that grow step by step (paragraphs 4 and 5); not
all of them do, so nothing of that is used here: each step of a reduction is judged like a first one.
"""

from typing import NamedTuple

from adserver.catalog.history import lived, lowest_before
from adserver.model.account import Advertiser, StrikeThrough
from adserver.model.product import Product, paid_at

EU_CURRENCIES = frozenset({"BGN", "CZK", "DKK", "EUR", "HUF", "PLN", "RON", "SEK"})
"""Money of the member states. Bulgaria pays in euros since 2026; a shop whose account still says BGN is there all the
same."""


class ShownPrice(NamedTuple):
    """``price`` is to be paid, ``was`` struck through beside it (None: nothing), both in micros.

    ``until`` is the second since 1970 from which on the answer may be another one, 0 for never.
    """

    price: int
    was: int | None
    until: int


def rule_of(advertiser: Advertiser) -> StrikeThrough:
    """The advertiser's own rule; by default proof is asked for where its currency is one of the EU's."""
    if advertiser.strike_through is not None:
        return advertiser.strike_through
    return StrikeThrough.PROVEN if advertiser.currency in EU_CURRENCIES else StrikeThrough.CLAIMED


def shown_price(product: Product, now: int, rule: StrikeThrough) -> ShownPrice:
    """What a banner says at ``now`` (seconds since 1970) that the product costs."""
    price = paid_at(product, now)
    is_true = price < product.price and (
        rule is StrikeThrough.CLAIMED or (rule is StrikeThrough.PROVEN and _is_proven(product, price, now))
    )
    return ShownPrice(price, product.price if is_true else None, _until(product, now))


def _is_proven(product: Product, price: int, now: int) -> bool:
    """Whether the feed's full price is the lowest that we saw in the 30 days before ``price`` began."""
    history = lived(product.history, product, now)
    return bool(history) and history[-1][1] == price and lowest_before(history) == product.price


def _until(product: Product, now: int) -> int:
    """The next beginning or end of the sale after ``now``."""
    if product.sale_price is None:
        return 0
    return min((second for second in (product.sale_from, product.sale_until) if second > now), default=0)
