"""What a feed may lose or change unseen, and when its next turn is."""

import gzip
import io
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adserver.catalog import guards
from adserver.catalog.format_name import format_of
from adserver.catalog.guards import PRICES_KEPT, Guards
from adserver.model.account import Feed
from adserver.model.feed_import import Outcome
from adserver.model.product import Product
from adserver.service.feed_schedule import RETRY_S, pause_s


def gzipped(data: bytes) -> bytes:
    """Without a time in it, so that tests named by it have the same names in every process."""
    return gzip.compress(data, mtime=0)


def products(prices: list[int], currency: str = "EUR") -> list[Product]:
    return [Product(f"P{n}", "A title", "https://shop.test/", "", price, currency) for n, price in enumerate(prices)]


def compared(old: list[Product], new: list[Product]) -> Guards:
    found = Guards()
    found.compare({product.id: product for product in old}, new)
    return found


@pytest.mark.parametrize(
    ("before", "now", "max_loss", "is_held_back"),
    [
        (10, 7, 0.3, False),
        (10, 6, 0.3, True),
        (100, 71, 0.29, False),
        (100, 70, 0.29, True),
        (1_000_000, 700_000, 0.3, False),
        (1_000_000, 699_999, 0.3, True),
        (10, 9, 0.0, True),
        (10, 1, 1.0, False),
        (0, 5, 0.3, False),
        (5, 50, 0.3, False),
    ],
)
def test_a_feed_may_lose_a_share_of_its_products(before: int, now: int, max_loss: float, is_held_back: bool) -> None:
    assert bool(Guards().objection(before, now, max_loss)) is is_held_back


def test_a_loss_is_told_in_numbers() -> None:
    assert Guards().objection(10, 3, 0.3) == (
        "it has 3 products, 70% fewer than the 10 in use, and max_loss allows 30%"
    )


@pytest.mark.parametrize(
    ("factor", "is_held_back"),
    [(1.0, False), (1.5, False), (1.51, True), (0.5, False), (0.49, True), (100.0, True), (0.01, True)],
)
def test_prices_may_move_by_half_in_the_median(factor: float, is_held_back: bool) -> None:
    old = products([10_000_000] * 20)
    new = products([round(10_000_000 * factor)] * 20)
    assert bool(compared(old, new).objection(20, 20, 0.3)) is is_held_back
    assert not compared(old[:19], new[:19]).objection(19, 19, 0.3)  # too few to say anything


def test_most_prices_may_move_as_long_as_the_median_does_not() -> None:
    old = products([10] * 41)
    assert not compared(old, products([10] * 21 + [1_000] * 20)).objection(41, 41, 0.3)
    assert compared(old, products([10] * 20 + [1_000] * 21)).objection(41, 41, 0.3)


def test_a_sale_on_everything_is_no_mistake() -> None:
    old = products([10_000_000] * 30)
    new = [product._replace(sale_price=1_000_000) for product in old]
    assert not compared(old, new).objection(30, 30, 0.3)


def test_another_currency_for_most_products() -> None:
    old, new = products([10] * 5), products([10] * 5, "USD")
    said = compared(old, new).objection(5, 5, 0.3)
    assert said == "5 of the 5 products in use have a price in another currency now"
    assert not compared(old, new).objection(5, 5, 0.3, currency_may_change=True)
    assert not compared(old, [*new[:2], *old[2:]]).objection(5, 5, 0.3)


@settings(deadline=None)
@given(st.lists(st.integers(1, 100_000), min_size=20, max_size=60))
def test_the_median_is_exact(prices: list[int]) -> None:
    old = products([1_000] * len(prices))
    ratio = median(price / 1_000 for price in prices)
    held_back = bool(compared(old, products(prices)).objection(len(prices), len(prices), 1.0))
    assert held_back is not (0.5 <= ratio <= 1.5)


def test_memory_is_bounded_however_many_products_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "PRICES_KEPT", 64)
    found = Guards()
    for half in range(2):  # half of the feed with the same prices, then half with ten times that
        for first in range(0, 5_000, 500):
            old = products([100] * 500)
            found.compare({product.id: product for product in old}, products([100 * (1 + 9 * half)] * 500))
            assert len(found._ratios) <= 64, first
    kept = list(found._ratios)
    assert len(kept) > 16
    assert abs(sum(ratio > 1 for ratio in kept) / len(kept) - 0.5) < 0.1
    assert PRICES_KEPT >= 100_000


FEED = Feed(advertiser="acme", source="/srv/feed.xml", every_s=21_600)


@pytest.mark.parametrize("dice", [0.0, 0.5, 0.999])
def test_a_good_feed_is_looked_at_again_at_its_time(dice: float) -> None:
    for outcome in (Outcome.IMPORTED, Outcome.UNCHANGED, Outcome.HELD_BACK):
        assert 21_600 * 0.95 <= pause_s(FEED, outcome, 0, dice) <= 21_600 * 1.05


def test_a_failing_feed_is_tried_again_sooner_and_sooner_less() -> None:
    pauses = [pause_s(FEED, Outcome.REFUSED, failures, 0.5) for failures in range(1, 10)]
    assert pauses == [*RETRY_S, RETRY_S[-1], RETRY_S[-1], RETRY_S[-1]]


def test_a_feed_with_a_short_pause_never_waits_longer_than_that() -> None:
    quick = Feed(advertiser="acme", source="/srv/feed.xml", every_s=300)
    assert [pause_s(quick, Outcome.REFUSED, failures, 0.5) for failures in (1, 3, 9)] == [60, 300, 300]


TABLE = "id;title;link;price\nA;A title;https://shop.test/a;1.00 EUR\n"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (TABLE.encode(), "table with semicolons"),
        (TABLE.replace(";", "\t").encode("utf-16"), "table with tabs"),
        (gzipped(TABLE.replace(";", ",").encode()), "table with commas, gzip"),
        (b"<rss><channel></channel></rss>", "XML"),
        (b'[{"id": "A"}]', "JSON"),
        (b"", ""),
        (b"\x89PNG\r\n", ""),
        (gzipped(b"no feed at all"), ""),
    ],
)
def test_what_a_feed_is_taken_for_is_told(content: bytes, name: str) -> None:
    stream = io.BytesIO(content)
    assert format_of(stream) == name
    assert stream.tell() == 0
