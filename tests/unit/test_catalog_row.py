"""From the text of one row to a product: what is kept, what is told, what is left out."""

import time

import pytest

from adserver.catalog import row as row_module
from adserver.catalog.fields import ALIASES, FIELDS, REQUIRED
from adserver.catalog.problem import FOUND_LIMIT, RowProblem
from adserver.catalog.remembered import REMEMBERED, Remembered
from adserver.catalog.row import RowReader
from adserver.model.product import Availability, Product

ROW = {
    "id": "SKU1",
    "title": "Boots",
    "link": "https://shop.example/boots",
    "price": "20.00 EUR",
    "image_link": "https://shop.example/boots.jpg",
}


def read(**fields: str) -> tuple[Product | None, list[RowProblem]]:
    rows = RowReader("EUR")
    return rows.read(7, ROW | fields), rows.problems


def used(**fields: str) -> tuple[Product, list[tuple[str, str]]]:
    """The product, and (code, field) of what was told."""
    product, problems = read(**fields)
    assert product is not None
    assert not any(problem.left_out for problem in problems)
    return product, [(problem.code, problem.field) for problem in problems]


def test_what_is_required_makes_a_product() -> None:
    product, problems = used()
    assert product == Product(
        id="SKU1",
        title="Boots",
        link="https://shop.example/boots",
        image_link="https://shop.example/boots.jpg",
        price=20_000_000,
        currency="EUR",
    )
    assert problems == []


def test_all_fields_of_a_product() -> None:
    product, problems = used(
        description="<p>Warm &amp; dry.</p>",
        additional_image_link="https://shop.example/2.jpg,https://shop.example/3.jpg,https://shop.example/4.jpg",
        availability="preorder",
        sale_price="15.00 EUR",
        sale_price_effective_date="2026-01-01T00:00Z/2026-02-01T00:00Z",
        brand="Criteo",
        item_group_id="abc123",
        product_type="Shoes &amp;gt; Boots",
        google_product_category="187",
        condition="New",
        color="Black",
        size="L",
        custom_label_0="winter",
        custom_label_2="margin high",
    )
    assert problems == []
    assert product == Product(
        id="SKU1",
        title="Boots",
        link="https://shop.example/boots",
        image_link="https://shop.example/boots.jpg",
        price=20_000_000,
        currency="EUR",
        sale_price=15_000_000,
        sale_from=1_767_225_600,
        sale_until=1_769_904_000,
        availability=Availability.PREORDER,
        brand="Criteo",
        item_group_id="abc123",
        category="Shoes > Boots",
        condition="new",
        color="Black",
        size="L",
        description="Warm & dry.",
        more_images=("https://shop.example/2.jpg", "https://shop.example/3.jpg"),
        labels=("winter", "", "margin high"),
    )


@pytest.mark.parametrize(
    ("field", "text", "code"),
    [
        ("id", "", "id_missing"),
        ("id", "null", "id_missing"),
        ("id", "a\tb", "id_unusable"),
        ("id", "ä" * 121, "id_unusable"),
        ("id", "#product_id#", "placeholder_unfilled"),
        ("title", " \n ", "title_missing"),
        ("title", "\x00\u202e", "title_missing"),
        ("title", "{{ product.title }}", "placeholder_unfilled"),
        ("link", "", "link_missing"),
        ("link", "/boots", "link_unusable"),
        ("link", "https://#shop#/boots", "placeholder_unfilled"),
        ("price", "", "price_missing"),
        ("price", "N/A", "price_missing"),
        ("price", "NaN EUR", "price_unreadable"),
        ("price", "-1.00 EUR", "price_negative"),
        ("price", "1,299 KWD", "price_ambiguous"),
        ("price", "$5", "currency_ambiguous"),
        ("price", "5.00 ABC", "currency_unknown"),
        ("price", "9" * 20 + " EUR", "price_too_large"),
        ("price", "0.00 EUR", "price_zero"),
        ("price", "%price%", "placeholder_unfilled"),
    ],
)
def test_a_row_without_what_is_required_is_left_out(field: str, text: str, code: str) -> None:
    product, problems = read(**{field: text})
    assert product is None
    assert [(problem.line, problem.field, problem.code, problem.left_out) for problem in problems] == [
        (7, field, code, True)
    ]
    assert problems[0].fix


