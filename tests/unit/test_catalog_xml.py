"""XML feeds: which elements count, what is put right, what is left out, what is refused."""

import contextlib
import io
import itertools
import time
import tracemalloc

import pytest

from adserver.catalog.feed import FeedError, RowProblem, read_feed
from adserver.model.product import Product
from tests.feeds import Pieces, codes, products, read

OPEN = '<?xml version="1.0"?>\n<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel>\n'
CLOSE = "</channel></rss>"
ITEM = "<item><g:id>1</g:id><g:title>Boots</g:title><g:link>http://e/1</g:link><g:price>5 EUR</g:price></item>\n"


def item(fields: str) -> Product:
    (product,) = products(f"{OPEN}<item>{fields}</item>{CLOSE}")
    assert isinstance(product, Product)
    return product


REST = "<g:id>1</g:id><g:link>http://e/1</g:link>"


def test_fields_may_have_the_prefix_or_not() -> None:
    bare = (
        "<rss><channel><item><id>1</id><title>T</title><link>http://e/1</link><price>5</price></item></channel></rss>"
    )
    assert products(bare) == [item(REST + "<g:title>T</g:title><g:price>5</g:price>")]


def test_the_default_namespace_may_be_googles() -> None:
    document = (
        '<rss xmlns="http://base.google.com/ns/1.0"><channel><item><id>1</id><title>T</title>'
        "<link>http://e/1</link><price>5</price></item></channel></rss>"
    )
    assert products(document) == [item(REST + "<g:title>T</g:title><g:price>5</g:price>")]


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
        ("&lt;img src=x onerror=alert(1)&gt; &amp;amp;", "<img src=x onerror=alert(1)> &"),
        ("Red <b>hot</b><!-- not --><?php no ?> boots", "Red hot boots"),
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


def test_atom_has_its_link_in_an_attribute() -> None:
    document = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><title>Shop</title>'
        "<entry><id>tag:e,2026:1</id><g:id>1</g:id><title>Boots</title><summary>Red</summary>"
        '<link rel="self" href="http://e/self"/><link href="http://e/1"/><g:price>5 EUR</g:price></entry></feed>'
    )
    (product,) = products(document)
    assert (product.id, product.title, product.link, product.description) == ("1", "Boots", "http://e/1", "Red")


@pytest.mark.parametrize(
    "document",
    [
        '<products><product id="1" name="Boots" url="http://e/1" price="5"/></products>',
        "<products><product><sku>1</sku><name>Boots</name><url>http://e/1</url><price>5</price></product></products>",
        '<store><at/><products><product id="1"><name>Boots</name><link>http://e/1</link>'
        "<price_with_vat>5</price_with_vat><variations><variation><link>x</link></variation></variations></product>"
        "</products></store>",
        "<SHOP><SHOPITEM><ITEM_ID>1</ITEM_ID><PRODUCTNAME>Boots</PRODUCTNAME><URL>http://e/1</URL>"
        "<PRICE_VAT>5</PRICE_VAT></SHOPITEM></SHOP>",
        '<offers><offer id="1"><name>Boots</name><url>http://e/1</url><price currency="EUR">5</price></offer></offers>',
        '<a:rss xmlns:a="x" xmlns:b="http://base.google.com/ns/1.0"><a:item><b:id>1</b:id><a:title>Boots</a:title>'
        "<b:link>http://e/1</b:link><b:price>5</b:price></a:item></a:rss>",
        f"<rss><channel>{ITEM}</channel></rss>",
    ],
)
def test_one_product_in_many_spellings(document: str) -> None:
    (product,) = products(document)
    assert (product.id, product.title, product.link, product.price) == ("1", "Boots", "http://e/1", 5_000_000)


def test_further_pictures_are_all_read() -> None:
    more = "".join(f"<g:additional_image_link>http://e/{name}.jpg</g:additional_image_link>" for name in "bc")
    product = item(REST + f"<g:title>A</g:title><g:price>1</g:price><g:image_link>http://e/a.jpg</g:image_link>{more}")
    assert (product.image_link, product.more_images) == ("http://e/a.jpg", ("http://e/b.jpg", "http://e/c.jpg"))
    nested = "<images><image>http://e/a.jpg</image><image>http://e/b.jpg</image></images>"
    product = item(REST + f"<g:title>A</g:title><g:price>1</g:price>{nested}")
    assert (product.image_link, product.more_images) == ("http://e/a.jpg", ("http://e/b.jpg",))


