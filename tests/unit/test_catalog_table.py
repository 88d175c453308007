"""The feed as a table: delimiters, headers, quotes, ragged rows, and what is refused as a whole."""

import csv
import io
import itertools
import tracemalloc

import pytest

from adserver.catalog.feed import FeedError, RowProblem, read_feed
from adserver.model.product import Product
from tests.feeds import Pieces, products, read, read_stream

HEADER = "id\ttitle\tlink\tprice\n"
ROW = "1\tBoots\thttp://e/1\t5.00 EUR\n"
QUOTED = ROW.replace("Boots", '"Boots"')
BOOTS = Product(id="1", title="Boots", link="http://e/1", image_link="", price=5_000_000, currency="EUR")


@pytest.mark.parametrize(
    "table",
    [
        HEADER + ROW,
        (HEADER + ROW).rstrip("\n"),
        (HEADER + ROW).replace("\t", ","),
        (HEADER + ROW).replace("\t", ";"),
        (HEADER + ROW).replace("\n", "\r\n"),
        (HEADER + ROW).replace("\n", "\r"),
        "\ufeff" + HEADER + ROW,
        "\n\n" + HEADER + "\n" + ROW + "\n\t\t\t\n",
        "# Required | An id, unique,# Required\n# more\n" + (HEADER + ROW).replace("\t", ","),
        '"# Required | see ""x""\nand more","# b"\n' + (HEADER + ROW).replace("\t", ","),
        "g:ID\tG:Title\t Link \tPRICE\n" + ROW,
        "title\tprice\tid\tlink\tid\nBoots\t5.00 EUR\t1\thttp://e/1\t2\n",
        HEADER.replace("title", '"title"') + ROW.replace("Boots", '"Boots"'),
        (HEADER + ROW).replace("\t", "|"),
        (HEADER + ROW).replace("\t", "^"),
        (HEADER + ROW).replace("\t", "~"),
        (HEADER + ROW).replace("\t", "\x1f"),
        "sep=;\n" + (HEADER + ROW).replace("\t", ";"),
        "Products of 22 November\n\n" + (HEADER + ROW).replace("\t", ","),
        "sku;name;url;regular_price\n" + ROW.replace("\t", ";"),
        "sku;id;name;title;url;link;price\nx;1;x;Boots;x;http://e/1;5.00 EUR\n",
        HEADER.replace("\n", "\t\t\n") + ROW,
        HEADER + ROW.replace("\n", "\t\t\n"),
        "'id','title','link','price'\n'1','Boots','http://e/1','5.00 EUR'\n",
    ],
)
def test_one_product_in_many_spellings(table: str) -> None:
    assert read(table) == [BOOTS]


def test_names_of_several_words_may_have_spaces() -> None:
    (product,) = read("ID;Title;Link;Price;Image Link\n1;Boots;http://e/1;5;http://e/1.png\n")
    assert isinstance(product, Product)
    assert product.image_link == "http://e/1.png"


def test_a_table_in_utf16_is_read() -> None:
    assert read((HEADER + ROW).encode("utf-16")) == [BOOTS]