def test_a_row_that_is_left_out_has_one_problem() -> None:
    product, problems = read(title="", link="", price="", image_link="nowhere", availability="perhaps")
    assert product is None
    assert [problem.field for problem in problems] == ["title"]


@pytest.mark.parametrize(
    ("field", "text", "kept", "code"),
    [
        ("image_link", "", "", "image_missing"),
        ("image_link", "pictures/boots.png", "", "image_unusable"),
        ("image_link", "data:image/png;base64,AAAA", "", "image_unusable"),
        ("image_link", "{{ image }}", "", "placeholder_unfilled"),
        ("image_link", "https://a.example/b.svg", "https://a.example/b.svg", "image_is_svg"),
        ("sale_price", "cheap", None, "price_unreadable"),
        ("availability", "perhaps", Availability.OUT_OF_STOCK, "availability_unknown"),
        ("availability", "#availability#", Availability.OUT_OF_STOCK, "placeholder_unfilled"),
        ("condition", "sixty", "", "condition_unknown"),
        ("item_group_id", "a\x07b", "", "item_group_id_unusable"),
        ("item_group_id", "%group%", "", "placeholder_unfilled"),
        ("brand", "{{ brand }}", "", "placeholder_unfilled"),
        ("color", "#color#", "", "placeholder_unfilled"),
        ("title", "x" * 151, "x" * 149 + "…", "title_cut"),
    ],
)
def test_an_unusable_optional_field_is_told(field: str, text: str, kept: object, code: str) -> None:
    product, problems = used(**{field: text})
    assert getattr(product, field) == kept
    assert problems == [(code, field)]


def test_pictures_beside_the_first_one() -> None:
    product, problems = used(image_link="https://a.example/1.jpg,https://a.example/2.jpg", additional_image_link=" ")
    assert (product.image_link, product.more_images) == ("https://a.example/1.jpg", ("https://a.example/2.jpg",))
    assert problems == []
    product, problems = used(additional_image_link="2.jpg,3.jpg")
    assert (product.more_images, problems) == ((), [("image_unusable", "additional_image_link")])
    product, _ = used(additional_image_link=ROW["image_link"] + ",https://a.example/2.jpg,https://a.example/2.jpg")
    assert product.more_images == ("https://a.example/2.jpg",)


def test_the_category_is_the_shops_own_or_else_googles() -> None:
    assert used(product_type=" ", google_product_category="Apparel &amp; Accessories")[0].category == (
        "Apparel & Accessories"
    )
    product, problems = used(product_type="#category#", google_product_category="187")
    assert (product.category, problems) == ("187", [("placeholder_unfilled", "product_type")])


def test_a_sale_price_without_currency_is_in_that_of_the_price() -> None:
    product, _ = used(price="20.00 USD", sale_price="15.00")
    assert (product.sale_price, product.currency) == (15_000_000, "USD")


def test_a_currency_in_a_field_of_its_own() -> None:
    rows = RowReader("EUR")
    read = [
        rows.read(7, ROW | {"id": str(n), "price": "5", "currency": c}) for n, c in enumerate(["usd", "€", "", "?"])
    ]
    assert [product and product.currency for product in read] == ["USD", "EUR", "EUR", None]
    assert [problem.code for problem in rows.problems] == ["currency_other", "currency_missing", "currency_unknown"]


def test_an_ampersand_that_a_web_page_left_in_an_address() -> None:
    assert used(link="https://e.example/p?a=1&amp;b=2")[0].link == "https://e.example/p?a=1&b=2"