@pytest.mark.parametrize(
    ("title", "kept", "code"),
    [
        ("Salt & pepper", "Salt & pepper", "xml_ampersand"),
        ("a&b&amp;c&unknown;", "a&b&c&unknown;", "xml_ampersand"),
        ("Gr&ouml;&szlig;e&nbsp;5 &AMP; &lt;6", "Größe 5 & <6", "xml_entity"),
        ("a\x0bb&#1;c&#xD800;", "abc", "xml_control_character"),
        ("<![CDATA[a & b &nosuch; <b>]]> & c", "a & b &nosuch; <b> & c", "xml_ampersand"),
    ],
)
def test_what_shops_get_wrong_is_put_right_and_told(title: str, kept: str, code: str) -> None:
    items = read(OPEN + ITEM + ITEM.replace("Boots", title) + ITEM + CLOSE)
    assert [one.title for one in items if isinstance(one, Product)] == ["Boots", kept, "Boots"]
    (problem,) = [one for one in items if isinstance(one, RowProblem)]
    assert (problem.line, problem.code, problem.left_out) == (4, code, False)


def test_what_is_put_right_may_be_cut_by_the_end_of_a_block() -> None:
    titles = "<![CDATA[a & b]]>", "a &nbsp; b", "a & b"
    data = (OPEN + "".join(ITEM.replace("Boots", title) for title in titles) + CLOSE).encode()
    for size in (1, 2, 3, 7, 50):
        pieces = Pieces((data[start : start + size] for start in range(0, len(data), size)), at_once=1)
        found = [one.title for one in read_feed(pieces, currency="EUR") if isinstance(one, Product)]
        assert found == ["a & b", "a b", "a & b"]


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        (ITEM.replace("</g:title>", ""), 4),
        (ITEM.replace("<g:title>", "<g:title"), 4),
        (ITEM.replace("Boots", "5 < 6 cm"), 4),
        ("<item>\n<g:id>2</g:id>\n", 4),
        ("<item a=1/>\n", 4),
        (ITEM.replace("</item>", "</item></nonsense>"), 4),
        (ITEM.replace("Boots", "<![CDATA[Boots]]></g:title><g:title>]]>"), 4),
    ],
)
def test_a_broken_item_costs_itself_only(broken: str, line: int) -> None:
    items = read(OPEN + ITEM + broken + ITEM + ITEM + CLOSE)
    good = [one for one in items if isinstance(one, Product)]
    (problem,) = [one for one in items if isinstance(one, RowProblem)]
    assert (problem.line, problem.code) == (line, "xml_broken")
    assert len(good) == 4 - problem.left_out


def test_lines_stay_right_behind_a_broken_item() -> None:
    broken = "<item>\n<a>\n</item>\n"
    items = read(OPEN + (broken + ITEM.replace("<g:id>1</g:id>", "")) * 2 + CLOSE)
    assert [one.line for one in items if isinstance(one, RowProblem)] == [3, 6, 7, 10]


def test_too_many_broken_items_are_no_feed() -> None:
    with pytest.raises(FeedError, match="line 10001: the XML is broken") as caught:
        read("<rss>" + "<item></a>\n" * 10_001)
    assert caught.value.code == "xml_broken"


@pytest.mark.parametrize("end", ["", "\n\n", "\n<!-- 0.3 s --><?end?>"])
def test_what_may_follow_the_root(end: str) -> None:
    assert codes(OPEN + ITEM + CLOSE + end) == []


def test_what_follows_the_root_by_mistake_is_told() -> None:
    assert codes(OPEN + ITEM + CLOSE + "\nWarning: out of memory in /x.php\n") == ["xml_text_after"]
    assert codes(OPEN + ITEM + CLOSE + "<br/>" + " " * 200_000 + "<b>") == ["xml_text_after"]
    for more in (OPEN + ITEM + CLOSE, "x" * 100_000 + OPEN, ITEM):
        with pytest.raises(FeedError, match="a second document follows"):
            read(OPEN + ITEM + CLOSE + more)


@pytest.mark.parametrize("start", ["---\nlayout: null\n---\n", "Notice: x in y.php\n", "<br />\n<b>Notice</b>: &x\n"])
def test_text_before_the_document_is_passed_over_and_told(start: str) -> None:
    told, problem = read(start + OPEN + "<item/>" + CLOSE)
    assert isinstance(told, RowProblem)
    assert isinstance(problem, RowProblem)
    assert (told.code, told.left_out) == ("xml_text_before", False)
    assert problem.line == 3 + start.count("\n")


def test_a_prefix_that_is_not_declared_is_told() -> None:
    assert codes(f"<rss><channel>{ITEM}{ITEM}</channel></rss>") == ["xml_prefix_undeclared"]


