"""What elements a banner has, so that its style sheet need not speak of others."""

import re
from collections.abc import Iterable
from html.parser import HTMLParser
from typing import NamedTuple

_WORD = re.compile(r"[\w-]+")
_DYNAMIC_CLASS = re.compile(r"""class\s*=\s*(?:"[^"]*\{|'[^']*\{|\{)""")
_EMPTY = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)
_ENDS_PARAGRAPHS = frozenset(
    (
        *("address", "article", "aside", "blockquote", "details", "div", "dl", "fieldset", "figure", "footer", "form"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "main", "menu", "nav", "ol", "p", "pre", "section"),
        *("table", "ul"),
    )
)

PRODUCTS = "products"
"""The element that stands for all products in a frame that is parsed."""

ANY = "*"
"""Among wild names: every name may be there."""


class Element(NamedTuple):
    """``above``: numbers of the elements around it, the outermost first. ``of_product``: whether it is made for each
    product; then it may be anywhere in there. ``wild``: names of tags and classes that it may have, ``world`` those of
    all classes that may be somewhere in the document."""

    tag: str
    classes: frozenset[str]
    direction: str
    above: tuple[int, ...]
    of_product: bool
    wild: frozenset[str]
    world: frozenset[str]

    def is_wild(self, name: str) -> bool:
        """Whether it may be called so, or of such a class."""
        return bool(self.wild) and (name in self.wild or ANY in self.wild)


class BrokenMarkupError(ValueError):
    """A browser would mend it, and nobody here knows how."""


def outline_of(frame: str, fragments: Iterable[str], source: str) -> tuple[Element, ...]:
    """``frame``: a banner in which an element ``<products>`` stands for the products. ``fragments``: products as they
    may be; ``source``: their template. A name that is in the template and in no fragment may come with another product,
    so one more element stands for all that these can be called. Raises ``BrokenMarkupError``."""
    parser = _parsed(frame, _Parser())
    found, around = parser.found, parser.around
    for fragment in fragments:
        found += _parsed(fragment, _Parser(around, of_product=True)).found
    named = {name for element in found if element.of_product for name in (element.tag, *element.classes)}
    unseen = set(_WORD.findall(source)) - named
    # Where one name is new, known ones may stand elsewhere too, or together with others than so far.
    wild = frozenset([*unseen, *(named if unseen else ()), *([ANY] if _DYNAMIC_CLASS.search(source) else [])])
    world = frozenset(name for element in found for name in element.classes) | wild
    if wild:
        found.append(Element("", frozenset(), "", around, True, wild, world))
    return tuple(element._replace(world=world) for element in found)


class _Parser(HTMLParser):
    def __init__(self, around: tuple[int, ...] = (), *, of_product: bool = False) -> None:
        super().__init__()
        self.found: list[Element] = []
        self.around = around
        self.tags: list[str] = []
        self._above = list(around)
        self._of_product = of_product

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == PRODUCTS:
            self.around = tuple(self._above)
            return
        if tag in _ENDS_PARAGRAPHS and "p" in self.tags:
            raise BrokenMarkupError(tag)
        said = dict(attrs)
        classes, none = frozenset((said.get("class") or "").split()), frozenset[str]()
        number, direction = len(self.found), said.get("dir") or ""
        self.found.append(Element(tag, classes, direction, tuple(self._above), self._of_product, none, none))
        if tag not in _EMPTY:
            # Where an element of a product stands in it is not told: another product may be made in another way.
            self._above.append(-1 if self._of_product else number)
            self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _EMPTY:
            return
        if not self.tags or self.tags.pop() != tag:
            raise BrokenMarkupError(tag)
        self._above.pop()


def _parsed(markup: str, parser: _Parser) -> _Parser:
    parser.feed(markup)
    parser.close()
    if parser.tags:
        raise BrokenMarkupError(parser.tags[-1])
    return parser
