"""Products as bytes: everything comes back, small, whichever version of the server wrote it."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adserver.model.product import Availability, Product
from adserver.storage.valkey.product_codec import (
    FORMAT,
    LEARNT_FROM,
    Codecs,
    ProductCodec,
    change_of,
    learn,
    with_changes,
)
from tests.contract.shop_products import Shop

FULL = Product(
    id="größe 42",
    title="Schuh „Ägir“",
    link="https://shop.test/p/1?a=b&c=d",
    image_link="https://cdn.shop.test/1.jpg",
    price=129_990_000,
    currency="EUR",
    sale_price=99_000_001,
    sale_from=1_790_000_000,
    sale_until=1_790_086_400,
    availability=Availability.BACKORDER,
    brand="B",
    item_group_id="G",
    category="Shoes > Boots",
    condition="used",
    color="blue",
    size="42",
    description="A shoe.",
    more_images=("https://cdn.shop.test/2.jpg", "https://cdn.shop.test/3.jpg"),
    labels=("", "sale"),
    history=((1_780_000_000, 129_990_000), (1_790_000_000, 99_000_001)),
)
SHOP = list(Shop().products(500))
LEARNT = ProductCodec(learn(SHOP))

text = st.text(st.characters(codec="utf-8"), max_size=80)
money = st.integers(0, 2**53)
products = st.builds(
    Product,
    id=text,
    title=text,
    link=text,
    image_link=text,
    price=money,
    currency=text,
    sale_price=st.none() | money,
    sale_from=money,
    sale_until=money,
    availability=st.sampled_from(Availability),
    brand=text,
    item_group_id=text,
    category=text,
    condition=text,
    color=text,
    size=text,
    description=text,
    more_images=st.lists(text, max_size=3).map(tuple),
    labels=st.lists(text, max_size=5).map(tuple),
    history=st.lists(st.tuples(money, money), max_size=3).map(tuple),
)


@given(product=products)
@pytest.mark.parametrize("codec", [ProductCodec(), LEARNT])
def test_every_product_comes_back_as_it_went_in(codec: ProductCodec, product: Product) -> None:
    read = codec.unpack(product.id, codec.pack(product))
    assert read == product
    assert isinstance(read.availability, Availability)


def test_what_is_written_today_is_read_tomorrow() -> None:
    """The order of the fields is on the disk: one that moves breaks this, one at the end does not."""
    written = (
        '["Schuh „Ägir“","https://shop.test/p/1?a=b&c=d","https://cdn.shop.test/1.jpg",129990000,"EUR",99000001,'
        '1790000000,1790086400,"backorder","B","G","Shoes > Boots","used","blue","42","A shoe.",'
        '["https://cdn.shop.test/2.jpg","https://cdn.shop.test/3.jpg"],["","sale"],'
        "[[1780000000,129990000],[1790000000,99000001]]"
    ).encode()
    assert ProductCodec().pack(FULL).startswith(written)
    assert ProductCodec().unpack(FULL.id, written + b"]") == FULL
    assert ProductCodec().unpack(FULL.id, written + b',"from tomorrow",7]') == FULL
    shorter = b'["T","https://shop.test/","",1,"EUR"]'
    assert ProductCodec().unpack("1", shorter) == Product("1", "T", "https://shop.test/", "", 1, "EUR")


def test_an_availability_of_tomorrow_is_not_advertised() -> None:
    values = orjson.loads(ProductCodec().pack(FULL))
    values[8] = "on_the_moon"
    assert ProductCodec().unpack(FULL.id, orjson.dumps(values)).availability is Availability.OUT_OF_STOCK


def test_a_dictionary_halves_a_shops_products() -> None:
    plain = sum(len(ProductCodec().pack(product)) for product in SHOP)
    assert 2 * sum(len(LEARNT.pack(product)) for product in SHOP) < plain
    assert len(LEARNT.head) <= 4_097


def test_products_from_before_the_dictionary_was_learnt_are_read_with_it() -> None:
    assert LEARNT.unpack(FULL.id, ProductCodec().pack(FULL)) == FULL


@pytest.mark.parametrize(
    "alike",
    [
        SHOP[: LEARNT_FROM - 1],
        [FULL] * LEARNT_FROM,
        [Product(str(n), "", "", "", 0, "") for n in range(LEARNT_FROM)],
        [product._replace(description="d" * 5_000, more_images=("x" * 2_000,) * 10) for product in SHOP],
    ],
    ids=["few", "the same", "empty", "long"],
)
def test_whatever_a_catalog_begins_with_its_products_come_back(alike: list[Product]) -> None:
    codec = Codecs().of(ProductCodec(learn(alike)).head)
    assert codec is not None
    assert all(codec.unpack(product.id, codec.pack(product)) == product for product in [*alike, FULL, *SHOP[:10]])


def test_a_head_of_another_format_has_no_codec() -> None:
    codecs = Codecs()
    assert [codecs.of(head) for head in (None, b"", b"\x02", b"\x00" + LEARNT.head)] == [None] * 4
    assert codecs.of(FORMAT) is not None


def test_only_the_dictionaries_used_last_are_held_ready() -> None:
    codecs = Codecs()
    first = codecs.of(FORMAT)
    assert codecs.of(FORMAT) is first
    for number in range(40):
        assert codecs.of(FORMAT + b"words of shop %d" % number) is not None
    assert codecs.of(FORMAT) is not first


def test_a_change_is_what_differs_and_what_is_said() -> None:
    after = FULL._replace(availability=Availability.OUT_OF_STOCK, history=(*FULL.history, (1_790_000_100, 1)))
    change = change_of(FULL, after, says=("price",))
    assert set(orjson.loads(change)) == {"availability", "history", "price"}
    other = FULL._replace(title="New title", price=5, availability=Availability.IN_STOCK, history=())
    changed = with_changes(LEARNT, "1", LEARNT.pack(other), [b'{"price":9}', change])
    assert changed == after._replace(id="1", title="New title")


def test_fields_of_tomorrow_in_a_change_are_left_out() -> None:
    packed = ProductCodec().pack(FULL)
    assert with_changes(ProductCodec(), FULL.id, packed, [b'{"color":"red","aura":"dim"}']) == FULL._replace(
        color="red"
    )
