"""Feeds as shops and marketplaces really write them, made up here: what becomes a product, and what is told."""

import io

import pytest
from rich.console import Console

from adserver.catalog.feed import FeedError, RowProblem, read_feed
from adserver.catalog.summary import ImportSummary
from adserver.commands.feed_report import print_fix, print_problems
from adserver.model.product import Availability, Product

RSS = '<rss xmlns:g="http://base.google.com/ns/1.0"><channel>{}</channel></rss>'
ITEM = (
    "<item><g:id>1</g:id><title>Boots</title><link>https://shop.example/1</link>"
    "<g:image_link>https://shop.example/1.jpg</g:image_link>{}</item>"
)
TABLE = "id,title,link,image_link,{}\n1,Boots,https://shop.example/1,https://shop.example/1.jpg,{}\n"
OFFER = (
    '<offer id="7" available="true"><url>https://shop.example/7</url><price>8990</price><oldprice>9990</oldprice>'
    "<currencyId>RUR</currencyId><picture>https://shop.example/7.jpg</picture><name>Kettle</name></offer>"
)
YANDEX = (
    '<?xml version="1.0" encoding="windows-1251"?>\n<!DOCTYPE yml_catalog SYSTEM "shops.dtd">\n'
    f'<yml_catalog><shop><name>Shop</name><currencies><currency id="RUR"/></currencies>'
    f"<offers>{OFFER}</offers></shop></yml_catalog>"
)


def read(feed: str | bytes) -> tuple[list[Product], list[str]]:
    """The products, and the codes of all that was told."""
    data = feed if isinstance(feed, bytes) else feed.encode()
    items = list(read_feed(io.BytesIO(data), currency="EUR"))
    return (
        [item for item in items if isinstance(item, Product)],
        [item.code for item in items if isinstance(item, RowProblem)],
    )


def price_of(feed: str) -> tuple[float, str] | str:
    """The price in units and its currency, or the code of the problem with it."""
    products, codes = read(feed)
    return (products[0].price / 1_000_000, products[0].currency) if products else codes[0]


@pytest.mark.parametrize(
    ("element", "price"),
    [
        ("<g:price>5<sup>99</sup> EUR</g:price>", "price_unreadable"),
        ("<g:price><sup>5</sup>99 EUR</g:price>", "price_unreadable"),
        ("<g:price><value>12</value><cents>500</cents></g:price>", "price_unreadable"),
        ("<g:price><net>10.00</net><gross>11.90</gross></g:price>", "price_unreadable"),
        ("<g:price><amount>12.50</amount><currency>USD</currency></g:price>", (12.5, "USD")),
        ("<g:price>\n <currency>USD</currency>\n <amount>12.50</amount>\n</g:price>", (12.5, "USD")),
        ("<g:price>12<!-- old: 5 -->9.00 EUR</g:price>", (129, "EUR")),
        ('<g:price currency="USD">12.50</g:price>', (12.5, "USD")),
        ('<g:price currencyId="USD">12.50</g:price>', (12.5, "USD")),
        ('<g:price currency_code="USD" type="regular">12.50</g:price>', (12.5, "USD")),
        ("<price>100</price><price_vat>121</price_vat>", (121, "EUR")),
        ("<price_with_vat>121</price_with_vat><g:price>100</g:price>", (121, "EUR")),
        ("<g:price>5 EUR</g:price><g:installment><g:price>1 EUR</g:price></g:installment>", (5, "EUR")),
    ],
)
def test_prices_of_elements(element: str, price: tuple[float, str] | str) -> None:
    assert price_of(RSS.format(ITEM.format(element))) == price


@pytest.mark.parametrize(
    ("element", "codes"),
    [
        ("<g:price>5 EUR</g:price><g:price>6 USD</g:price>", ["field_repeated"]),
        ("<g:price>5 EUR</g:price><g:price> 5  EUR </g:price>", []),
        ("<g:price>5 EUR</g:price><price>6 EUR</price>", []),
        ("<g:price>9 EUR</g:price><g:sale_price>5</g:sale_price><g:sale_price>6</g:sale_price>", ["field_repeated"]),
        ("<g:id>2</g:id><g:price>5 EUR</g:price>", ["field_repeated"]),
    ],
)
def test_a_second_price_or_id_is_told(element: str, codes: list[str]) -> None:
    products, told = read(RSS.format(ITEM.format(element)))
    assert ([product.id for product in products], told) == (["1"], codes)


