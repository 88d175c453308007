"""RSS 2.0 with Google's ``g:`` fields, as a stream of items.

The parser never sees a document type: it is refused before the first byte is parsed, so there are no entities
to expand and nothing to fetch. What is left is bounded: ``ITEM_BYTES`` between the ends of two items, the
limits that libxml2 sets to depth and names (``huge_tree=False``), and an item is forgotten once it is read.
The exception: libxml2 keeps every *different* element name (about 100 bytes each) for the life of the thread.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO, cast

from lxml import etree

from adserver.catalog.problem import FeedError, RowProblem
from adserver.catalog.row import FIELDS, RowReader
from adserver.model.product import Product

ITEM_BYTES = 1_048_576
"""Bytes of XML that may pass without the end of an item: bounds the tree in memory."""

_BLOCK_BYTES = 65_536
_GOOGLE = (
    "{http://base.google.com/ns/1.0}",
    "{https://base.google.com/ns/1.0}",
    "{http://base.google.com/ns/1.0/}",
)
_PROLOG = re.compile(r"\s*(?:(?:<\?.*?\?>|<!--.*?-->)\s*)*", re.DOTALL)
_POSITION = re.compile(r",? ?line \d+(?:, column \d+)?")


def read_rss(
    head: bytes, stream: BinaryIO, *, rows: RowReader, encoding: str, max_items: int
) -> Iterator[Product | RowProblem]:
    """The items of ``head`` and of what follows it in ``stream``; see ``feed.read_feed``."""
    _refuse_document_type(head.decode(encoding, errors="replace"))
    wide = encoding == "utf-16"
    block = head if wide else head.removeprefix(b"\xef\xbb\xbf").lstrip()
    items = _Items(head.count(b"\n") - block.count(b"\n"), rows, max_items)
    while block:
        if not wide and b"\0" in block:
            raise FeedError(f"line {items.line}: a NUL byte; expected text")
        yield from items.feed(block)
        block = stream.read(_BLOCK_BYTES)
    items.close()


class _Items:
    """The push parser and the little that is remembered between two blocks."""

    def __init__(self, blank_lines: int, rows: RowReader, max_items: int) -> None:
        self._parser = etree.XMLPullParser(
            events=("start", "end"),
            tag="{*}item",
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            dtd_validation=False,
            attribute_defaults=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        self._blank_lines = blank_lines
        self._rows = rows
        self._items_left = max_items
        self._max_items = max_items
        self._names: tuple[dict[str, str], dict[str, str]] | None = None
        self._bytes_since_item = 0
        self._depth = 0
        self.line = 1 + blank_lines

    def feed(self, block: bytes) -> Iterator[Product | RowProblem]:
        broken = None
        try:
            self._parser.feed(block)
        except (etree.LxmlError, SyntaxError) as error:
            broken = self._explain(error)
        # An undefined entity such as &nbsp; stops libxml2 without a word to lxml: only the log has it.
        fatal = self._parser.feed_error_log.filter_from_fatals()
        if broken is None and len(fatal):
            broken = self._broken(fatal[0].line, fatal[0].message)
        self._bytes_since_item += len(block)
        yield from self._finished()
        if broken is not None:
            raise broken
        if self._bytes_since_item > ITEM_BYTES:
            raise FeedError(
                f"line {self.line}: {ITEM_BYTES:,} bytes without the end of an <item>; "
                "expected RSS 2.0 with one <item> per product"
            )
        self.line += block.count(b"\n")

    def close(self) -> None:
        try:
            root = self._parser.close()
        except (etree.LxmlError, SyntaxError) as error:
            raise self._explain(error) from error
        _refuse_internal_subset(root)

    def _finished(self) -> Iterator[Product | RowProblem]:
        """Products and problems of the items that have ended; only the outermost item of a nest counts."""
        rows = self._rows
        events = cast("Iterator[tuple[str, etree._Element]]", self._parser.read_events())
        for event, item in events:
            if event == "start":
                self._depth += 1
                continue
            self._depth -= 1
            if self._depth:
                continue
            self._bytes_since_item = 0
            self._items_left -= 1
            line = (cast("int | None", item.sourceline) or 1) + self._blank_lines
            if self._items_left < 0:
                raise FeedError(f"line {line}: more than {self._max_items:,} items in one feed")
            if self._names is None:
                _refuse_internal_subset(item)
                self._names = _names(item, line)
            product = rows.read(line, _fields(item, *self._names))
            _forget(item)
            if rows.problems:
                yield from rows.problems
                rows.problems.clear()
            if product is not None:
                yield product

    def _explain(self, error: Exception) -> FeedError:
        return self._broken(getattr(error, "lineno", None) or 1, getattr(error, "msg", None) or "it can not be read")

    def _broken(self, line: int, message: str) -> FeedError:
        reason = _POSITION.sub("", message)[:200].strip()
        return FeedError(
            f"line {line + self._blank_lines}: the XML is broken or ends too early ({reason}); "
            "expected well-formed RSS 2.0 up to </rss>"
        )


def _refuse_document_type(text: str) -> None:
    """Raises ``FeedError`` where the prolog has more than comments and instructions."""
    prolog = _PROLOG.match(text)
    begin = prolog.end() if prolog else 0
    line = 1 + text.count("\n", 0, begin)
    follows = text[begin : begin + 4]
    if follows.startswith("<!") and not "<!--".startswith(follows[:4]):
        raise FeedError(f"line {line}: a document type (<!DOCTYPE>); expected <rss> without one")
    if not follows.startswith("<"):
        raise FeedError(f"line {line}: text outside of any element; expected <rss>")


def _refuse_internal_subset(element: etree._Element) -> None:
    """The second lock: the parser may know an encoding in which the first one saw no document type."""
    if element.getroottree().docinfo.internalDTD is not None:
        raise FeedError("line 1: a document type (<!DOCTYPE>); expected <rss> without one")


def _names(item: etree._Element, line: int) -> tuple[dict[str, str], dict[str, str]]:
    """Tag to field: Google's namespace, and none (or the default one that the items themselves are in)."""
    if any(str(child.tag).startswith("g:") for child in item):
        raise FeedError(
            f'line {line}: the prefix "g:" is not declared; expected '
            '<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0">'
        )
    own = str(item.tag).removesuffix("item")
    google = {space + field: field for space in _GOOGLE for field in FIELDS}
    plain = {space + field: field for space in ("", own) for field in FIELDS}
    return google, plain


def _fields(item: etree._Element, google: dict[str, str], plain: dict[str, str]) -> dict[str, str]:
    """Text by field of the direct children. Google's namespace wins, then the first one that is not blank."""
    marked: dict[str, str] = {}
    unmarked: dict[str, str] = {}
    for child in item:
        tag = child.tag
        if tag in google:
            field, values = google[tag], marked
        elif tag in plain:
            field, values = plain[tag], unmarked
        else:
            continue
        if field not in values:
            text = "".join(map(str, child.itertext())) if len(child) else child.text
            if text and not text.isspace():
                values[field] = text
    return unmarked | marked if unmarked else marked


def _forget(item: etree._Element) -> None:
    """Empty the item and drop all that stands before it: its own end is not parsed through yet."""
    item.clear()
    node, parent = item, item.getparent()
    while parent is not None:
        while node.getprevious() is not None:
            del parent[0]
        node, parent = parent, parent.getparent()