def test_other_encodings_are_read_as_declared() -> None:
    document = OPEN.replace("?>", ' encoding="{}"?>', 1) + ITEM.replace("Boots", "Stövel") + CLOSE
    for encoding in ("iso-8859-1", "utf-16"):
        (product,) = read(document.format(encoding).encode(encoding))
        assert isinstance(product, Product)
        assert product.title == "Stövel"


def test_lines_are_right_far_down() -> None:
    document = OPEN + "\n" * 70_000 + "<item>\n<g:id>x</g:id></item>" + CLOSE
    *_, problem = read(document)
    assert isinstance(problem, RowProblem)
    assert problem.line == 70_003
    assert (problem.product_id, problem.field) == ("x", "title")


@pytest.mark.parametrize(
    "document",
    [
        "<!--a-->" * 400 + "x<?xml version='1.0'?><rss/>",
        "<?a?>" * 400 + "x<?xml version='1.0'?><rss/>",
        "<rss><item>& " + "<!--" * 20_000,
        "<rss><item>& " + "<![CDATA[" * 10_000,
        "<rss>" + "&" * 60_000,
        "<" * 60_000,
        "<rss>" + "<item a=" * 8_000,
        "<rss>" + "<item>" * 9_000,
        "é" + "<a" * 60_000,
        "é" + '"' * 60_000,
        "[" + '"' * 60_000,
        '{"a' + "\\" * 60_000,
        "id,title,link,price\n" + "\"a'" * 20_000,
    ],
)
def test_nothing_takes_long(document: str) -> None:
    for encoding in ("utf-8", "latin-1"):
        began = time.perf_counter()
        with contextlib.suppress(FeedError):
            read(document.encode(encoding))
        assert time.perf_counter() - began < 3


def test_no_items_is_no_error() -> None:
    assert codes("<root/>") == ["xml_no_items"]


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
        ("<", "line 1: the feed ends before </rss>"),
        ("<rss>\n<item>", "line 2: the feed ends before </rss>"),
        ("<rss>\n</item>", "line 2: the XML is broken (mismatched tag)"),
        (OPEN + ITEM + "</nonsense>", "line 4: the feed ends before </rss>; it is broken at line 4"),
        ("<!-- a --> hello <rss/>", "line 1: the XML is broken"),
        ("<rss>\n\n\0</rss>", "line 3: a NUL character"),
        ("<rss>" + "<a>" * 100_000, "nested more than 100 deep"),
        ("<rss><item>" + "<a>" * 100, "nested more than 100 deep"),
        ("<rss><item>" + f"<{'a' * 201}/>", "a name of more than 200 characters"),
        ("<rss><item>" + "".join(f"<a{number}/>" for number in range(10_001)), "more than 10,000 different names"),
        (
            "<rss><item>" + "".join(f"<a a{number}='1'/>" for number in range(10_001)),
            "more than 10,000 different names",
        ),
        ("<rss a='1' " + "".join(f"a{number}='1' " for number in range(250)) + "/>", "251 attributes"),
        ("<html><body/></html>", "line 1: a web page (HTML)"),
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
        ("<rss><channel>", "<thing>a thing, and not a product; a thing, and not a product</thing>\n"),
        ("<rss><!--", "a"),
        ("<!--", "a"),
        ("<rss><item><![CDATA[", "a"),
        ("<rss><item>", "&"),
    ],
)
def test_an_endless_piece_is_given_up_in_bounded_memory(start: str, more: str) -> None:
    endless = Pieces(itertools.chain([start.encode()], itertools.repeat(more.encode() * 1_000)))
    with pytest.raises(FeedError, match=r"an endless (item|stretch)"):
        list(read_feed(endless, currency="EUR"))


def test_what_came_before_the_break_is_kept() -> None:
    feed = read_feed(io.BytesIO((OPEN + ITEM + ITEM + "</nonsense>").encode()), currency="EUR")
    assert sum(isinstance(next(feed), Product) for _ in range(5)) == 2
    with pytest.raises(FeedError, match="line 5: "):
        list(feed)


@pytest.mark.parametrize("count", [3_000, pytest.param(200_000, marks=pytest.mark.long)])
def test_memory_stays_flat(count: int) -> None:
    items = (ITEM.replace("1<", f"{number}<", 1).encode() for number in range(count))
    feed = Pieces(itertools.chain([OPEN.encode()], items, [CLOSE.encode()]))
    tracemalloc.start()
    try:
        assert sum(isinstance(product, Product) for product in read_feed(feed, currency="EUR")) == count
        assert tracemalloc.get_traced_memory()[1] < 4_000_000 + 100 * count
    finally:
        tracemalloc.stop()