@pytest.mark.parametrize(
    ("columns", "cells", "price"),
    [
        ("price,price_gross", "10.00 EUR,11.90 EUR", (11.9, "EUR")),
        ("price", "1.299", "price_ambiguous"),
        ("price,currency", "1.299,EUR", "price_ambiguous"),
        ("price", "1.299 EUR", (1.299, "EUR")),
        ("price", "0.999", (0.999, "EUR")),
        ("price", "1299.000", (1299, "EUR")),
        ("price,currency", "1.299,KWD", (1.299, "KWD")),
        ("price", "10000 RUR", (10_000, "RUB")),
    ],
)
def test_prices_of_cells(columns: str, cells: str, price: tuple[float, str] | str) -> None:
    assert price_of(TABLE.format(columns, cells)) == price


def test_numbers_of_json_have_a_point_for_their_decimals() -> None:
    item = '{"id": 1, "title": "Boots", "link": "https://shop.example/1", "price": %s}'
    assert price_of(item % "1.299") == (1.299, "EUR")
    assert price_of(item % '"1.299"') == "price_ambiguous"
    assert price_of(item % '"5", "price_gross": 5.95') == (5.95, "EUR")


def test_a_catalog_for_yandex() -> None:
    (product,), _ = read(YANDEX)
    assert (product.id, product.price, product.sale_price, product.currency, product.availability) == (
        "7",
        9_990_000_000,
        8_990_000_000,
        "RUB",
        Availability.IN_STOCK,
    )


@pytest.mark.parametrize(
    "document_type",
    [
        '<!DOCTYPE yml_catalog SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE yml_catalog SYSTEM "shops.dtd" [<!ENTITY a "x">]>',
        '<!DOCTYPE yml_catalog SYSTEM "shops.dtd"><!DOCTYPE rss>',
        '<!DOCTYPE rss SYSTEM "shops.dtd">',
    ],
)
def test_no_other_document_type_is_let_through(document_type: str) -> None:
    with pytest.raises(FeedError) as caught:
        read(YANDEX.replace('<!DOCTYPE yml_catalog SYSTEM "shops.dtd">', document_type))
    assert caught.value.code == "xml_document_type"


def test_a_german_table_for_price_comparison() -> None:
    (product,), codes = read(
        "Artikelnummer;Hersteller;Produktname;Preis;Altpreis;ProduktURL;BildURL_1;Produktkategorie\n"
        "A1;Acme;Säge;1.299,00;1.399,00;https://shop.example/a1;https://shop.example/a1.jpg;Werkzeug > Sägen\n"
    )
    assert (product.id, product.title, product.brand, product.category) == ("A1", "Säge", "Acme", "Werkzeug > Sägen")
    assert (product.price, product.sale_price) == (1_399_000_000, 1_299_000_000)
    assert (product.link, product.image_link) == ("https://shop.example/a1", "https://shop.example/a1.jpg")
    assert codes == ["currency_missing"]


@pytest.mark.parametrize(
    "text", ["Άμεση παραλαβή / Παράδοση 1 έως 3 ημέρες", "Παράδοση 4 έως 10 ημέρες", "Available from 1 to 3 days"]
)
def test_what_is_delivered_within_days_is_in_stock(text: str) -> None:
    (product,), codes = read(TABLE.format("price,availability", f"5 EUR,{text}"))
    assert (product.availability, codes) == (Availability.IN_STOCK, [])


