"""What is kept of the prices that a product was seen at."""

from adserver.catalog.history import MOST, WINDOW_S, History, continued, extend, lived, lowest_before
from adserver.model.product import Product, paid_at

DAY = 86_400
NOW = 1_795_000_000

SHOE = Product(id="1", title="Shoe", link="https://shop.test/1", image_link="", price=100, currency="EUR")


def seen(*points: tuple[float, int]) -> History:
    """The history of prices seen so many days from now on."""
    history: History = ()
    for days, price in points:
        history = extend(history, price, NOW + int(days * DAY))
    return history


def test_the_first_sight_is_the_whole_history() -> None:
    assert extend((), 100, NOW) == ((NOW, 100),)
    assert lowest_before(()) is None
    assert lowest_before(((NOW, 100),)) is None


def test_the_same_price_again_changes_nothing() -> None:
    history = seen((0, 100), (1, 80))
    assert extend(history, 80, NOW + 90 * DAY) is history


def test_a_price_that_was_undercut_is_not_kept() -> None:
    assert seen((0, 100), (1, 120), (2, 90), (3, 95)) == ((NOW, 90), (NOW + 3 * DAY, 95))


def test_lows_of_the_30_days_before_count() -> None:
    assert lowest_before(seen((0, 70), (1, 100), (5, 80))) == 70
    assert lowest_before(seen((0, 70), (1, 100), (31, 80))) == 100, "70 ended exactly 30 days before"
    assert lowest_before(seen((0, 70), (1, 100), (30.99, 80))) == 70


def test_a_price_that_ended_long_ago_is_dropped() -> None:
    assert seen((0, 70), (1, 100), (40, 80)) == ((NOW + DAY, 100), (NOW + 40 * DAY, 80))


def test_a_long_reduction_keeps_its_own_reference() -> None:
    history = seen((0, 100), (1, 80))
    for day in range(2, 200):
        history = extend(history, 80, NOW + day * DAY)
    assert lowest_before(history) == 100
    assert lowest_before(extend(history, 60, NOW + 200 * DAY)) == 80


def test_a_clock_that_went_back_loses_no_low() -> None:
    history = extend(((NOW, 70),), 100, NOW - 40 * DAY)
    assert history == ((NOW, 70), (NOW, 100))
    assert lowest_before(extend(history, 80, NOW + DAY)) == 70


def test_two_prices_in_one_second_were_both_seen() -> None:
    assert lowest_before(extend(((NOW, 100),), 80, NOW)) == 100


def test_too_many_prices_lose_the_shortest_and_no_low() -> None:
    points = [(day * 2.0, 100 + day) for day in range(MOST)]
    points[5] = (points[6][0] - 0.25, 105)
    history = seen(*points)
    assert len(history) == MOST
    assert len(extend(history, 200, NOW + 25 * DAY)) == MOST
    prices = [price for _, price in extend(history, 200, NOW + 25 * DAY)]
    assert prices == [100, 101, 102, 103, 104, *range(106, 100 + MOST), 200], "the one of six hours"


def test_the_sale_price_is_paid_inside_its_window() -> None:
    sale = SHOE._replace(sale_price=80, sale_from=NOW, sale_until=NOW + DAY)
    assert [paid_at(sale, NOW + second) for second in (-1, 0, DAY - 1, DAY)] == [100, 80, 80, 100]
    assert paid_at(sale._replace(sale_from=0), 1) == 80
    assert paid_at(sale._replace(sale_until=0), NOW + 1_000 * DAY) == 80
    assert paid_at(SHOE, NOW) == 100


def test_a_sale_between_two_imports_is_in_the_history() -> None:
    flash = SHOE._replace(sale_price=50, sale_from=NOW + 10, sale_until=NOW + 20, history=((NOW, 100),))
    assert lived(flash.history, flash, NOW + 9) == ((NOW, 100),)
    assert lived(flash.history, flash, NOW + 10) == ((NOW, 100), (NOW + 10, 50))
    assert lived(flash.history, flash, NOW + 20) == ((NOW, 50), (NOW + 20, 100))
    assert continued(flash, SHOE, NOW + 99) == ((NOW, 50), (NOW + 20, 100))
    after = lived(flash.history, flash, NOW + 99)
    assert lived(after, flash, NOW + 99) is after, "once is enough"


def test_a_sale_that_began_before_it_was_read_began_when_the_feed_says() -> None:
    old = SHOE._replace(history=((NOW, 100),))
    new = SHOE._replace(sale_price=80, sale_from=NOW + 10)
    assert continued(old, new, NOW + 99) == ((NOW, 100), (NOW + 10, 80))
    assert continued(old, new._replace(sale_from=NOW - DAY), NOW + 99) == ((NOW, 100), (NOW + 99, 80))


def test_a_reduction_from_no_higher_price_begins_when_it_is_announced() -> None:
    old = SHOE._replace(price=80, history=((NOW, 100), (NOW + DAY, 80)))
    new = SHOE._replace(sale_price=80)
    history = continued(old, new, NOW + 2 * DAY)
    assert lowest_before(history) == 80
    assert continued(new._replace(history=history), new, NOW + 3 * DAY) is history


def test_another_currency_begins_anew() -> None:
    old = SHOE._replace(history=((NOW, 100),))
    assert continued(old, SHOE._replace(currency="CZK", price=2_500), NOW + 1) == ((NOW + 1, 2_500),)
    assert continued(None, SHOE, NOW) == ((NOW, 100),)
    assert continued(SHOE, SHOE, NOW) == ((NOW, 100),), "one that was kept without a history"


def test_the_window_is_30_days() -> None:
    assert WINDOW_S == 30 * DAY
