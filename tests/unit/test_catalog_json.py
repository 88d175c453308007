"""JSON feeds: where items are found, how nested values become text, what is left out, what is refused."""

import io
import itertools
import json

import pytest

from adserver.catalog.feed import FeedError, RowProblem, read_feed
from adserver.catalog.json_item import fields_of
from adserver.model.product import Product
from tests.feeds import Pieces, products, read

BOOTS = {"id": "1", "title": "Boots", "link": "http://e/1", "price": "5.00 EUR"}
ONE = json.dumps(BOOTS)
INDENTED = json.dumps(BOOTS, indent=2)


@pytest.mark.parametrize(
    "feed",
    [
        ONE,
        ONE + "\n",
        f"\ufeff\n{ONE}\n\n",
        INDENTED,
        f"[{ONE}]",
        f"[\n{INDENTED}\n]\n",
        f'{{"products": [{ONE}]}}',
        f'{{"kind": "list", "tags": [["]"], {{"a": "}}"}}], "items": [{INDENTED}], "next": {{"page": [2]}}}}',
        f'{{"feed": {{"title": "x", "entry": [{ONE}]}}}}',
        ONE.replace("}", ', "note": "a \\"} ] { [ \\\\"}'),
        ONE.replace('"5.00 EUR"', "5.00"),
        ONE.replace("Boots", "\\u0042oots"),
    ],
)
def test_one_product_in_many_spellings(feed: str) -> None:
    (product,) = products(feed)
    assert (product.id, product.title, product.link, product.price) == ("1", "Boots", "http://e/1", 5_000_000)


@pytest.mark.parametrize("feed", ["\n".join([ONE] * 5), "\n".join([INDENTED] * 5), f"[{','.join([INDENTED] * 5)}]"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_pieces_of_any_size_read_alike(feed: str, size: int) -> None:
    data = feed.encode()
    pieces = Pieces((data[start : start + size] for start in range(0, len(data), size)), at_once=1)
    found = [item for item in read_feed(pieces, currency="EUR") if isinstance(item, Product)]
    assert found == products(feed)
    assert len(found) == 5


@pytest.mark.parametrize(
    ("member", "fields"),
    [
        ({"price": {"value": "9.99", "currency": "EUR"}}, {"price": "9.99 EUR"}),
        ({"salePrice": {"amountMicros": "9990000", "currencyCode": "EUR"}}, {"sale_price": "9.990000 EUR"}),
        ({"price": {"centAmount": "999", "currencyCode": "EUR", "fractionDigits": "2"}}, {"price": "9.99 EUR"}),
        ({"price": {"units": "9", "nanos": "990000000", "currencyCode": "EUR"}}, {"price": "9.99 EUR"}),
        ({"shipping": {"price": {"value": "3", "currency": "EUR"}}, "price": "5"}, {"price": "5"}),
        ({"imageLink": "a", "additionalImageLinks": ["b", "c"]}, {"image_link": "a", "additional_image_link": "b,c"}),
        ({"images": [{"uri": "a", "width": "3"}, {"uri": "b"}]}, {"image_link": "a,b"}),
        ({"images": ["a", "b"]}, {"image_link": "a,b"}),
        ({"brands": ["A", "B"], "sizes": ["S", "M"]}, {"brand": "A", "size": "S/M"}),
        ({"id": "online:en:US:1", "offerId": "1"}, {"id": "1"}),
        ({"sku": "1", "id": "2"}, {"id": "2"}),
        ({"customLabel0": "x", "available": True, "brand": None}, {"custom_label_0": "x", "availability": "true"}),
        ({"productAttributes": {"title": "A", "gtins": ["1"]}}, {"title": "A"}),
        ({"title": "a\ud800b"}, {"title": "a\ufffdb"}),
        ({"title": {"a": {"b": {"c": {"d": {"e": "x"}}}}}}, {}),
    ],
)
def test_nested_values_become_text(member: dict[str, object], fields: dict[str, str]) -> None:
    assert fields_of(member) == fields


def test_numbers_are_kept_as_they_are_written() -> None:
    (product,) = products(ONE.replace('"5.00 EUR"', "90071992547.409931"))
    assert product.price == 90_071_992_547_409_931


def test_a_broken_line_costs_itself_only() -> None:
    first, problem, last = read(f'{ONE}\n{{"id": 1, }}\n{ONE}\n')
    assert isinstance(first, Product)
    assert isinstance(last, Product)
    assert isinstance(problem, RowProblem)
    assert (problem.line, problem.code, problem.left_out) == (2, "json_broken_item", True)


def test_a_broken_item_costs_itself_only() -> None:
    first, problem, last = read(f"[{INDENTED},\n{{'id': 1}},\n{ONE}]")
    assert isinstance(first, Product)
    assert isinstance(last, Product)
    assert isinstance(problem, RowProblem)
    assert (problem.line, problem.code) == (7, "json_broken_item")


@pytest.mark.parametrize(
    ("feed", "code"),
    [
        (f"[{ONE}", "feed_cut_off"),
        (f"[{ONE}, {ONE[:-5]}", "feed_cut_off"),
        (f'{{"products": [{ONE}]', "feed_cut_off"),
        (INDENTED[:-2], "feed_cut_off"),
        (f"{ONE}\n{ONE[:-5]}", "feed_cut_off"),
        (f"[{ONE}]]", "json_broken"),
        (f"[{ONE}, 5]", "json_broken"),
        ("[1, 2]", "json_broken"),
        ("[" * 100_000, "json_broken"),
        ('[{"a":' * 100_000, "json_broken"),
    ],
)
def test_a_feed_that_can_not_be_read_says_why(feed: str, code: str) -> None:
    with pytest.raises(FeedError, match=r"line \d+: ") as caught:
        read(feed)
    assert caught.value.code == code
    assert caught.value.fix


@pytest.mark.parametrize(("start", "more"), [('[{"a": "', "a"), ("[", " "), ('{"a": ', "5"), ('[{"a": [', "1,")])
def test_an_endless_piece_is_given_up(start: str, more: str) -> None:
    endless = Pieces(itertools.chain([start.encode()], itertools.repeat(more.encode() * 1_000)))
    with pytest.raises(FeedError, match="more than 1,048,576 characters"):
        list(read_feed(endless, currency="EUR"))


def test_the_number_of_items_is_bounded() -> None:
    with pytest.raises(FeedError, match="line 2: more than 1 items"):
        list(read_feed(io.BytesIO(f"{ONE}\n{ONE}\n".encode()), currency="EUR", max_items=1))
