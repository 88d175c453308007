"""When a former price stands struck through: the cases, one row each."""

from typing import NamedTuple

import pytest

from adserver.catalog.history import History, continued
from adserver.catalog.honesty import ShownPrice, rule_of, shown_price
from adserver.model.account import Advertiser, StrikeThrough
from adserver.model.product import Product

DAY = 86_400
NOW = 1_795_000_000
PROVEN, CLAIMED, NEVER = StrikeThrough.PROVEN, StrikeThrough.CLAIMED, StrikeThrough.NEVER


def shoe(price: int, sale: int | None = None, *, start: float | None = None, end: float | None = None) -> Product:
    """A row of a feed; the sale's window in days from now."""
    return Product(
        id="1",
        title="Shoe",
        link="https://shop.test/1",
        image_link="",
        price=price,
        currency="EUR",
        sale_price=sale,
        sale_from=0 if start is None else NOW + int(start * DAY),
        sale_until=0 if end is None else NOW + int(end * DAY),
    )


def imported(*imports: tuple[float, Product]) -> Product:
    """The product after imports, each so many days from now."""
    old: Product | None = None
    for days, new in imports:
        old = new._replace(history=continued(old, new, NOW + int(days * DAY)))
    assert old is not None
    return old


class Case(NamedTuple):
    """``was``: what PROVEN strikes through, of what CLAIMED does (``claim``), on day 0."""

    name: str
    imports: tuple[tuple[float, Product], ...]
    price: int
    claim: int | None
    was: int | None


