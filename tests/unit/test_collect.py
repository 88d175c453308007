"""Raw fields -> event, check by check."""

import pytest

from adserver.collect.names import EVENT_BY_NAME
from adserver.collect.page import is_foreign
from adserver.collect.parse import MAX_PRODUCTS, parse_event, parse_products
from adserver.model.account import Advertiser
from adserver.model.event import NEEDS_PRODUCT, Event
from adserver.model.event_name import EventName
from adserver.model.reason import EventReason

ACME = Advertiser(id="acme", name="Acme", domains=("shop.test",), currency="EUR", locale="de_DE")


def parse(**fields: str | list[str]) -> Event | EventReason:
    values = {name: [value] if isinstance(value, str) else value for name, value in fields.items()}
    return parse_event(values, {"acme": ACME})


def test_all_fields() -> None:
    event = parse(a="acme", e="purchase", p=["SKU1", " SKU2 "], q="2", v="19.90", c="EUR", o="order 1/ä")
    assert event == Event(
        name=EventName.PURCHASE,
        advertiser=ACME,
        products=("SKU1", "SKU2"),
        quantity=2,
        value=19_900_000,
        currency="EUR",
        order_id="order 1/ä",
    )


def test_no_more_than_needed() -> None:
    assert parse(a="acme", e="page_view") == Event(name=EventName.PAGE_VIEW, advertiser=ACME)


def test_empty_optional_fields_are_absent_ones() -> None:
    assert parse(a="acme", e="page_view", q="", v="", c="", o="") == parse(a="acme", e="page_view")


@pytest.mark.parametrize("name", ["a", "e", "q", "v", "c", "o", "eid", "url", "em"])
def test_what_is_single_must_not_come_twice(name: str) -> None:
    fields: dict[str, str | list[str]] = {"a": "acme", "e": "page_view", name: ["1", "1"]}
    assert parse(**fields) is EventReason.MALFORMED


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://shop.test/sale/?a=1#b", True),
        ("HTTP://shop.test", True),
        ("https://shop.test/" + "x" * 2_030, True),
        ("https://shop.test/" + "x" * 2_031, False),
        ("javascript:alert(1)", False),
        ("shop.test/sale", False),
        ("", False),
    ],
)
def test_a_page_is_one_of_the_web_and_not_endless(url: str, kept: bool) -> None:
    event = parse(a="acme", e="page_view", url=url)
    assert isinstance(event, Event)
    assert event.url == (url if kept else "")


@pytest.mark.parametrize("digest", ["ab" * 32, "AB" * 32])
def test_of_the_hash_of_an_address_the_beginning_is_kept(digest: str) -> None:
    event = parse(a="acme", e="login", em=digest)
    assert isinstance(event, Event)
    assert event.mail == b"\xab" * 8


@pytest.mark.parametrize(
    "text", ["anna@example.com", "ab" * 31, "ab" * 33, "ab" * 31 + "xx", " " + "ab" * 32, "٣" * 64]
)
def test_anything_else_is_no_hash_of_an_address(text: str) -> None:
    assert parse(a="acme", e="login", em=text) is EventReason.BAD_MAIL
    assert parse(a="acme", e="login", em="") == Event(name=EventName.LOGIN, advertiser=ACME)


def test_the_first_failure_wins() -> None:
    assert parse(e="x", q="x") is EventReason.MISSING_ADVERTISER
    assert parse(a="x", e="x") is EventReason.UNKNOWN_ADVERTISER
    assert parse(a="acme", q="x") is EventReason.MISSING_EVENT
    assert parse(a="acme", e="view_item", q="x") is EventReason.MISSING_PRODUCT
    assert parse(a="acme", e="page_view", q="x", v="x") is EventReason.BAD_QUANTITY
    assert parse(a="acme", e="page_view", v="x", c="x") is EventReason.BAD_VALUE


@pytest.mark.parametrize("name", list(EventName))
def test_only_some_events_need_a_product(name: EventName) -> None:
    without = parse(a="acme", e=name.value)
    assert (without is EventReason.MISSING_PRODUCT) == (name in NEEDS_PRODUCT)
    assert isinstance(parse(a="acme", e=name.value, p="SKU1"), Event)


@pytest.mark.parametrize(
    ("written", "micros"),
    [("0", 0), ("1", 10**6), ("0.1", 10**5), ("0.000001", 1), ("999999999999.999999", 10**18 - 1)],
)
def test_values_in_micros(written: str, micros: int) -> None:
    event = parse(a="acme", e="page_view", v=written)
    assert isinstance(event, Event)
    assert event.value == micros


@pytest.mark.parametrize(
    "written",
    ["NaN", "Infinity", "-0", "-1", "1e309", "1,5", "1.", ".1", "1.1234567", "9" * 13, "9" * 400, "٣", "1 ", "\n1"],
)
def test_what_is_no_value(written: str) -> None:
    assert parse(a="acme", e="page_view", v=written) is EventReason.BAD_VALUE


@pytest.mark.parametrize("written", ["0", "00", "-1", "1.0", "1e3", "9" * 7, "9" * 400, "٣", "１", "1\n"])
def test_what_is_no_quantity(written: str) -> None:
    assert parse(a="acme", e="page_view", q=written) is EventReason.BAD_QUANTITY


def test_products() -> None:
    assert parse_products([]) == ()
    assert parse_products(["", "  "]) == ()
    assert parse_products(["a", "b", "a"]) == ("b", "a")
    assert parse_products(["x" * 240]) == ("x" * 240,)
    assert parse_products(["x" * 241]) is EventReason.BAD_PRODUCT_ID
    assert parse_products(["€" * 80]) == ("€" * 80,)
    assert parse_products(["€" * 81]) is EventReason.BAD_PRODUCT_ID
    assert parse_products(["x"] * MAX_PRODUCTS) == ("x",)
    assert parse_products(["x"] * (MAX_PRODUCTS + 1)) is EventReason.TOO_MANY_PRODUCTS


@pytest.mark.parametrize("control", ["\x00", "\n", "\r", "\x1b", "\x7f", "\x85", "\u2028", "\u2029"])
def test_controls_are_in_no_id(control: str) -> None:
    assert parse_products([f"a{control}b"]) is EventReason.BAD_PRODUCT_ID
    assert parse(a="acme", e="purchase", o=f"a{control}b") is EventReason.BAD_ORDER_ID


def test_the_vocabularies_do_not_contradict_each_other() -> None:
    assert all(name == name.lower() for name in EVENT_BY_NAME)
    assert all(EVENT_BY_NAME[name.value] is name for name in EventName)


def test_foreign_pages() -> None:
    assert not is_foreign((), ACME.domains)
    assert not is_foreign(("shop.test", "www.shop.test"), ACME.domains)
    assert is_foreign(("shop.test", "evil.example"), ACME.domains)
    assert is_foreign(("",), ACME.domains)