@pytest.mark.parametrize(
    ("header", "fix"),
    [
        ("Handle,Title,Variant SKU,Variant Price,Image Src", "no addresses of pages, only the ends of them (handle)"),
        ("sku,name,price,url_key", "(url_key)"),
        ("ID,SKU,Name,Visibility in catalog,Regular price", "another shop; it has no addresses of pages. Export"),
        ("id,title,link,price_de,price_us", "Export one of these as price, that of the country you advertise in: "),
        ("id,title,link,price[EUR],price[USD]", "price[eur], price[usd]"),
        ("id,title,link,price_net", "Add price to the export."),
    ],
)
def test_the_fix_for_a_table_that_lacks_a_column(header: str, fix: str) -> None:
    with pytest.raises(FeedError) as caught:
        read(header + "\na,b,c,d,e\n")
    assert caught.value.code == "header_incomplete"
    assert fix in caught.value.fix


@pytest.mark.parametrize(
    "feed", ["<Error><Code>AccessDenied</Code></Error>", RSS.format(""), "<urlset><url/></urlset>"]
)
def test_xml_without_products_says_what_is_missing(feed: str) -> None:
    assert read(feed) == ([], ["xml_no_items"])


def test_a_section_that_never_ends_is_found() -> None:
    item = ITEM.format("<g:price>5 EUR</g:price>")
    with pytest.raises(FeedError, match="the item at line 2 has a CDATA section that never ends") as caught:
        read(RSS.format(item + "\n" + item.replace("Boots", "<![CDATA[Boots") + "\n" + item))
    assert caught.value.code == "feed_cut_off"


ENCODED = '<?xml version="1.0" encoding="{}"?>' + RSS.format(ITEM.format("<g:price>5 EUR</g:price>"))


@pytest.mark.parametrize(
    ("declared", "codec", "title"),
    [
        ("koi8-r", "koi8-r", "Зимние сапоги"),
        ("x-mac-cyrillic", "mac-cyrillic", "Зимние сапоги"),
        ("TIS-620", "cp874", "รองเท้าบูท"),
        ("windows-874", "cp874", "รองเท้าบูท"),
        ("Shift_JIS", "cp932", "冬用ブーツ"),
        ("x-sjis", "cp932", "冬用ブーツ"),
        ("windows-31j", "cp932", "冬用ブーツ"),
        ("ISO-2022-JP", "iso2022_jp", "冬用ブーツ"),
        ("gb2312", "gb2312", "冬季靴子"),
        ("Big5", "big5", "冬季靴子"),
        ("ISO-8859-8-I", "iso8859-8", "מגפי חורף"),
        ("ISO-8859-2", "iso8859-2", "Buty męskie"),
    ],
)
def test_an_encoding_that_is_declared_is_believed(declared: str, codec: str, title: str) -> None:
    (product,), codes = read(ENCODED.format(declared).replace("Boots", title).encode(codec))
    assert (product.title, codes) == (title, [])


@pytest.mark.parametrize(
    ("codec", "title"),
    [
        ("utf-32-le", "Stövel 冬"),
        ("utf-32-be", "Stövel 冬"),
        ("utf-16-le", "冬季靴子冬季靴子"),
        ("iso2022_jp", "冬用ブーツ"),
        ("cp1255", "מעיל נשים עם כיס גדול וחגורה רחבה"),
    ],
)
def test_encodings_that_nothing_declares(codec: str, title: str) -> None:
    (product,), codes = read(TABLE.format("price", "5 EUR").replace("Boots", title).encode(codec))
    assert (product.title, codes) == (title, ["encoding_guessed"])


def test_mainframes_are_named() -> None:
    with pytest.raises(FeedError, match="EBCDIC"):
        read(ENCODED.encode("cp037"))


def test_the_report_names_lines_and_ids_and_what_to_do() -> None:
    summary = ImportSummary()
    for item in read_feed(io.BytesIO(ENCODED.replace("5 EUR", "abc").encode()), currency="EUR"):
        summary.add(item)
    summary.add(RowProblem(1, "", "encoding", "cp1252 read", "UTF-8", "encoding_guessed", "Save it.", left_out=False))
    screen = Console(file=io.StringIO(), width=100)
    print_problems(summary.as_dict(), screen, examples=3)
    print_fix({"code": "feed_cut_off", "fix": "Make and send the file again: its end is missing."}, screen)
    shown = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "line 1, id 1: 'abc'" in shown
    assert "line 1: 'cp1252 read'" in shown
    assert shown.endswith("Make and send the file again: its end is missing.\n")
