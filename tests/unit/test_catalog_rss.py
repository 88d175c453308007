"""The RSS feed: which elements count, what is refused, and where a broken feed stops."""

import io
import itertools
import tracemalloc
from collections.abc import Iterable

import pytest

from adserver.catalog.feed import FeedError, RowProblem, read_feed
from adserver.model.product import Product

OPEN = '<?xml version="1.0"?>\n<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel>\n'
CLOSE = "</channel></rss>"
ITEM = "<item><g:id>1</g:id><g:title>Boots</g:title><g:link>http://e/1</g:link><g:price>5 EUR</g:price></item>\n"


def read(document: str | bytes, **options: int) -> list[Product | RowProblem]:
    data = document if isinstance(document, bytes) else document.encode()
    return list(read_feed(io.BytesIO(data), currency="EUR", **options))


def item(fields: str) -> Product:
    (product,) = read(f"{OPEN}<item>{fields}</item>{CLOSE}")
    assert isinstance(product, Product)
    return product


REST = "<g:id>1</g:id><g:link>http://e/1</g:link>"


def test_fields_may_have_the_prefix_or_not() -> None:
    bare = (
        "<rss><channel><item><id>1</id><title>T</title><link>http://e/1</link><price>5</price></item></channel></rss>"
    )
    assert read(bare) == [item(REST + "<g:title>T</g:title><g:price>5</g:price>")]


def test_the_default_namespace_may_be_googles() -> None:
    document = (
        '<rss xmlns="http://base.google.com/ns/1.0"><channel><item><id>1</id><title>T</title>'
        "<link>http://e/1</link><price>5</price></item></channel></rss>"
    )
    assert read(document) == [item(REST + "<g:title>T</g:title><g:price>5</g:price>")]


def test_the_prefix_wins_wherever_it_stands() -> None:
    product = item(REST + "<g:title>A</g:title><title>B</title><price>1</price><g:price>2</g:price>")
    assert (product.title, product.price) == ("A", 2_000_000)


def test_a_blank_field_does_not_hide_one_that_is_filled() -> None:
    product = item(REST + "<g:title> </g:title><title>B</title><g:price/><g:price>2</g:price>")
    assert (product.title, product.price) == ("B", 2_000_000)


def test_the_first_of_two_wins() -> None:
    product = item(REST + "<g:title>A</g:title><g:title>B</g:title><g:price>1</g:price><g:price>2</g:price>")
    assert (product.title, product.price) == ("A", 1_000_000)


def test_only_direct_children_count() -> None:
    shipping = "<g:shipping><g:price>9</g:price><g:title>no</g:title></g:shipping>"
    product = item(shipping + REST + "<g:title>A</g:title><g:price>1</g:price>" + shipping)
    assert (product.title, product.price) == ("A", 1_000_000)


def test_an_item_in_an_item_is_not_a_second_product() -> None:
    (product,) = read(f"{OPEN}<item><box>{ITEM}</box>{REST}<title>A</title><price>7</price></item>{CLOSE}")
    assert isinstance(product, Product)
    assert product.title == "A"


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("<![CDATA[<script>alert(1)</script>]]>", "<script>alert(1)</script>"),
        ("&lt;img src=x onerror=alert(1)&gt; &amp;amp;", "<img src=x onerror=alert(1)> &amp;"),
        ("Red <b>hot</b><!-- not --><?php no ?> boots", "Red hot boots"),
        ("{{ 7*7 }} {% raw %} ${IFS}", "{{ 7*7 }} {% raw %} ${IFS}"),
        ('=HYPERLINK("http://evil")', '=HYPERLINK("http://evil")'),
        ("'; DROP TABLE products; --", "'; DROP TABLE products; --"),
        ('<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/passwd" parse="text"/>A', "A"),
        ("&#8238;gnp", "gnp"),
    ],
)
def test_hostile_titles_are_only_text(title: str, kept: str) -> None:
    assert item(f"{REST}<g:title>{title}</g:title><g:price>1</g:price>").title == kept


@pytest.mark.parametrize("start", ["\ufeff", " \n\t", "\ufeff\n\n", "<!-- a --><?pi b?>\n"])
def test_what_may_stand_before_the_root(start: str) -> None:
    document = f"{start}<rss><channel><item><id/></item>\n</channel></rss>"
    (problem,) = read(document)
    assert isinstance(problem, RowProblem)
    assert (problem.line, problem.field) == (1 + start.count("\n"), "id")


def test_other_encodings_are_read_as_declared() -> None:
    document = OPEN.replace("?>", ' encoding="{}"?>', 1) + ITEM.replace("Boots", "Stövel") + CLOSE
    for encoding in ("iso-8859-1", "utf-16"):
        (product,) = read(document.format(encoding).encode(encoding))
        assert isinstance(product, Product)
        assert product.title == "Stövel"


