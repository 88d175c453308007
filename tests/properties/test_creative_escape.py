"""Whatever a feed says: the document has the elements and attributes of a harmless banner, and no others."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import lxml.html
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adserver.creative.banner import Banner, Picture, Tile
from adserver.creative.library import load_creatives

STRINGS = Path(__file__).parents[2].parent / "shared" / "data" / "security" / "strings"
GRID = load_creatives()["grid"]
PICTURE = Picture("https://ads.example/media/1", "https://ads.example/media/2", 84, 100)

BY_HAND = [
    "</script><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "'><svg onload=alert(1)>",
    "</style><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    " onmouseover=alert(1) ",
    "--><script>alert(1)</script><!--",
    "]]><script>alert(1)</script>",
    "javascript:alert(1)",
    "https://a.example/\"onerror='alert(1)'",
    "https://a.example/x.jpg' onerror='alert(1)",
    "https://a.example/`><script>alert(1)</script>",
    '/c/"><script>alert(1)</script>',
    "{{ 7*7 }}{% raw %}${x}{CLICK_URL}",
    "&lt;script&gt;alert(1)&lt;/script&gt;&quot;",
    "\x00<script>alert(1)</script>",
    "\ud83d<script>",
]

Tree = list[tuple[str, tuple[str, ...]]]


class _Tags(HTMLParser):
    """Start tags with the names of their attributes, and every URL, in document order."""

    def __init__(self) -> None:
        super().__init__()
        self.tree: Tree = []
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tree.append((tag, tuple(name for name, _ in attrs)))
        self.urls += [value or "" for name, value in attrs if name in {"href", "src"}]

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


def own_url(text: str, otherwise: str) -> str:
    """``text`` where a banner accepts it as one of our own URLs, as it must then be harmless."""
    try:
        return Tile(title="", price_text="", click_url=text).click_url
    except ValueError:
        return otherwise


def document(size: str, *texts: str) -> tuple[str, str]:
    """A banner with ``texts`` in its six fields, and a harmless one of the same shape."""
    title, name, price, image, click, privacy = texts
    hostile_tile = Tile(
        title=title,
        price_text=price,
        was_price_text=price,
        picture=Picture(own_url(image, "/media/1"), "/media/2", 84, 100) if image else None,
        click_url=own_url(click, "/c/t"),
    )
    harmless_tile = Tile(
        title="Shoe",
        price_text="1",
        was_price_text="1" if price else "",
        picture=PICTURE if hostile_tile.picture else None,
        click_url="/c/t",
    )
    common: dict[str, Any] = {"size": size, "impression_url": "/i/t"}
    hostile = Banner(
        advertiser_name=name,
        lang=name,
        tiles=(hostile_tile, hostile_tile),
        why_url=own_url(privacy, "/why/t"),
        **common,
    )
    harmless = Banner(
        advertiser_name="Acme",
        lang="en",
        tiles=(harmless_tile, harmless_tile),
        why_url="/why/t",
        **common,
    )
    return GRID.render(hostile).decode(), GRID.render(harmless).decode()


def obey(size: str, *texts: str) -> None:
    hostile, harmless = document(size, *texts)
    expected, _ = tags_by_python(harmless)
    tree, urls = tags_by_python(hostile)
    assert tree == expected
    assert tags_by_libxml2(hostile) == tags_by_libxml2(harmless)
    for url in urls:
        assert re.match(r"(?i)https?://[^/\\\s]|/(?![/\\])", url), url
        assert not re.search(r"[\x00-\x1f\x7f]", url), url


def lists_of_attacks() -> list[str]:
    if not STRINGS.is_dir():
        pytest.skip(f"no lists of hostile strings in {STRINGS}")
    strings: list[str] = json.loads((STRINGS / "blns.json").read_text(encoding="utf-8"))
    for file in sorted((STRINGS / "pat").rglob("*")):
        if file.suffix == ".txt":
            strings += file.read_text(encoding="utf-8", errors="replace").splitlines()
        elif file.is_file():
            strings.append(file.read_text(encoding="utf-8", errors="replace"))
    return sorted(set(strings))


@pytest.mark.parametrize("text", BY_HAND)
@pytest.mark.parametrize("size", sorted(GRID.sizes))
def test_no_field_adds_an_element_or_attribute(size: str, text: str) -> None:
    obey(size, *[text] * 6)


def test_no_known_attack_adds_an_element_or_attribute() -> None:
    attacks = lists_of_attacks()
    assert len(attacks) > 1_000
    for text in attacks:
        obey("728x90", *[text] * 6)


def test_the_title_arrives_as_it_was() -> None:
    for text in BY_HAND[:-2]:
        html, _ = document("300x250", text, "Acme", "1", PICTURE.url, "/c/t", "/why/t")
        titles = lxml.html.document_fromstring(html).xpath("//*[@class='title']/text()")
        assert titles == [text, text]


# Markup characters often, anything at all sometimes, and URLs that pass the gate with something behind them.
_MARKUP = st.text(st.sampled_from("<>\"'`&;=/\\!-[]{}%$ \t\n\r\x00abonsvgscript"), max_size=40)
_TEXT = st.one_of(_MARKUP, st.text(max_size=40))
_URL = st.one_of(_TEXT, st.builds("".join, st.tuples(st.sampled_from(["https://a.example/", "/c/", "/"]), _TEXT)))


@settings(max_examples=300, deadline=None)
@given(size=st.sampled_from(sorted(GRID.sizes)), texts=st.tuples(_TEXT, _TEXT, _TEXT, _URL, _URL, _URL))
def test_no_text_adds_an_element_or_attribute(size: str, texts: tuple[str, ...]) -> None:
    obey(size, *texts)
