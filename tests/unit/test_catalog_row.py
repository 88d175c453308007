"""From the text of one row to a product: what is kept, what is normalised, what is left out."""

import pytest

from adserver.catalog.link import read_link
from adserver.catalog.problem import RowProblem
from adserver.catalog.row import RowReader
from adserver.catalog.text import read_availability, read_id, read_title
from adserver.model.product import Availability, Product

ROW = {"id": "SKU1", "title": "Boots", "link": "https://shop.example/boots", "price": "20.00 EUR"}


def read(**fields: str) -> tuple[Product | None, list[RowProblem]]:
    rows = RowReader("EUR")
    return rows.read(7, ROW | fields), rows.problems


def test_four_fields_make_a_product() -> None:
    product, problems = read()
    assert product == Product(
        id="SKU1",
        title="Boots",
        link="https://shop.example/boots",
        image_link="",
        price=20_000_000,
        currency="EUR",
    )
    assert problems == []


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("id", ""),
        ("id", "a\tb"),
        ("id", "a\x00b"),
        ("id", "ä" * 121),
        ("title", " \n "),
        ("title", "\x00\u202e"),
        ("link", ""),
        ("link", "/boots"),
        ("price", ""),
        ("price", "NaN"),
        ("price", "0.00 EUR"),
    ],
)
def test_a_row_without_what_is_required_is_left_out(field: str, text: str) -> None:
    product, problems = read(**{field: text})
    assert product is None
    assert [(problem.line, problem.field, problem.left_out) for problem in problems] == [(7, field, True)]


def test_a_row_that_is_left_out_has_one_problem() -> None:
    product, problems = read(title="", link="", price="", image_link="nowhere")
    assert product is None
    assert [problem.field for problem in problems] == ["title"]


@pytest.mark.parametrize(
    ("field", "text", "kept"),
    [
        ("image_link", "pictures/boots.png", ""),
        ("image_link", "data:image/png;base64,AAAA", ""),
        ("sale_price", "cheap", None),
        ("sale_price", "15.00 USD", None),
        ("sale_price", "20.00 EUR", None),
        ("sale_price", "0.00 EUR", None),
        ("availability", "perhaps", Availability.OUT_OF_STOCK),
        ("item_group_id", "a\x07b", ""),
    ],
)
def test_an_unusable_optional_field_is_dropped_and_told(field: str, text: str, kept: object) -> None:
    product, problems = read(**{field: text})
    assert getattr(product, field) == kept
    assert [(problem.field, problem.found, problem.left_out) for problem in problems] == [(field, text, False)]


def test_a_sale_price_without_currency_is_in_that_of_the_price() -> None:
    product, problems = read(price="20.00 USD", sale_price="15.00")
    assert product is not None
    assert (product.sale_price, product.currency, problems) == (15_000_000, "USD", [])


def test_a_sale_with_dates_shows_the_plain_price() -> None:
    dates = "2016-03-01T13:00-0800/2016-03-11T15:30-0800"
    product, problems = read(sale_price="15.00", sale_price_effective_date=dates)
    assert product is not None
    assert (product.sale_price, problems) == (None, [])


def test_what_was_found_is_told_in_few_words() -> None:
    _, problems = read(link="x" * 100_000)
    assert len(problems[0].found) == 120


@pytest.mark.parametrize(
    ("text", "availability"),
    [
        ("", Availability.IN_STOCK),
        ("in stock", Availability.IN_STOCK),
        (" In_Stock ", Availability.IN_STOCK),
        ("InStock", Availability.IN_STOCK),
        ("available", Availability.IN_STOCK),
        ("https://schema.org/InStock", Availability.IN_STOCK),
        ("out of stock", Availability.OUT_OF_STOCK),
        ("OutOfStock", Availability.OUT_OF_STOCK),
        ("preorder", Availability.PREORDER),
        ("pre-order", Availability.PREORDER),
        ("Backorder", Availability.BACKORDER),
        ("not in stock", None),
        ("1", None),
        ("有货", None),
    ],
)
def test_availability(text: str, availability: Availability | None) -> None:
    assert read_availability(text) is availability


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("  Red \t\n  boots ", "Red boots"),
        ("Red\u00a0\u2028boots", "Red boots"),
        ("Red\x00 \x07 boots\x9f", "Red boots"),
        ("\u202eRed\u2066 boots", "Red boots"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("{{7*7}} ${x} %s &lt;b&gt;", "{{7*7}} ${x} %s &lt;b&gt;"),
        ("👨\u200d👩\u200d👧 বাংলা", "👨\u200d👩\u200d👧 বাংলা"),
        ("x" * 150, "x" * 150),
        ("x" * 151, "x" * 149 + "…"),
        ("x" * 148 + " yz", "x" * 148 + "…"),
    ],
)
def test_titles_stay_text_in_one_line(text: str, title: str) -> None:
    assert read_title(text) == title


def test_an_id_stays_as_the_shop_wrote_it() -> None:
    assert read_id("  gid://shopify/Ärmel <1>  ") == "gid://shopify/Ärmel <1>"
    assert read_id("ä" * 120) == "ä" * 120


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("https://shop.example/a?b=c&d=%20#e", None),
        ("http://localhost:8000/a", None),
        ("https://shop.example", None),
        ("https://shop.example?a=1", None),
        ("http://192.0.2.7/a", None),
        ("http://[2001:db8::1]:80/a", None),
        ("https://my_shop.a.b.c.d.e.example./x", None),
        ("HTTPS://Shop.Example/A", "https://shop.example/A"),
        (" https://shop.example/a b ", "https://shop.example/a%20b"),
        ("https://shop.example/ä?q=ü#ö", "https://shop.example/%C3%A4?q=%C3%BC#%C3%B6"),
        ("https://straße.example/%C3%A4", "https://xn--strae-oqa.example/%C3%A4"),
        ('https://shop.example/"><script>', "https://shop.example/%22%3E%3Cscript%3E"),
        ("https://shop.example/a\\b", "https://shop.example/a%5Cb"),
    ],
)
def test_links_as_a_browser_requests_them(text: str, link: str | None) -> None:
    assert read_link(text) == (text if link is None else link)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "shop.example/a",
        "//shop.example/a",
        "ftp://shop.example/a",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://",
        "https:///a",
        "https://user@shop.example/",
        "https://user:pass@shop.example/",
        "https://shop.example\\@evil.example/",
        "https://shop.example/a\nb",
        "https://shop.exam\tple/a",
        "https://shop.example/\x00",
        "https://sh op.example/",
        "https://-shop.example/",
        "https://shop..example/",
        "https://shop.example:99999/",
        "https://shop.example:x/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://ℂ∕ᵒ.example/",
        "https://" + "a" * 64 + ".example/",
        "https://" + "a." * 200 + "example:1/",
        "https://" + "ä" * 1900,
        "https://shop.example/" + "a" * 2000,
        "https://shop.example/" + "ä" * 700,
        "https://shop.example/\ud800",
    ],
)
def test_links_that_are_not_usable(text: str) -> None:
    assert read_link(text) == ""