def test_what_holds_for_the_whole_feed_is_told_once() -> None:
    rows = RowReader("EUR")
    row = ROW | {
        "price": "20",
        "link": "http://127.0.0.1:8000/boots",
        "image_link": "http://localhost/boots.jpg",
        "sale_price": "5.00 EUR",
        "sale_price_effective_date": "2026-01-01/2026-01-31",
    }
    for line in range(3):
        rows.read(line, row | {"id": str(line)})
        rows.read(line, row | {"id": f"${line}", "price": "20 USD", "sale_price": ""})
    assert [(problem.code, problem.field, problem.line) for problem in rows.problems] == [
        ("currency_missing", "price", 0),
        ("sale_dates_in_utc", "sale_price_effective_date", 0),
        ("link_not_public", "link", 0),
        ("link_not_public", "image_link", 0),
        ("currency_other", "price", 0),
    ]


def test_an_id_that_comes_twice_is_told_with_the_later_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_module, "IDS_WATCHED", 2)
    rows = RowReader("EUR")
    for line, product_id in enumerate(["a", "b", "a", "c", "c", "b"], start=1):
        assert rows.read(line, ROW | {"id": product_id}) is not None
    assert [(problem.line, problem.product_id, problem.code) for problem in rows.problems] == [
        (3, "a", "id_repeated"),
        (6, "b", "id_repeated"),
    ]


def test_what_was_found_is_told_in_few_words() -> None:
    _, problems = read(link="x" * 100_000)
    assert len(problems[0].found) == FOUND_LIMIT


def test_what_is_expected_never_repeats_the_row() -> None:
    told = set()
    for text in ("Zyx", "Wvu"):
        for field in ("link", "price", "availability", "condition", "sale_price", "image_link"):
            told |= {(problem.expected, problem.fix) for problem in read(**{field: text})[1]}
    assert len(told) == 4  # two addresses and two prices are expected alike
    assert not any("Zyx" in text or "Wvu" in text for pair in told for text in pair)


def test_memory_of_repeated_values_is_bounded() -> None:
    reads: list[str] = []

    def length(text: str) -> int:
        reads.append(text)
        return len(text)

    remembered = Remembered(length)
    assert [remembered["abc"], remembered["abc"]] == [3, 3]
    assert reads == ["abc"]
    for number in range(3 * REMEMBERED):
        assert remembered[str(number)] == len(str(number))
        assert len(remembered) <= REMEMBERED
    assert remembered["x" * 1_000] == 1_000
    assert "x" * 1_000 not in remembered


def test_every_name_of_the_trade_is_normalised_and_means_one_field() -> None:
    assert set(ALIASES.values()) == set(FIELDS)
    assert all(ALIASES[field] == field for field in FIELDS)
    assert [*ALIASES][: len(FIELDS)] == [*FIELDS]
    assert set(REQUIRED) < set(FIELDS)
    for name in ALIASES:
        assert name == name.strip().lower().replace(" ", "_").replace("-", "_")
    assert (ALIASES["producturl"], ALIASES["bigimage"], ALIASES["priceinfo.price"]) == ("link", "image_link", "price")


def test_one_bad_row_of_ten_thousand_costs_one_product() -> None:
    rows = RowReader("EUR")
    products = [
        rows.read(line, ROW | {"id": str(line), "price": "free" if line == 77 else "5 EUR"}) for line in range(10_000)
    ]
    assert sum(product is not None for product in products) == 9_999
    assert [(problem.line, problem.code) for problem in rows.problems] == [(77, "price_unreadable")]


@pytest.mark.parametrize("text", [",", "&#1;", "<a", "#a", "1", "{{", "\ud800", " ", "https://"])
def test_a_megabyte_in_every_field_costs_no_time(text: str) -> None:
    row = dict.fromkeys(FIELDS, (text * 1_000_000)[:1_000_000])
    began = time.process_time()
    for field in REQUIRED:
        RowReader("EUR").read(1, row | {name: ROW[name] for name in REQUIRED if name != field})
    RowReader("EUR").read(1, row | {name: ROW[name] for name in REQUIRED})
    assert time.process_time() - began < 2
