"""The items of an XML document, as a push parser finds them.

Expat is told nothing of a document type: the first sign of one ends the import, so there are no entities to expand and
nothing to fetch. No tree is built: an item is a handful of texts, forgotten once it has ended.
"""

from collections.abc import Callable
from xml.parsers import expat

from adserver.catalog.fields import ALIASES
from adserver.catalog.header import normalise
from adserver.catalog.problem import FeedError, RowProblem
from adserver.catalog.problem_kinds import FIELD_REPEATED
from adserver.catalog.xml_names import Names, Slot

DEPTH = 100
"""Deepest nesting of elements."""

ATTRIBUTES = 250
"""Most attributes of one element."""

_MANY = "additional_image_link"
_LISTS = frozenset({"image_link", _MANY})
_MONEY = frozenset({"price", "sale_price", "former_price"})
_ONE = _MONEY | {"id"}
_NONE = -1
_UNKNOWN = Slot("", 0)

Item = tuple[int, dict[str, str]]
"""The line at which it begins, and its texts by field."""


class UnclosedError(Exception):
    """An item begins directly inside of another one: the first was never closed. ``position`` is where, in bytes."""

    def __init__(self, position: int, line: int) -> None:
        super().__init__("never closed")
        self.position = position
        self.line = line


class ItemParser:
    """One run of the parser: from the begin of the document, or from where a broken item was left behind.

    ``path`` are the elements that are open outside of any item; ``items`` collects those that ended and ``findings``
    what was wrong with them, for the caller to take; ``item_line`` and ``item_begin`` (a ``position``) are where the
    item that is open begins; the line is 0 where none is open.
    """

    def __init__(self, names: Names, path: list[str], line: int) -> None:
        """``line`` is that of the first byte to come."""
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        self._parser = parser
        self._names = names
        self._slots = names.slots
        self.path = path
        self.items: list[Item] = []
        self.findings: list[RowProblem] = []
        self.item_line = 0
        self.item_begin = 0
        self.root_closed = False
        self._line = line - 1
        self._prefix = "".join(f"<{name}>" for name in path).encode()
        parser.Parse(self._prefix, False)
        self._depth = len(path)
        self._field_depth = _NONE
        self._slot: Slot | None = None
        self._texts: list[str] = []
        self._fields: dict[str, str] = {}
        self._others: list[tuple[int, str, str]] = []
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._texts.append
        parser.StartDoctypeDeclHandler = self._refuse_document_type
        self.feed: Callable[[bytes, bool], object] = parser.Parse

    @property
    def position(self) -> int:
        """Bytes since the begin of this run, up to what the parser looks at now or stumbled over."""
        return self._parser.CurrentByteIndex - len(self._prefix)

    @property
    def line(self) -> int:
        """The line of ``position``."""
        return self._line + self._parser.CurrentLineNumber

    @property
    def texts(self) -> dict[str, str]:
        """What is known of the item that is open."""
        return self._fields

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth = depth = self._depth + 1
        if attributes:
            self._check(attributes)
        if depth == self._field_depth:
            slot = self._slots.get(name, _UNKNOWN)
            if slot is _UNKNOWN:
                slot = self._learn(name, attributes)
            self._slot = slot
            self._texts.clear()
            if attributes and slot is not None:
                self._use_attributes(slot, attributes)
        elif self.item_line:
            self._start_inside(name, depth)
        else:
            self._start_outside(name, attributes, depth)

    def _end(self, _name: str) -> None:
        depth = self._depth
        self._depth = depth - 1
        if depth == self._field_depth:
            slot = self._slot
            if slot is not None:
                texts = self._texts
                text = texts[0] if len(texts) == 1 else "".join(texts)
                field, rank = slot
                if rank or field in self._fields:
                    self._keep(field, rank, text)
                elif text and not text.isspace():
                    self._fields[field] = text
        elif depth == self._field_depth - 1:
            self._finish()
        elif not self.item_line:
            self.path.pop()
            self.root_closed = not self.path
        elif self._slot is not None and self._slot.field in _MONEY:
            self._texts.append("\n")

    def _learn(self, name: str, attributes: dict[str, str]) -> Slot | None:
        if name == self._names.item:
            raise UnclosedError(self.position, self.line)
        self._names.declare(attributes)
        return self._names.learn(name)

    def _start_outside(self, name: str, attributes: dict[str, str], depth: int) -> None:
        self._names.declare(attributes)
        if depth > 1 and self._names.is_item(name):
            self._field_depth = depth + 1
            self.item_line = self.line
            self.item_begin = self.position
            self._fields = {}
            for attribute, value in attributes.items():
                slot = self._names.of_attribute(attribute)
                if slot is not None:
                    self._keep(slot.field, slot.rank, value)
            return
        if depth > DEPTH:
            raise _too_deep(self.line)
        if depth == 1 and name.lower() == "html":
            raise FeedError(
                "line 1: a web page (HTML); expected a feed",
                code="feed_is_web_page",
                fix="Look at the address in a browser: is it a login, an error page, or has the feed moved?",
            )
        self._names.learn(name)
        self.path.append(name)

    def _start_inside(self, name: str, depth: int) -> None:
        """Markup in a text, or an object of its own, such as the costs of shipping."""
        if depth > DEPTH:
            raise _too_deep(self.line)
        if name not in self._slots and name != self._names.item:
            self._names.learn(name)
        field = self._slot.field if self._slot is not None else ""
        if field in _MONEY:
            self._texts.append("\n")
        elif field in _LISTS and "".join(self._texts).strip():
            self._texts.append(",")

    def _keep(self, field: str, rank: int, text: str) -> None:
        """A text that is not the first of Google's own for its field."""
        if not text or text.isspace():
            return
        if rank:
            self._others.append((rank, field, text))
        elif field == _MANY:
            self._fields[field] += "," + text
        elif field in _ONE:
            self._others.append((0, field, text))

    def _finish(self) -> None:
        fields = self._fields
        if self._others:
            self._use_others(fields)
        self.items.append((self.item_line, fields))
        self._field_depth = _NONE
        self.item_line = 0

    def _use_others(self, fields: dict[str, str]) -> None:
        """Of several names for one field the best; of several texts under one name the first, or all of them."""
        best: dict[str, int] = {}
        self._others.sort(key=_rank)
        for rank, field, text in self._others:
            if field not in fields or rank < best.get(field, 0):
                best[field] = rank
                fields[field] = text
            elif best.get(field, 0) != rank:
                continue
            elif field == _MANY:
                fields[field] += "," + text
            elif field in _ONE and text.split() != fields[field].split():
                self._tell_repeated(fields, field, text)
        self._others.clear()

    def _tell_repeated(self, fields: dict[str, str], field: str, text: str) -> None:
        """Two prices are often those of two countries: which one is meant, only the shop knows."""
        found = f"{fields[field].strip()}, then {text.strip()}"
        product_id = fields.get("id", "").strip()
        self.findings.append(FIELD_REPEATED.at(self.item_line, product_id, field, found, left_out=False))

    def _use_attributes(self, slot: Slot, attributes: dict[str, str]) -> None:
        """An address in ``href`` as Atom has it, a currency beside its amount."""
        if slot.field == "link" and "href" in attributes and attributes.get("rel", "alternate") == "alternate":
            self._others.append((slot.rank, slot.field, attributes["href"]))
        elif slot.field in _MONEY:
            self._texts += [
                f"{code} " for name, code in attributes.items() if ALIASES.get(normalise(name)) == "currency"
            ]

    def _refuse_document_type(self, *_: object) -> None:
        raise document_type(self.line)

    def _check(self, attributes: dict[str, str]) -> None:
        if len(attributes) > ATTRIBUTES:
            raise FeedError(
                f"line {self.line}: an element with {len(attributes):,} attributes; expected at most {ATTRIBUTES}",
                code="xml_too_many_attributes",
                fix="Use one element per field.",
            )
        self._names.count_attributes(attributes)


def _rank(other: tuple[int, str, str]) -> int:
    return other[0]


def _too_deep(line: int) -> FeedError:
    return FeedError(
        f"line {line}: elements nested more than {DEPTH} deep; expected a product with its fields inside",
        code="xml_too_deep",
        fix="Look for an element that is never closed.",
    )


def document_type(line: int) -> FeedError:
    """No feed needs one, and it can make a small file endless."""
    return FeedError(
        f"line {line}: a document type (<!DOCTYPE>), as web pages have it; expected a feed without one",
        code="xml_document_type",
        fix="Take the line with <!DOCTYPE> out of the export; if this is a web page, look for the feed's own address.",
    )
