"""An XML document read block by block, with the places at which it is broken left behind.

The parser stops at the first fault. A new one goes on with the next item, or with the end of an element around the
items, as if the elements around it had just begun.
"""

import re
from collections.abc import Iterator
from xml.parsers import expat

from adserver.catalog.problem import FeedError, RowProblem, shorten
from adserver.catalog.repair import Repair
from adserver.catalog.xml_items import Item, ItemParser, UnclosedError
from adserver.catalog.xml_names import Names

ITEM_BYTES = 1_048_576
"""Largest item, and largest single tag or comment."""

BARE_BYTES = 8 * 2**20
"""Bytes that may pass outside of any item, as lists of categories do."""

BROKEN_ITEMS = 10_000
"""Most places at which the XML may be broken and reading goes on all the same."""

_ANOTHER = re.compile(rb"<(?:\?xml|rss|feed)[\s>]")
_WELL_FORMED = "well-formed XML"
_CLOSE_CDATA = 'Write "]]>" at the end of that section, or make the file again if its end is missing.'
_ESCAPE = "Have the export escape its texts (&amp;, &lt;), or put them into CDATA sections, and close every element."


class Document:
    """What has to be known from one block to the next.

    ``_line`` is that of the first byte of the block; ``_fed`` and ``_ended`` count bytes of the parser's run: fed to it
    before this block, and where the last item ended.
    """

    def __init__(self, line: int) -> None:
        self._names = Names()
        self._repair = Repair(line)
        self._parser = ItemParser(self._names, [], line)
        self._line = line
        self._fed = 0
        self._ended = 0
        self._seeking: re.Pattern[bytes] | None = None
        self._over = False
        self._broken_items = 0
        self._broken = ""
        self._told: set[str] = set()

    @property
    def item_name(self) -> str:
        """What the element of a product is called here; empty where none was met."""
        return self._names.item

    @property
    def elements(self) -> list[str]:
        """The names of the elements outside of any product, in their order."""
        return list(self._names.slots)

    def read(self, text: str) -> Iterator[list[Item] | RowProblem]:
        """The items that end in ``text``, none or some at a time; an empty one is the end of the document."""
        last = not text
        block = self._repair.block(text, last=last)
        yield from self._repair.notices
        self._repair.notices.clear()
        if self._over:
            yield from self._after_end(block)
            return
        while block and (self._seeking is None or (block := self._seek(block))):
            problem = self._parse(block)
            yield from self._parser.findings
            self._parser.findings.clear()
            yield self._parser.items
            self._parser.items.clear()
            yield from self._undeclared()
            if problem is None:
                break
            findings, block = self._step_over(block, problem)
            yield from findings
        if last:
            self._finish()

    def _parse(self, block: bytes) -> expat.ExpatError | UnclosedError | None:
        """Feed all of ``block``; returns what stopped the parser."""
        parser = self._parser
        try:
            parser.feed(block, False)
        except (expat.ExpatError, UnclosedError) as error:
            return error
        self._fed += len(block)
        self._line += block.count(b"\n")
        if parser.items:
            self._ended = self._fed
        self._refuse_endless()
        return None

    def _refuse_endless(self) -> None:
        parser = self._parser
        pending = self._fed - (parser.item_begin if parser.item_line else parser.position)
        if pending > ITEM_BYTES:
            what, most = "item, tag or comment", ITEM_BYTES
        elif not parser.item_line and self._fed - self._ended > BARE_BYTES:
            what, most = "stretch without any item", BARE_BYTES
        else:
            return
        raise FeedError(
            f"line {parser.item_line or self._line}: an endless {what} (more than {most:,} bytes); "
            "expected one element such as <item> per product",
            code="xml_item_too_large",
            fix="Look for an element or a CDATA section that is never closed, from this line on.",
        )

    def _step_over(self, block: bytes, error: expat.ExpatError | UnclosedError) -> tuple[list[RowProblem], bytes]:
        """Leave the broken place behind: what is to be told of it, and the block from behind it on."""
        parser = self._parser
        if isinstance(error, UnclosedError):
            at, line, reason, step = error.position - self._fed, error.line, "it is never closed", 0
        else:
            at, line, reason, step = parser.position - self._fed, parser.line, expat.ErrorString(error.code), 1
        at = max(0, at)
        if parser.root_closed:
            self._over = True
            return self._after_end(block[at:]), b""
        if not self._names.item:
            raise _broken(line, reason)
        self._broken_items += 1
        if self._broken_items > BROKEN_ITEMS:
            raise _broken(line, f"the {BROKEN_ITEMS + 1:,}th broken place; {reason}")
        self._broken = self._broken or f"; it is broken at line {line} ({reason})"
        begin = at + step
        self._line += block.count(b"\n", 0, begin)
        self._seeking = _next_mark(self._names.item, parser.path)
        finding = RowProblem(
            line=parser.item_line or line,
            product_id=shorten(parser.texts.get("id", "").strip()) if parser.item_line else "",
            field="xml",
            found=f"line {line}: {reason}",
            expected=_WELL_FORMED,
            code="xml_broken",
            fix=_ESCAPE,
            left_out=bool(parser.item_line) or self._in_begin_of_item(block, at),
        )
        return [finding], block[begin:]

    def _in_begin_of_item(self, block: bytes, at: int) -> bool:
        tag = block[block.rfind(b"<", 0, at + 1) : at + 1]
        return tag.startswith(b"<" + self._names.item.encode())

    def _seek(self, block: bytes) -> bytes:
        """The block from the next mark on, with a new parser for it; empty where there is none."""
        assert self._seeking is not None
        found = self._seeking.search(block)
        if found is None:
            self._line += block.count(b"\n")
            return b""
        self._line += block.count(b"\n", 0, found.start())
        self._seeking = None
        path = self._parser.path
        if found["end"]:
            path = path[: len(path) - path[::-1].index(found["end"].decode())]
        self._parser = ItemParser(self._names, path, self._line)
        self._fed = self._ended = 0
        return block[found.start() :]

    def _after_end(self, rest: bytes) -> list[RowProblem]:
        """What follows the root element is passed over, unless it is another document."""
        if not rest or rest.isspace():
            return []
        if _ANOTHER.search(rest) or (self._names.item and _next_mark(self._names.item, []).search(rest)):
            raise _broken(self._parser.line, "a second document follows the first")
        found = rest[:40].decode(errors="replace")
        return self._tell("xml_text_after", found, "nothing after the last element", self._parser.line)

    def _undeclared(self) -> list[RowProblem]:
        """The prefix ``g`` means Google's namespace also where nothing says so."""
        if not self._names.undeclared:
            return []
        return self._tell(
            "xml_prefix_undeclared", "g:", 'xmlns:g="http://base.google.com/ns/1.0" in the root element', 1
        )

    def _tell(self, code: str, found: str, expected: str, line: int) -> list[RowProblem]:
        """Once per feed."""
        if code in self._told:
            return []
        self._told.add(code)
        return [notice(line, found, expected, code)]

    def _finish(self) -> None:
        parser = self._parser
        if not parser.root_closed:
            root = parser.path[0] if parser.path else "rss"
            open_at = parser.item_line if self._repair.in_cdata else 0
            cdata = f"; the item at line {open_at} has a CDATA section that never ends" if open_at else ""
            raise FeedError(
                f"line {self._line}: the feed ends before </{root}>{self._broken}{cdata}; expected all of it",
                code="feed_cut_off",
                fix=_CLOSE_CDATA if open_at else "Make and send the file again: its end is missing.",
            )


def _next_mark(item: str, path: list[str]) -> re.Pattern[bytes]:
    """Begin of an item, or end of an element around the items."""
    ends = "|".join(map(re.escape, path)) or "(?!)"
    return re.compile(rf"<{re.escape(item)}(?=[\s/>])|</(?P<end>{ends})\s*>".encode())


def _broken(line: int, reason: str) -> FeedError:
    return FeedError(
        f"line {line}: the XML is broken ({reason}); expected {_WELL_FORMED}", code="xml_broken", fix=_ESCAPE
    )


def notice(line: int, found: str, expected: str, code: str) -> RowProblem:
    """Something about the feed as a whole that its owner ought to know; ``found`` may be of any length."""
    return RowProblem(
        line=line,
        product_id="",
        field="xml",
        found=shorten(" ".join(found.split())),
        expected=expected,
        code=code,
        fix="The feed was read all the same; other programs may refuse it.",
        left_out=False,
    )