CASES = [
    Case("no sale", ((-9, shoe(100)),), 100, None, None),
    Case("a sale since we know the product", ((-9, shoe(100, 80)),), 80, 100, None),
    Case("a sale at first sight, unchanged later", ((-9, shoe(100, 80)), (-1, shoe(100, 80))), 80, 100, None),
    Case("full price, then the sale", ((-40, shoe(100)), (-1, shoe(100, 80))), 80, 100, 100),
    Case("full price for a day only", ((-2, shoe(100)), (-1, shoe(100, 80))), 80, 100, 100),
    Case("raised shortly before", ((-40, shoe(100)), (-3, shoe(120)), (-1, shoe(120, 90))), 90, 120, None),
    Case("raised, and the lowest struck", ((-40, shoe(100)), (-3, shoe(120)), (-1, shoe(100, 90))), 90, 100, 100),
    Case("raised 32 days before", ((-60, shoe(100)), (-33, shoe(120)), (-1, shoe(120, 90))), 90, 120, 120),
    Case("raised together with the sale", ((-40, shoe(100)), (-1, shoe(150, 90))), 90, 150, None),
    Case("a claim below the lowest", ((-40, shoe(100)), (-1, shoe(95, 80))), 80, 95, None),
    Case("the second step", ((-40, shoe(100)), (-3, shoe(100, 80)), (-1, shoe(100, 60))), 60, 100, None),
    Case("the second step from the first", ((-40, shoe(100)), (-3, shoe(100, 80)), (-1, shoe(80, 60))), 60, 80, 80),
    Case("a sale that got dearer", ((-40, shoe(100)), (-3, shoe(100, 80)), (-1, shoe(100, 90))), 90, 100, None),
    Case(
        "a pause in the sale",
        ((-40, shoe(100)), (-9, shoe(100, 80)), (-5, shoe(100)), (-1, shoe(100, 80))),
        80,
        100,
        None,
    ),
    Case(
        "a sale 40 days after the last",
        ((-99, shoe(100)), (-60, shoe(100, 80)), (-41, shoe(100)), (-1, shoe(100, 80))),
        80,
        100,
        100,
    ),
    Case("a sale for months", ((-200, shoe(100)), (-170, shoe(100, 80)), (-1, shoe(100, 80))), 80, 100, 100),
    Case(
        "a lower price, called reduced later", ((-60, shoe(100)), (-50, shoe(80)), (-1, shoe(100, 80))), 80, 100, None
    ),
    Case("a lower price that nobody calls reduced", ((-60, shoe(100)), (-1, shoe(80))), 80, None, None),
    Case("another claim in the sale", ((-60, shoe(100)), (-9, shoe(100, 80)), (-1, shoe(130, 80))), 80, 130, None),
    Case("a sale not yet on", ((-9, shoe(100, 80, start=1, end=2)),), 100, None, None),
    Case("a sale that is over", ((-9, shoe(100, 80, start=-5, end=-1)),), 100, None, None),
    Case("a sale that ends this second", ((-9, shoe(100, 80, start=-5, end=0)),), 100, None, None),
    Case("a sale that begins this second", ((-9, shoe(100, 80, start=0, end=2)),), 80, 100, 100),
    Case("a sale begun since the import", ((-9, shoe(100, 80, start=-1, end=2)),), 80, 100, 100),
    Case("begun at the import", ((-9, shoe(100, 80, start=-9, end=2)),), 80, 100, None),
    Case("a window, raised before", ((-9, shoe(90)), (-3, shoe(120, 80, start=-1))), 80, 120, None),
    Case(
        "a flash sale between two imports",
        ((-9, shoe(100, 50, start=-5, end=-4)), (-1, shoe(100, 80))),
        80,
        100,
        None,
    ),
    Case("a sale price that is none", ((-9, shoe(100)), (-1, shoe(100, 100))), 100, None, None),
    Case("a sale price above the price", ((-9, shoe(100)), (-1, shoe(100, 120))), 120, None, None),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_is_shown(case: Case) -> None:
    product = imported(*case.imports)
    assert shown_price(product, NOW, PROVEN)[:2] == (case.price, case.was)
    assert shown_price(product, NOW, CLAIMED)[:2] == (case.price, case.claim)
    assert shown_price(product, NOW, NEVER)[:2] == (case.price, None)


def test_the_answer_tells_until_when_it_holds() -> None:
    sale = imported((-9, shoe(100, 80, start=-1, end=2)))
    start, end = sale.sale_from, sale.sale_until
    assert shown_price(sale, start - 1, PROVEN) == ShownPrice(100, None, start)
    assert shown_price(sale, start, PROVEN) == ShownPrice(80, 100, end)
    assert shown_price(sale, end - 1, PROVEN) == ShownPrice(80, 100, end)
    assert shown_price(sale, end, PROVEN) == ShownPrice(100, None, 0)
    assert shown_price(shoe(100, 80), NOW, CLAIMED) == ShownPrice(80, 100, 0)
    assert shown_price(shoe(100, None, start=1, end=2), NOW, CLAIMED) == ShownPrice(100, None, 0)


@pytest.mark.parametrize("history", [(), ((NOW, 90),), ((NOW - 9, 100), (NOW, 90)), ((NOW, 100),)], ids=str)
def test_a_history_of_something_else_proves_nothing(history: History) -> None:
    """As it may be where a product was changed without its history."""
    assert shown_price(shoe(100, 80)._replace(history=history), NOW + 5, PROVEN).was is None


def test_a_history_that_was_not_shortened_is_read_the_same() -> None:
    history = ((NOW - 90 * DAY, 70), (NOW - 50 * DAY, 100), (NOW - 20 * DAY, 120), (NOW - DAY, 80))
    assert shown_price(shoe(100, 80)._replace(history=history), NOW, PROVEN).was == 100


@pytest.mark.parametrize(
    ("currency", "own", "rule"),
    [
        ("EUR", None, PROVEN),
        ("SEK", None, PROVEN),
        ("PLN", None, PROVEN),
        ("CHF", None, CLAIMED),
        ("GBP", None, CLAIMED),
        ("NOK", None, CLAIMED),
        ("USD", PROVEN, PROVEN),
        ("EUR", CLAIMED, CLAIMED),
        ("EUR", NEVER, NEVER),
    ],
)
def test_whose_rule_holds(currency: str, own: StrikeThrough | None, rule: StrikeThrough) -> None:
    shop = Advertiser(
        id="acme", name="Acme", domains=("shop.test",), currency=currency, locale="de_DE", strike_through=own
    )
    assert rule_of(shop) is rule
