"""The pixel's parser: an event or a reason, for whatever fields there are."""

import re
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from adserver.collect.names import EVENT_BY_NAME
from adserver.collect.parse import MAX_PRODUCTS, parse_event, parse_products, to_micros
from adserver.model.account import Advertiser
from adserver.model.event import NEEDS_PRODUCT, Event
from adserver.model.product import PRODUCT_ID_MAX_BYTES
from adserver.model.reason import EventReason

ACME = Advertiser(id="acme", name="Acme", domains=("shop.test",), currency="EUR", locale="de_DE")
ADVERTISERS = {"acme": ACME}

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
NAMES = st.sampled_from(["a", "e", "p", "q", "v", "c", "o", "eid", "url", "gdpr", "__proto__"]) | TEXT
NUMBERS = st.sampled_from(["0", "1", "-0", "NaN", "1e309", "9" * 400, "0.1", "٣", "１", "1_0", " 1", ".5", "5."])
VALUES = st.one_of(TEXT, NUMBERS, st.sampled_from(["acme", "EUR", *EVENT_BY_NAME]))
FIELDS = st.dictionaries(NAMES, st.lists(VALUES, max_size=25), max_size=12)


def check(event: Event | EventReason) -> None:
    """What every event may rely on."""
    if isinstance(event, EventReason):
        return
    assert event.advertiser is ACME
    assert len(event.products) <= MAX_PRODUCTS
    assert len(set(event.products)) == len(event.products)
    assert event.products or event.name not in NEEDS_PRODUCT
    for product in event.products:
        assert product == product.strip() != ""
        assert len(product.encode()) <= PRODUCT_ID_MAX_BYTES
        assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029]", product)
    assert event.quantity is None or 1 <= event.quantity < 10**6
    assert event.value is None or 0 <= event.value < 10**18
    assert event.currency == "" or re.fullmatch("[A-Z]{3}", event.currency)
    assert len(event.order_id) <= 64


@given(FIELDS)
def test_any_fields_make_an_event_or_a_reason(fields: dict[str, list[str]]) -> None:
    check(parse_event(fields, ADVERTISERS))


@given(FIELDS)
def test_the_same_behind_a_good_beginning(fields: dict[str, list[str]]) -> None:
    check(parse_event({"p": ["SKU1"], **fields, "a": ["acme"], "e": ["view_item"]}, ADVERTISERS))


@given(st.lists(TEXT, max_size=30))
def test_products_are_each_there_once_the_last_mention_last(ids: list[str]) -> None:
    products = parse_products(ids)
    if isinstance(products, EventReason):
        return
    mentioned = [text.strip() for text in ids if text.strip()]
    assert set(products) == set(mentioned)
    last = {product: at for at, product in enumerate(mentioned)}
    assert list(products) == sorted(products, key=last.__getitem__)


@given(st.decimals(0, 999_999_999_999, places=6, allow_nan=False, allow_infinity=False))
def test_values_are_exact(value: Decimal) -> None:
    assert to_micros(f"{value:f}") == int(value * 1_000_000)


@given(st.text(max_size=40))
def test_only_plain_decimals_are_values(text: str) -> None:
    fields = {"a": ["acme"], "e": ["page_view"], "v": [text], "q": [text]}
    event = parse_event(fields, ADVERTISERS)
    if isinstance(event, Event) and text:
        assert re.fullmatch(r"[0-9]{1,6}", text)
        assert event.quantity == int(text)
        assert event.value == int(text) * 1_000_000


@given(st.sampled_from(sorted(EVENT_BY_NAME)), st.data())
def test_names_are_known_in_any_case(name: str, data: st.DataObject) -> None:
    written = "".join(data.draw(st.sampled_from([c.lower(), c.upper()])) for c in name)
    event = parse_event({"a": ["acme"], "e": [written], "p": ["SKU1"]}, ADVERTISERS)
    assert isinstance(event, Event)
    assert event.name is EVENT_BY_NAME[name]
