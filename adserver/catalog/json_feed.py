"""JSON: an array of products, an object with one in it, or an object per line, as a stream of items.

Each item is parsed by itself, with its numbers kept as they are written.
"""

import json
import re
from collections.abc import Iterator

from adserver.catalog.json_item import fields_of
from adserver.catalog.json_split import FIX, ITEM_CHARACTERS, Splitter, cut_off, list_begin, too_large
from adserver.catalog.problem import RowProblem, shorten
from adserver.catalog.row import RowReader
from adserver.catalog.source import TextSource
from adserver.catalog.table import too_many
from adserver.model.product import Product

_LINE_OF_OBJECT = re.compile(r"\s*\{[^\n]*\}[ \t]*(?:\n|$)")


def is_json(head: str) -> bool:
    """Whether a feed that begins with ``head`` means to be JSON."""
    return head.lstrip().startswith(("{", "["))


def read_json(source: TextSource, *, rows: RowReader, max_items: int) -> Iterator[Product | RowProblem]:
    """The items of ``source``; see ``feed.read_feed``. One that can not be read is left out."""
    parts = _lines(source) if _has_lines(source.head) else Splitter(source).items()
    problems = rows.problems
    for items, (line, text) in enumerate(parts, start=1):
        if items > max_items:
            raise too_many(line, max_items)
        item = _parse(line, text)
        if isinstance(item, RowProblem):
            yield item
            continue
        product = rows.read(line, item)
        if problems:
            yield from problems
            problems.clear()
        if product is not None:
            yield product


def _parse(line: int, text: str) -> dict[str, str] | RowProblem:
    try:
        product = json.loads(text, parse_float=_decimal, parse_int=str, parse_constant=str, strict=False)
    except (ValueError, RecursionError) as error:
        return _broken_item(line, str(error))
    return fields_of(product) if isinstance(product, dict) else _broken_item(line, f"{text[:40]}: not an object")


def _decimal(number: str) -> str:
    """Its point is one: with a fourth decimal nobody takes it for a mark of thousands, as in the text ``1.299``."""
    return number + "0" if number[-4:-3] == "." else number


def _broken_item(line: int, why: str) -> RowProblem:
    return RowProblem(
        line=line,
        product_id="",
        field="json",
        found=shorten(why),
        expected="a product as a JSON object",
        code="json_broken_item",
        fix=FIX,
    )


def _has_lines(head: str) -> bool:
    """Whether every line is an object: the first one is, and it is a product or not the only one."""
    first = _LINE_OF_OBJECT.match(head)
    if first is None:
        return False
    more = head[first.end() :].lstrip()
    return more.startswith("{") or (not more and list_begin(first[0]) is None)


def _lines(source: TextSource) -> Iterator[tuple[int, str]]:
    rest = ""
    number = 0
    for block in source.blocks():
        *lines, rest = (rest + block).split("\n")
        for line in lines:
            number += 1
            if line and not line.isspace():
                yield number, line
        if len(rest) > ITEM_CHARACTERS:
            raise too_large(number + 1)
    if rest and not rest.isspace():
        if not rest.rstrip().endswith("}"):
            raise cut_off(number + 1)
        yield number + 1, rest
