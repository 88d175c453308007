"""XML with one element per product: Google's RSS 2.0 and Atom, and what other trades make alike, as a stream of items.

A feed in the wild is often not well-formed. What can be put right without guessing is (see ``repair``); an item that is
still broken is left out, and reading goes on with the next one. A feed whose root element is never closed was cut off:
it is refused, whatever came before.
"""

import re
from collections.abc import Iterator

from adserver.catalog.problem import RowProblem
from adserver.catalog.row import RowReader
from adserver.catalog.source import TextSource
from adserver.catalog.table import too_many
from adserver.catalog.xml_document import Document, notice
from adserver.catalog.xml_items import document_type
from adserver.model.product import Product

_PROLOG = re.compile(r"\s*+(?>(?:<\?.*?\?>|<!--.*?-->)\s*+)*+", re.DOTALL)
_DECLARATION = re.compile(r"<\?xml\s[^>]{0,200}\?>")
_ROOT_AFTER_TEXT = re.compile(r"^[ \t]*(?=<(?:\?xml|rss|feed|rdf:RDF)[\s>])", re.MULTILINE)
_WITHIN = 4_096


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
    items, problems = 0, rows.problems
    for block in _blocks(source, begin):
        for item in document.read(block):
            if isinstance(item, RowProblem):
                yield item
                continue
            items += 1
            if items > max_items:
                raise too_many(item[0], max_items)
            product = rows.read(*item)
            if problems:
                yield from problems
                problems.clear()
            if product is not None:
                yield product


def _blocks(source: TextSource, begin: int) -> Iterator[str]:
    """The text from ``begin`` on, without its XML declaration, for it is decoded already; at the end an empty one."""
    blocks = source.blocks()
    first = next(blocks)[begin:]
    declaration = _DECLARATION.search(first, 0, _WITHIN)
    if declaration is not None and _PROLOG.fullmatch(first, 0, declaration.start()):
        first = first[: declaration.start()] + "\n" * declaration[0].count("\n") + first[declaration.end() :]
    yield first or " "
    yield from blocks
    yield ""


def _refuse_document_type(head: str, begin: int, line: int) -> None:
    """Before the parser sees it, so that half a one is refused too."""
    prolog = _PROLOG.match(head, begin)
    end = prolog.end() if prolog else begin
    if head.startswith("<!", end) and not "<!--".startswith(head[end : end + 4]):
        raise document_type(line + head.count("\n", begin, end))
