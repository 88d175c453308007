"""Laws of the price history: what is kept of it never makes a former price lower the bar for the truth."""

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from adserver.catalog.history import MOST, WINDOW_S, History, continued, extend, lowest_before
from adserver.catalog.honesty import shown_price
from adserver.model.account import StrikeThrough
from adserver.model.product import Product, paid_at

DAY = 86_400
GAPS = st.integers(0, 12 * DAY) | st.sampled_from([0, 1, DAY, WINDOW_S - 1, WINDOW_S, WINDOW_S + 1])
PRICES = st.integers(1, 9) | st.integers(1, 200)
LOOKS = st.lists(st.tuples(GAPS, PRICES), min_size=1, max_size=60)


class Seen(NamedTuple):
    """All prices that were ever seen, each with its beginning and its end."""

    past: list[tuple[int, int, int]]
    since: int
    price: int


def all_of(looks: list[tuple[int, int]]) -> Seen:
    now, since, current = 0, 0, 0
    past = []
    for gap, price in looks:
        now += gap
        if price != current:
            if current:
                past.append((since, now, current))
            since, current = now, price
    return Seen(past, since, current)


def true_lowest(seen: Seen) -> int | None:
    return min((price for _, end, price in seen.past if end > seen.since - WINDOW_S), default=None)


def kept_of(looks: list[tuple[int, int]]) -> History:
    history: History = ()
    now = 0
    for gap, price in looks:
        now += gap
        history = extend(history, price, now)
    return history


@given(LOOKS)
@settings(max_examples=300)
def test_what_is_kept_tells_the_lowest_and_never_a_higher_one(looks: list[tuple[int, int]]) -> None:
    kept, seen = kept_of(looks), all_of(looks)
    lowest, true = lowest_before(kept), true_lowest(seen)
    assert kept[-1] == (seen.since, seen.price)
    assert (lowest is None) == (true is None)
    if lowest is not None and true is not None:
        assert lowest <= true
    if len(seen.past) < MOST:
        assert lowest == true


@given(LOOKS)
def test_what_is_kept_is_bounded_and_in_order(looks: list[tuple[int, int]]) -> None:
    kept = kept_of(looks)
    assert 1 <= len(kept) <= MOST
    assert [since for since, _ in kept] == sorted(since for since, _ in kept)
    past = [price for _, price in kept[:-1]]
    assert past == sorted(set(past))


@given(st.lists(st.integers(0, 6 * 3600), min_size=20, max_size=80), st.data())
def test_prices_that_rise_all_the_time_lose_no_low(gaps: list[int], data: st.DataObject) -> None:
    looks = [(gap, 100 + number) for number, gap in enumerate(gaps)]
    last = data.draw(st.integers(1, 99 + len(gaps)))
    looks.append((1, last))
    lowest, true = lowest_before(kept_of(looks)), true_lowest(all_of(looks))
    assert lowest is not None
    assert true is not None
    assert lowest <= true


@given(LOOKS, st.integers(-400, 400))
def test_a_clock_that_goes_back_never_lifts_the_lowest(looks: list[tuple[int, int]], days: int) -> None:
    """What was seen before the last price was seen within the window, as far as anybody can tell."""
    history = kept_of(looks)
    now = history[-1][0] + days * DAY
    after = extend(history, 1_000, now)
    assert after[-1][0] >= history[-1][0]
    if days < 0:
        assert lowest_before(after) == min([history[-1][1], *([lowest_before(history) or 1_000])])


SALES = st.none() | st.tuples(st.integers(1, 3), st.none() | st.integers(-2, 6), st.none() | st.integers(1, 3))
"""A sale price, days from the import to its beginning, and its length in days; None: at once, without an end."""

IMPORTS = st.lists(st.tuples(st.integers(1, 12), st.integers(2, 4), SALES), min_size=2, max_size=8)
"""Days since the import before, a price, a sale."""


def row(price: int, sale: tuple[int, int | None, int | None] | None, now: int) -> Product:
    shoe = Product(id="1", title="Shoe", link="https://shop.test/1", image_link="", price=price, currency="EUR")
    if sale is None:
        return shoe
    paid, days, length = sale
    start = 0 if days is None else max(now + days * DAY, 1)
    return shoe._replace(sale_price=paid, sale_from=start, sale_until=(start or now) + length * DAY if length else 0)


@given(IMPORTS, st.integers(0, 10 * DAY))
@settings(max_examples=400)
def test_no_price_is_struck_that_is_not_the_lowest_of_the_30_days(
    imports: list[tuple[int, int, tuple[int, int | None, int | None] | None]], wait: int
) -> None:
    """Against everything that banners showed, second by second between the imports."""
    old: Product | None = None
    now = 0
    shown: list[tuple[int, int]] = []
    for days, full, sale in imports:
        begin, now = now, now + days * DAY
        if old is not None:
            shown += _showings(old, begin, now)
        new = row(full, sale, now)
        old = new._replace(history=continued(old, new, now))
    assert old is not None
    shown += _showings(old, now, now + wait + 1)
    price, was, until = shown_price(old, now + wait, StrikeThrough.PROVEN)
    assert price == paid_at(old, now + wait) == shown[-1][1]
    assert until == 0 or until > now + wait
    if was is not None:
        reduced = _last_change(shown)
        ends = [second for second, _ in shown[1:]] + [now + wait + 1]
        lows = [p for (begin, p), end in zip(shown, ends, strict=True) if begin < reduced and end > reduced - WINDOW_S]
        assert was == old.price > price
        assert was <= min(lows)


def _showings(product: Product, begin: int, end: int) -> list[tuple[int, int]]:
    """(Second, price shown from then on) from ``begin`` up to ``end``."""
    turns = {begin, *(second for second in (product.sale_from, product.sale_until) if begin < second < end)}
    return [(second, paid_at(product, second)) for second in sorted(turns)]


def _last_change(shown: list[tuple[int, int]]) -> int:
    """Since when the last price has been shown without a pause."""
    since = shown[-1][0]
    for second, price in reversed(shown):
        if price != shown[-1][1]:
            break
        since = second
    return since