def test_lines_are_right_far_down() -> None:
    document = OPEN + ITEM * 70_000 + "<item>\n<g:id>x</g:id></item>" + CLOSE
    *_, problem = read(document)
    assert isinstance(problem, RowProblem)
    assert problem.line in {70_003, 70_004}  # libxml2 counts elements to 65,535, then looks at their text
    assert (problem.product_id, problem.field) == ("x", "title")


def test_no_items_is_no_error() -> None:
    assert read("<root/>") == []


def test_the_number_of_items_is_bounded() -> None:
    assert len(read(OPEN + ITEM * 3 + CLOSE, max_items=3)) == 3
    with pytest.raises(FeedError, match="line 6: more than 3 items"):
        read(OPEN + ITEM * 4 + CLOSE, max_items=3)


DOCUMENT_TYPE = '<!DOCTYPE rss [<!ENTITY a "x"><!ENTITY b SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    "document",
    [
        f"{DOCUMENT_TYPE}<rss><channel><item><title>&a;&b;</title></item></channel></rss>".encode(),
        f'<?xml version="1.0"?>\n<!-- a -->{DOCUMENT_TYPE}<rss a="&a;"/>'.encode(),
        f"\ufeff \n{DOCUMENT_TYPE}<rss/>".encode(),
        f'<?xml version="1.0" encoding="utf-16"?>{DOCUMENT_TYPE}<rss/>'.encode("utf-16"),
        b"<!DOCTYPE html><html></html>",
        b"<!DOCTYPE",
    ],
)
def test_any_document_type_is_refused(document: bytes) -> None:
    with pytest.raises(FeedError, match=r"line \d: a document type"):
        read(document)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("", "line 1: the feed is empty"),
        ("\ufeff \n", "line 1: the feed is empty"),
        ("<", "line 1: the XML is broken"),
        ("<rss>\n<item>", "line 2: the XML is broken or ends too early"),
        ("<rss>\n</item>", "line 2: the XML is broken"),
        ("<rss>\n&nbsp;</rss>", "line 2: the XML is broken or ends too early (Entity 'nbsp' not defined)"),
        ("<rss>\n<item>&uuml;" + "<a/>" * 1_000_000, "line 2: the XML is broken"),
        ("<rss></rss><rss/>", "line 1: the XML is broken"),
        ("<!-- a --> hello <rss/>", "line 1: text outside"),
        ("<rss>\n\n\0</rss>", "a NUL byte"),
        ('<?xml version="1.0"?><rss><item><g:id>1</g:id></item></rss>', 'the prefix "g:" is not declared'),
        ("<rss>" + "<a>" * 100_000, "Excessive depth"),
    ],
)
def test_a_feed_that_can_not_be_read_says_where(document: str, message: str) -> None:
    with pytest.raises(FeedError) as caught:
        read(document)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("start", "more"),
    [
        ("<rss><item><title>", "a"),
        ("<rss><item a='", "a"),
        ("<rss><item>", "<a/>"),
        ("<rss><channel>", "<product/>"),
        ("<rss><!--", "a"),
        ("<!--", "a"),
    ],
)
def test_an_endless_piece_is_given_up_in_bounded_memory(start: str, more: str) -> None:
    endless = Pieces(itertools.chain([start.encode()], itertools.repeat(more.encode() * 1_000)))
    with pytest.raises(FeedError, match=r"1,048,576 bytes without the end of an <item>"):
        list(read_feed(endless, currency="EUR"))


def test_what_came_before_the_break_is_kept() -> None:
    feed = read_feed(io.BytesIO((OPEN + ITEM + ITEM + "</nonsense>").encode()), currency="EUR")
    assert isinstance(next(feed), Product)
    assert isinstance(next(feed), Product)
    with pytest.raises(FeedError, match="line 5: "):
        next(feed)


@pytest.mark.parametrize("count", [10_000, pytest.param(200_000, marks=pytest.mark.long)])
def test_memory_stays_flat(count: int) -> None:
    items = (ITEM.replace("1<", f"{number}<", 1).encode() for number in range(count))
    feed = Pieces(itertools.chain([OPEN.encode()], items, [CLOSE.encode()]))
    tracemalloc.start()
    try:
        assert sum(isinstance(product, Product) for product in read_feed(feed, currency="EUR")) == count
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


class Pieces(io.BytesIO):
    """A stream that makes its bytes when they are asked for."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        super().__init__()
        self._pieces = iter(pieces)

    def read(self, _size: int | None = -1, /) -> bytes:
        return b"".join(itertools.islice(self._pieces, 100))
