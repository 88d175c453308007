"""Whatever the format, the delimiter, the quotes, the encoding and the line breaks: the same products. And no feed,
whatever its bytes, ends in anything but products, problems and a FeedError."""

import contextlib
import csv
import gzip
import io
import json
from html import escape
from typing import Literal

from hypothesis import example, given, settings
from hypothesis import strategies as st

from adserver.catalog.feed import FeedError, read_feed
from tests.feeds import products, read

WORDS = st.text(st.sampled_from("abcABC123 äöüßéèñ€„“–.,;|\t\"'&<>\\/#=%!?()[]{}:\n"), min_size=1, max_size=30).map(
    lambda text: "T" + text
)
_NOT_GERMAN = str.maketrans("èñ", "éé")
QUOTED: list[Literal[1, 2]] = [csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]
TITLES = st.lists(WORDS, min_size=1, max_size=12)


def expected(titles: list[str]) -> list[str]:
    table = json.dumps([product(number, title) for number, title in enumerate(titles)])
    return [product.title for product in products(table)]


def product(number: int, title: str) -> dict[str, str]:
    return {"id": str(number), "title": title, "link": f"http://e/{number}", "price": "5.00 EUR"}


@settings(max_examples=100, deadline=None)
@given(
    titles=TITLES,
    delimiter=st.sampled_from("\t,;|"),
    quote=st.sampled_from("\"'"),
    quoting=st.sampled_from(QUOTED),
    line_break=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    packed=st.booleans(),
)
def test_tables_of_any_kind(
    titles: list[str], delimiter: str, quote: str, quoting: Literal[1, 2], line_break: str, encoding: str, packed: bool
) -> None:
    if encoding == "cp1252":
        titles = [title.translate(_NOT_GERMAN) for title in titles]
    out = io.StringIO(newline="")
    table = csv.writer(out, delimiter=delimiter, quotechar=quote, quoting=quoting, lineterminator=line_break)
    table.writerow(["id", "title", "link", "price"])
    table.writerows(product(number, title).values() for number, title in enumerate(titles))
    data = out.getvalue().encode(encoding)
    assert [one.title for one in products(gzip.compress(data) if packed else data)] == expected(titles)


@settings(max_examples=100, deadline=None)
@given(titles=TITLES, cdata=st.booleans(), encoding=st.sampled_from(["utf-8", "utf-16", "cp1252"]), bare=st.booleans())
def test_xml_of_any_kind(titles: list[str], cdata: bool, encoding: str, bare: bool) -> None:
    def text(value: str) -> str:
        if cdata:
            return f"<![CDATA[{value.replace(']]>', ']]]]><![CDATA[>')}]]>"
        return value.replace("<", "&lt;").replace(">", "&gt;") if bare and "&" not in value else escape(value)

    items = "".join(
        "<item>"
        + "".join(f"<g:{field}>{text(value)}</g:{field}>" for field, value in product(n, title).items())
        + "</item>"
        for n, title in enumerate(titles)
    )
    declared = {"cp1252": "windows-1252"}.get(encoding, encoding)
    feed = f'<?xml version="1.0" encoding="{declared}"?><rss><channel>{items}</channel></rss>'
    assert [one.title for one in products(feed.encode(encoding))] == expected(titles)


FRAGMENTS = [
    *(b"<rss>", b"</rss>", b"<channel>", b"</channel>", b"<item>", b"</item>", b"<g:id>", b"</g:id>", b"<title a='1'>"),
    *(b"</title>", b"<![CDATA[", b"]]>", b"<!--", b"-->", b"<?xml version='1.0'?>", b"<!DOCTYPE a>", b"&", b"&amp;"),
    *(
        b"id,title,link,price\n",
        b"id\ttitle\tlink\tprice\r\n",
        b'"',
        b"'",
        b"\\",
        b",",
        b"\t",
        b";",
        b"\n",
        b"\r",
        b"x",
    ),
    *(b"{", b"}", b"[", b"]", b'"id":', b'"products": [', b"1", b"http://e/1", b"\xff", b"\xfe", b"\xc3", b"\xa4"),
    *(b"\0", b"\xef\xbb\xbf", b"\x1f\x8b\x08", b"PK\x03\x04", b"BZh9", b" ", b"\xd8\x00", b"&#0;", b"&nbsp;"),
]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=6)), max_size=40).map(b"".join))
@example(b"<rss><item></item></rss>")
@example(b"id,title,link,price\n1,2,http://e,4\n")
def test_any_bytes_end_in_rows_or_a_feed_error(data: bytes) -> None:
    with contextlib.suppress(FeedError):
        list(read_feed(io.BytesIO(data), currency="EUR"))


XML = (
    '<?xml version="1.0"?>\n<rss xmlns:g="http://base.google.com/ns/1.0"><channel>\n'
    + "<item><g:id>1</g:id><title><![CDATA[Boots & <b>]]></title><link>http://e/1?a&amp;b</link><g:price>5</g:price></item>\n"
    * 3
    + "</channel></rss>"
).encode()
JSON = json.dumps({"products": [product(number, "Bo\n{[ots") for number in range(3)]}, indent=1).encode()


def test_xml_and_json_cut_anywhere_are_never_taken_as_complete() -> None:
    for whole in (XML, JSON):
        assert len(products(whole)) == 3
        for end in range(len(whole)):
            with contextlib.suppress(FeedError):
                read(whole[:end])
                raise AssertionError(whole[:end])


def test_bytes_changed_anywhere_end_in_rows_or_a_feed_error() -> None:
    for whole in (XML, JSON):
        for at in range(len(whole)):
            for byte in b'<&"\0\xff':
                with contextlib.suppress(FeedError):
                    read(whole[:at] + bytes([byte]) + whole[at + 1 :])
