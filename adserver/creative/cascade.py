"""Which declarations of a style sheet reach which element of a document: as much of it as colours and sizes need."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

import cssselect
import lxml.etree
import lxml.html

from adserver.creative.selector import closing, split_selectors
from adserver.creative.style_rules import Rule, rules_of

Styles = Mapping[lxml.html.HtmlElement, Mapping[str, str]]
"""Of each element the declarations that won."""

_MATTERS = re.compile(
    r"--.*|color|background(?:-color|-image|-clip)?|font(?:-size|-weight)?|display|visibility|opacity|position|clip-path|"
    r"mix-blend-mode|-webkit-text-fill-color"
)
_OF_A_MOMENT = re.compile(r":(?:hover|focus|focus-visible|focus-within|active|visited|target)\b|::|:(?:before|after)\b")
_FEATURE = re.compile(r"\(\s*(min|max)-(width|height)\s*:\s*(\d+(?:\.\d+)?)px\s*\)")
_NEVER = re.compile(r"print|prefers-(?:reduced|color|contrast)|forced-colors")
_ONE_OF = re.compile(r"(?:(?<=[\s>+~])|^):(?:is|where)\(")
_TRANSLATOR = cssselect.HTMLTranslator()


class Selector(NamedTuple):
    """One of a rule, ready to look for elements."""

    find: lxml.etree.XPath
    specificity: tuple[int, int, int]


class Sheet:
    """A style sheet. ``unread``: selectors that it could not make sense of."""

    def __init__(self, css: str) -> None:
        self._rules = [rule for rule in rules_of(css) if _is_read(rule)]
        self.unread: set[str] = set()

    def styles(self, tree: lxml.html.HtmlElement, box: tuple[int, int]) -> Styles:
        """For a frame of so many pixels."""
        won: dict[lxml.html.HtmlElement, dict[str, tuple[tuple[object, ...], str]]] = {}
        for number, rule in enumerate(self._rules):
            if not all(is_met(condition, *box) for condition in rule.conditions):
                continue
            for selector in self._selectors(rule.prelude):
                for element in found(selector, tree):
                    _declare(won.setdefault(element, {}), rule, (selector.specificity, number))
        return {element: {name: value for name, (_, value) in said.items()} for element, said in won.items()}

    def _selectors(self, prelude: str) -> Iterator[Selector]:
        for text in split_selectors(prelude):
            selectors = () if _OF_A_MOMENT.search(text) else _selectors(text)
            if selectors is None:
                self.unread.add(text)
            else:
                yield from selectors


def found(selector: Selector, tree: lxml.html.HtmlElement) -> list[lxml.html.HtmlElement]:
    """The elements that a selector reaches."""
    elements = selector.find(tree)
    return (
        [element for element in elements if isinstance(element, lxml.html.HtmlElement)]
        if isinstance(elements, list)
        else []
    )


def is_met(condition: str, width: int, height: int) -> bool:
    """Whether a ``@media`` condition holds on a screen without special wishes."""
    return any(_all_met(part, {"width": width, "height": height}) for part in condition.split(","))


def _all_met(condition: str, box: Mapping[str, int]) -> bool:
    if _NEVER.search(condition):
        return False
    for bound, name, pixels in _FEATURE.findall(condition):
        if (box[name] < float(pixels)) if bound == "min" else (box[name] > float(pixels)):
            return False
    return True


def _is_read(rule: Rule) -> bool:
    of_page = not rule.prelude.startswith("@") and not any("keyframes" in outer for outer in rule.around)
    return of_page and any(_MATTERS.fullmatch(said.name) for said in rule.declarations)


def _declare(said: dict[str, tuple[tuple[object, ...], str]], rule: Rule, rank: tuple[object, ...]) -> None:
    for place, (name, value, important, _) in enumerate(rule.declarations):
        if _MATTERS.fullmatch(name):
            mine = (important, *rank, place)
            if name not in said or said[name][0] < mine:
                said[name] = (mine, value)
            for part in ("color", "image") if name == "background" else ():
                said.pop(f"background-{part}", None)


@lru_cache(8_192)
def _selectors(text: str) -> tuple[Selector, ...] | None:
    """None for one that can not be read. ``a :is(b, c d)`` is ``a b`` and ``a c d``."""
    one = _selector(text)
    if one:
        return (one,)
    start = _ONE_OF.search(text)
    if not start:
        return None
    end = closing(text, start.end())
    spread = [text[: start.start()] + choice + text[end + 1 :] for choice in split_selectors(text[start.end() : end])]
    parts = [_selectors(part) for part in spread[:64]] if end > 0 else [None]
    return None if None in parts else tuple(selector for part in parts if part for selector in part)


def _selector(text: str) -> Selector | None:
    try:
        (parsed,) = cssselect.parse(text)
        path = _TRANSLATOR.selector_to_xpath(parsed)
        return Selector(lxml.etree.XPath(path), parsed.specificity())
    except (cssselect.SelectorError, lxml.etree.XPathError, ValueError, RecursionError):
        return None
