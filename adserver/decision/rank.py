"""In which order line items are tried: by priority, then by expected value, equals as the dice fall."""

from bisect import bisect
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, groupby
from math import log1p

from adserver.decision.index import Booking, Equals, PlacementEntry
from adserver.decision.value import expected_value
from adserver.model.rates import Rates

Rng = Callable[[], float]
"""A draw from [0, 1)."""

FEW = 256
"""Of so many equals all are looked at before the draw. Of more, one after the other is drawn and looked at."""

MISSES = 64
"""Draws in a row that may meet only those who were drawn before; then the rest is drawn at once."""


def ranked(entry: PlacementEntry, advertiser: int | None, rates: Rates) -> list[Equals]:
    """The bookings of one advertiser (by ``ref``; None: those for visitors nobody knows), best first.

    Worked out once for each ``rates`` and not per request.
    """
    held = entry.held
    if held.rates is not rates:
        held.rates, held.ranked = rates, {}
    found = held.ranked.get(advertiser)
    if found is None:
        bookings = entry.prospecting if advertiser is None else entry.by_advertiser[advertiser]
        found = held.ranked[advertiser] = equals_of(bookings, rates)
    return found


def equals_of(bookings: Sequence[Booking], rates: Rates) -> list[Equals]:
    """All of them, best first; the order in which they came does not matter."""
    rows = sorted(
        (booking.line_item.priority, -expected_value(booking, rates), booking.advertiser.ref, booking.line_item.id, at)
        for at, booking in enumerate(bookings)
    )
    return [
        Equals(priority, value, tuple([bookings[row[4]] for row in group]))
        for (priority, value), group in groupby(rows, key=lambda row: row[:2])
    ]


def merged(several: Sequence[list[Equals]]) -> list[Equals]:
    """Of several advertisers to one; ``several`` begins with the one that the visitor has been to last. Where nobody
    bids, nothing is known of what they are worth but that."""
    rows = sorted((part.priority, part.value, place, part) for place, parts in enumerate(several) for part in parts)
    joined = []
    for (priority, value), group in groupby(rows, key=lambda row: row[:2]):
        parts = [row[3] for row in group]
        if len(parts) > 1 and value:
            parts = [Equals(priority, value, tuple([booking for part in parts for booking in part.bookings]))]
        joined += parts
    return joined


def in_turn(groups: Iterable[Equals], is_eligible: Callable[[Booking], bool], rng: Rng) -> Iterator[Booking]:
    """The eligible ones, best first. Who is not eligible changes no chance of the others."""
    for equals in groups:
        if len(equals.bookings) > FEW:
            yield from filter(is_eligible, _one_by_one(equals, rng))
        else:
            yield from drawn([booking for booking in equals.bookings if is_eligible(booking)], rng)


def drawn(equals: Sequence[Booking], rng: Rng) -> Sequence[Booking]:
    """All of them in drawn order: the first is each of them with a probability in proportion to its weight, the next
    likewise among those that are left.

    Each waits for a time that is exponential in its weight (A. Efraimidis and P. Spirakis, "Weighted random sampling
    with a reservoir", 2006): so who is not among the equals changes nothing for those who are.
    """
    if len(equals) < 2:
        return equals
    waits = [(-log1p(-rng()) / booking.line_item.weight, place) for place, booking in enumerate(equals)]
    waits.sort()
    return [equals[place] for _, place in waits]


def _one_by_one(equals: Equals, rng: Rng) -> Iterator[Booking]:
    """The same, without a look at those that nobody asks for: who was drawn before is drawn again in vain."""
    bookings = equals.bookings
    if equals.sums is None:
        equals.sums = list(accumulate(booking.line_item.weight for booking in bookings))
    sums, before, misses = equals.sums, set[int](), 0
    while misses < MISSES:
        place = bisect(sums, rng() * sums[-1])
        if place in before:
            misses += 1
        else:
            misses = 0
            before.add(place)
            yield bookings[place]
    yield from drawn([booking for place, booking in enumerate(bookings) if place not in before], rng)
