"""Whatever comes from outside: a document has the elements and attributes of a harmless banner, and no others."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import cycle

import lxml.html
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adserver.creative.banner import Banner
from adserver.creative.library import load_creatives
from tests.browser.design_attacks import BY_HAND, attacked, attacks, packed

CREATIVES = load_creatives()
GRID = CREATIVES["grid"]

Tree = list[tuple[str, tuple[str, ...]]]


class _Tags(HTMLParser):
    """Start tags with the names of their attributes, and every URL, in document order."""

    def __init__(self) -> None:
        super().__init__()
        self.tree: Tree = []
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tree.append((tag, tuple(name for name, _ in attrs)))
        self.urls += [value or "" for name, value in attrs if name in {"href", "src", "srcset"}]

    def handle_comment(self, data: str) -> None:
        self.tree.append(("!--", ()))


def tags_by_python(html: str) -> tuple[Tree, list[str]]:
    parser = _Tags()
    parser.feed(html)
    parser.close()
    return parser.tree, parser.urls


def tags_by_libxml2(html: str) -> Tree:
    # libxml2 ends a document at NUL; browsers read on.
    root = lxml.html.document_fromstring(html.replace("\x00", ""))
    return [(str(element.tag), tuple(map(str, element.attrib))) for element in root.iter()]


def obey(design: str, hostile: Banner, harmless: Banner) -> None:
    html, model = (CREATIVES[design].render(banner).decode() for banner in (hostile, harmless))
    tree, urls = tags_by_python(html)
    assert tree == tags_by_python(model)[0]
    assert tags_by_libxml2(html) == tags_by_libxml2(model)
    for url in urls:
        assert re.match(r"(?i)https?://[^/\\\s]|/(?![/\\])", url), url
        assert not re.search(r"[\x00-\x1f\x7f]", url), url


def same(text: str) -> Callable[[], str]:
    return lambda: text


@pytest.mark.parametrize("text", BY_HAND)
@pytest.mark.parametrize("design", sorted(CREATIVES))
def test_no_field_of_any_size_adds_an_element_or_attribute(design: str, text: str) -> None:
    creative = CREATIVES[design]
    for size in sorted(creative.sizes):
        obey(design, *attacked(creative, size, same(text)))


@pytest.mark.parametrize("design", sorted(CREATIVES))
def test_no_known_attack_adds_an_element_or_attribute(design: str) -> None:
    known = attacks()
    assert len(known) > 1_000
    shift = sorted(CREATIVES).index(design)  # so that each text meets other fields in other designs
    for pair in packed(CREATIVES[design], "300x250", known[shift:] + known[:shift]):
        obey(design, *pair)


def test_the_title_arrives_as_it_was() -> None:
    for text in BY_HAND[:-2]:
        html = GRID.render(attacked(GRID, "300x250", same(text))[0]).decode()
        titles = lxml.html.document_fromstring(html).xpath("//*[@class='title']/text()")
        assert titles == [text] * GRID.max_products("300x250")


# Markup characters often, anything at all sometimes, and URLs that pass the gate with something behind them.
_MARKUP = st.text(st.sampled_from("<>\"'`&;=/\\!-[]{}%$ \t\n\r\x00abonsvgscript"), max_size=40)
_TEXT = st.one_of(_MARKUP, st.text(max_size=40)).filter(bool)
_URL = st.one_of(_TEXT, st.builds("".join, st.tuples(st.sampled_from(["https://a.example/", "/c/", "/"]), _TEXT)))


@settings(max_examples=150, deadline=None)
@given(design=st.sampled_from(sorted(CREATIVES)), texts=st.lists(_URL, min_size=1, max_size=12), data=st.data())
def test_no_text_adds_an_element_or_attribute(design: str, texts: list[str], data: st.DataObject) -> None:
    creative = CREATIVES[design]
    around = cycle(texts)
    obey(design, *attacked(creative, data.draw(st.sampled_from(sorted(creative.sizes))), lambda: next(around)))
