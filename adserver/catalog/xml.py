"""XML with one element per product: Google's RSS 2.0 and Atom, and what other trades make alike, as a stream of items.

A feed in the wild is often not well-formed. What can be put right without guessing is (see ``repair``); an item that is
still broken is left out, and reading goes on with the next one. A feed whose root element is never closed was cut off:
it is refused, whatever came before.
"""

import re
from collections.abc import Iterator

from adserver.catalog.problem import RowProblem, shorten
from adserver.catalog.row import RowReader
from adserver.catalog.source import TextSource
from adserver.catalog.table import too_many
from adserver.catalog.xml_document import Document, notice
from adserver.catalog.xml_items import Item, document_type
from adserver.model.product import Product

_PROLOG = re.compile(r"\s*+(?>(?:<\?.*?\?>|<!--.*?-->)\s*+)*+", re.DOTALL)
_DECLARATION = re.compile(r"<\?xml\s[^>]{0,200}\?>")
_YANDEX = re.compile(r"<!DOCTYPE\s{1,9}yml_catalog\s{1,9}SYSTEM\s{1,9}[\"']shops\.dtd[\"']\s{0,9}>")
_ROOT_AFTER_TEXT = re.compile(r"^[ \t]*(?=<(?:\?xml|rss|feed|rdf:RDF)[\s>])", re.MULTILINE)
_WITHIN = 4_096
_SHOWN = 5


def begin_of_xml(head: str) -> int:
    """Where XML begins in the first text of a feed; -1: it is something else.

    Blanks may stand before it, and what programs leave there by mistake: warnings, or front matter.
    """
    begin = len(head) - len(head.lstrip())
    if head.startswith("<", begin):
        declaration = _DECLARATION.search(head, begin, _WITHIN)
        if declaration is None or _PROLOG.fullmatch(head, begin, declaration.start()):
            return begin
        return declaration.start()
    root = _ROOT_AFTER_TEXT.search(head, 0, _WITHIN)
    return -1 if root is None or head.startswith(("{", "["), begin) else root.end()


def read_xml(source: TextSource, begin: int, *, rows: RowReader, max_items: int) -> Iterator[Product | RowProblem]:
    """The items of ``source``, which begin at ``begin`` in its head; see ``feed.read_feed``."""
    head = source.head
    line = 1 + head.count("\n", 0, begin)
    _refuse_document_type(head, begin, line)
    if begin and not head[:begin].isspace():
        yield notice(1, head[:begin].strip()[:80], "nothing before the first element", "xml_text_before")
    document = Document(line)
    items = 0
    for block in _blocks(source, begin):
        for found in document.read(block):
            if isinstance(found, RowProblem):
                yield found
                continue
            items += len(found)
            if items <= max_items:
                yield from _read_items(found, rows)
                continue
            allowed = found[: max_items - items]
            yield from _read_items(allowed, rows)
            raise too_many(found[len(allowed)][0], max_items)
    if not document.item_name:
        yield _no_items(document.elements)


def _read_items(items: list[Item], rows: RowReader) -> Iterator[Product | RowProblem]:
    if not items:
        return
    lines, texts = zip(*items, strict=True)
    fields: set[str] = set().union(*texts)
    yield from rows.read_all(lines, {field: [one.get(field, "") for one in texts] for field in fields})


def _no_items(elements: list[str]) -> RowProblem:
    return RowProblem(
        line=1,
        product_id="",
        field="xml",
        found=shorten(" ".join(f"<{name}>" for name in elements[:_SHOWN])),
        expected="one element such as <item>, <entry> or <product> for each product",
        code="xml_no_items",
        fix="Export the feed as Google Merchant Center has it: RSS with one <item> for each product.",
        left_out=False,
    )


def _blocks(source: TextSource, begin: int) -> Iterator[str]:
    """The text from ``begin`` on; at the end an empty one.

    Without its XML declaration, for it is decoded already, and without the document type that Yandex asks for.
    """
    blocks = source.blocks()
    first = next(blocks)[begin:]
    declaration = _DECLARATION.search(first, 0, _WITHIN)
    if declaration is not None and _PROLOG.fullmatch(first, 0, declaration.start()):
        first = _without(first, declaration)
    prolog = _PROLOG.match(first)
    document_type_of_yandex = _YANDEX.match(first, prolog.end() if prolog else 0)
    if document_type_of_yandex is not None:
        first = _without(first, document_type_of_yandex)
    yield first or " "
    yield from blocks
    yield ""


def _without(text: str, match: re.Match[str]) -> str:
    """Lines stay where they are."""
    return text[: match.start()] + "\n" * match[0].count("\n") + text[match.end() :]


def _refuse_document_type(head: str, begin: int, line: int) -> None:
    """Before the parser sees it, so that half a one is refused too.

    Every catalog made for Yandex has one in the same words. It declares nothing by itself, and nobody fetches it.
    """
    prolog = _PROLOG.match(head, begin)
    end = prolog.end() if prolog else begin
    if _YANDEX.match(head, end):
        return
    if head.startswith("<!", end) and not "<!--".startswith(head[end : end + 4]):
        raise document_type(line + head.count("\n", begin, end))
