"""What we saw a product cost: as much of it as tells the lowest price before a reduction, and no more.

Whoever puts a product in the place of another one calls ``continued``; the rest is what it is made of.
"""

from collections.abc import Sequence

from adserver.model.product import Product, paid_at

WINDOW_S = 30 * 86_400
"""The days before a reduction that count (Directive 98/6/EC, article 6a, paragraph 2)."""

MOST = 12
"""Prices kept at most. Few shops raise one 11 times in 30 days; where one does, a low stays a bit longer than true."""

History = tuple[tuple[int, int], ...]
"""(Second since 1970 from which on, micros), oldest first. The last is the price now; it began with the reduction, if
there is one. Those before it rise: what a later price undercut can be no lowest any more and is not kept."""


def continued(old: Product | None, new: Product, now: int) -> History:
    """The history of ``new``, which takes the place of ``old`` (None: never seen before) at ``now``.

    A sale that began or ended since ``old`` was read is in it from the second that the feed told. Where ``new`` calls a
    price reduced that was to be paid before without being called so, the reduction begins now, from that same price.
    """
    price = paid_at(new, now)
    if old is None or not old.history or old.currency != new.currency:
        return ((now, price),)
    before = lived(old.history, old, now)
    if new.sale_price is None:
        return extend(before, price, now)
    if before[-1][1] == price and _is_reduced(new, now) and not _is_reduced(old, now):
        return _begun(before, price, now)
    return extend(lived(before, new, now), price, now)


def lived(history: History, product: Product, now: int) -> History:
    """The history up to ``now``: with the beginning and the end of the product's sale, where they have come since."""
    if product.sale_price is None:
        return history
    for second in sorted((product.sale_from, product.sale_until)):
        if history and history[-1][0] < second <= now:
            history = extend(history, paid_at(product, second), second)
    return history


def extend(history: History, price: int, now: int) -> History:
    """The history, once a visitor pays ``price`` micros at ``now``; the same object where that changes nothing.

    Between two looks the price is taken to have stayed. A clock that went back does not: ``now`` is then the second of
    the last change.
    """
    if not history:
        return ((now, price),)
    return history if history[-1][1] == price else _begun(history, price, now)


def lowest_before(history: History) -> int | None:
    """The lowest price of the 30 days before the price now began; None where none was seen before it."""
    past = _within(history[:-1], history[-1][0]) if history else ()
    return min((price for _, price in past), default=None)


def _is_reduced(product: Product, now: int) -> bool:
    return paid_at(product, now) < product.price


def _begun(history: History, price: int, now: int) -> History:
    """The history with a price that began at ``now``."""
    now = max(now, history[-1][0])
    return (*_bounded(_within(_rising(history), now), now), (now, price))


def _rising(history: History) -> History:
    """Without the prices that a later one undercut or equalled; what was before them ends when it ended."""
    rising: list[tuple[int, int]] = []
    for since, price in history:
        begin = since
        while rising and rising[-1][1] >= price:
            begin = rising.pop()[0]
        rising.append((begin, price))
    return tuple(rising)


def _within(past: History, until: int) -> History:
    """The prices of ``past``, which ended at ``until``, without those that ended more than 30 days before that."""
    ends = _ends(past, until)
    return tuple(point for point, end in zip(past, ends, strict=True) if end > until - WINDOW_S)


def _bounded(past: History, until: int) -> History:
    """At most ``MOST`` - 1 prices: of the shortest, each time, the lower price before it takes the place.

    So no low is ever lost: one may stay longer than it was true, and a former price is then not shown that could be.
    """
    kept = list(past)
    while len(kept) >= MOST:
        lengths = [end - since for (since, _), end in zip(kept, _ends(kept, until), strict=True)]
        del kept[min(range(1, len(kept)), key=lengths.__getitem__)]
    return tuple(kept)


def _ends(past: Sequence[tuple[int, int]], until: int) -> list[int]:
    """When each price ended: where the next began, the last at ``until``."""
    return [since for since, _ in past[1:]] + [until] * bool(past)