@pytest.mark.parametrize(
    ("cell", "title"),
    [
        ('"Boots, 24"" wide\nand warm"', 'Boots, 24" wide and warm'),
        ('Screen 24" wide', 'Screen 24" wide'),
        ("# not a comment", "# not a comment"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
        ("\u2028\u0085Boots", "Boots"),
    ],
)
def test_titles_in_cells(cell: str, title: str) -> None:
    first, second = read(HEADER + ROW.replace("Boots", cell) + ROW)
    assert isinstance(first, Product)
    assert first.title == title
    assert second == BOOTS


def test_a_ragged_row_is_left_out() -> None:
    short, long, good = read(HEADER + "1\tBoots\thttp://e/1\n" + ROW.replace("\n", "\tx\n") + ROW)
    expected = "4 cells, as in the header row"
    assert isinstance(short, RowProblem)
    assert isinstance(long, RowProblem)
    assert (short.line, short.code, short.found, short.expected) == (2, "cells_uneven", "3 cells", expected)
    assert (long.line, long.code, long.found, long.expected) == (3, "cells_uneven", "5 cells", expected)
    assert good == BOOTS


def test_a_misplaced_quote_costs_its_row_only() -> None:
    *_, problem, good = read(HEADER + QUOTED * 3 + '1\t"Best" boots\thttp://e/1\t5\n' + ROW)
    assert isinstance(problem, RowProblem)
    assert (problem.line, problem.field, problem.code, problem.left_out) == (5, "row", "quote_misplaced", True)
    assert good == BOOTS


@pytest.mark.parametrize(
    ("cell", "title"),
    [
        ('"24"" wide"', '24" wide'),
        (r'"24\" wide"', '24" wide'),
        (r'"C:\boots"', r"C:\boots"),
        ("'Men''s'", "Men's"),
        (r"'Men\'s'", "Men's"),
        ("'Boots, 24\" wide'", 'Boots, 24" wide'),
    ],
)
def test_quotes_are_told_by_how_rows_come_out(cell: str, title: str) -> None:
    quote = cell[0]
    rows = [f"{quote}1{quote},{cell},{quote}http://e/1{quote},{quote}5.00 EUR{quote}"] * 3
    assert {product.title for product in products("id,title,link,price\n" + "\n".join(rows))} == {title}


def test_a_table_that_never_quotes_may_have_any_quotes() -> None:
    row = ROW.replace("Boots", '"Best" boots, 24"')
    assert [product.title for product in products(HEADER + row * 3)] == ['"Best" boots, 24"'] * 3
    assert products(HEADER + ROW.replace("Boots", "'90s boots"))[0].title == "'90s boots"


def test_lines_with_and_without_quotes_may_alternate() -> None:
    long = ROW.replace("Boots", '"Bo\n\nots"')
    items = read(HEADER + (ROW + long) * 3 + "x\n" + long + "y\n")
    assert [product.title for product in items if isinstance(product, Product)] == ["Boots", "Bo ots"] * 3 + ["Bo ots"]
    assert [problem.line for problem in items if isinstance(problem, RowProblem)] == [14, 18]


def test_further_columns_of_pictures_are_one_list() -> None:
    header = HEADER.replace("\n", "\tadditional_image_link\tadditional_image_link\tadditional_image_link\n")
    (product,) = products(header + ROW.replace("\n", "\thttp://e/a.jpg\t\thttp://e/b.jpg\n"))
    assert product.more_images == ("http://e/a.jpg", "http://e/b.jpg")


def test_the_line_is_where_the_row_begins() -> None:
    _, problem = read(HEADER + ROW.replace("Boots", '"Boots\n\n"') + ROW.replace("http://e/1", "e"))
    assert isinstance(problem, RowProblem)
    assert (problem.line, problem.product_id, problem.field, problem.found) == (5, "1", "link", "e")


def test_the_number_of_rows_is_bounded() -> None:
    with pytest.raises(FeedError, match="line 3: more than 1 items"):
        read(HEADER + ROW * 2, max_items=1)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("hello", "line 1: neither XML, JSON nor a table"),
        ("---\n- id: 1\n  title: Boots\n", "line 1: the feed is YAML"),
        ("# only\n# comments\n", "line 1: neither XML, JSON nor a table"),
        ("id,title,link\n", "line 1: the header row lacks price; it has id, title, link"),
        ("\n# c\nid;title\n", "line 3: the header row lacks link, price"),
        (HEADER[:-1] + "\tx" * 1_000 + "\n", "line 1: 1,004 columns; expected at most 1,000"),
        (HEADER + ROW + "a\0b", "line 3: a NUL"),
        ("%PDF-1.7", "line 1: the feed is a PDF"),
        (
            HEADER + QUOTED + '2\t"Boots\n' + ROW,
            "line 3: from here to line 4 a cell is too long or a quote is never closed",
        ),
        (HEADER + QUOTED * 200 + '2\t"Boots\n' + ROW * 10_000, "line 202: from here to line"),
    ],
)
def test_a_table_that_can_not_be_read_says_where(table: str, message: str) -> None:
    data = table.encode("latin-1")
    with pytest.raises(FeedError) as caught:
        read(data)
    assert message in str(caught.value)


@pytest.mark.parametrize("more", ["a", '"a\n"\t'])
def test_an_endless_row_is_given_up(more: str) -> None:
    endless = Pieces(itertools.chain([HEADER.encode()], itertools.repeat(more.encode() * 1_000)))
    with pytest.raises(FeedError, match="line 2: a row of more than 1,048,576 characters"):
        list(read_feed(endless, currency="EUR"))


def test_pieces_of_any_size_read_alike() -> None:
    data = (HEADER + ROW.replace("Boots", '"Bö\r\nots"') * 5).encode()
    whole = read(data)
    for size in (1, 2, 3, 7):
        pieces = Pieces((data[start : start + size] for start in range(0, len(data), size)), at_once=1)
        assert read_stream(pieces) == whole


def test_a_table_written_by_the_csv_module_is_read_back() -> None:
    titles = ['a"b', "a,b", "a;b", "a\tb", '"', "a\nb", "'", "#"]
    for delimiter in "\t,;":
        out = io.StringIO()
        rows = [[str(number), title, "http://e/1", "5"] for number, title in enumerate(titles)]
        csv.writer(out, delimiter=delimiter).writerows([["id", "title", "link", "price"], *rows])
        products = [item for item in read(out.getvalue()) if isinstance(item, Product)]
        assert [product.title for product in products] == [" ".join(title.split()) for title in titles]


@pytest.mark.parametrize("count", [3_000, pytest.param(200_000, marks=pytest.mark.long)])
def test_memory_stays_flat(count: int) -> None:
    rows = (f"{number}\tBoots {number}\thttp://e/{number}\t5.00 EUR\n".encode() for number in range(count))
    feed = Pieces(itertools.chain([HEADER.encode()], rows))
    tracemalloc.start()
    try:
        assert sum(isinstance(product, Product) for product in read_feed(feed, currency="EUR")) == count
        assert tracemalloc.get_traced_memory()[1] < 4_000_000 + 100 * count
    finally:
        tracemalloc.stop()


def test_some_blank_rows_do_no_harm() -> None:
    assert len(products(HEADER + "\t\t\t\n" * 1_000 + ROW)) == 1


@pytest.mark.long
def test_blank_rows_are_bounded() -> None:
    with pytest.raises(FeedError, match="rows without any text"):
        read(HEADER + "\n" * 2_000_001)
