"""What rendered banners are made of: links, pictures, the corner, and how many elements."""

from collections.abc import Iterator

import lxml.html

from adserver.creative.creative import Creative
from adserver.creative.flaw import Flaw, error, warning
from adserver.creative.font_files import font_files
from adserver.creative.rendered import CLICK, IMPRESSION, PRIVACY, WHY, Rendered
from adserver.creative.samples import PICTURE_PATH

MOST_ELEMENTS = 250
"""In one banner, of which ten make a page slow."""

_FILE = "banner.html"
_OURS = (CLICK, IMPRESSION, PRIVACY, WHY, PICTURE_PATH, "/preview")
_FONTS = frozenset(f"/media/{name}" for name in font_files())
_ADDRESSES = ("src", "srcset", "href", "poster", "background", "data", "action", "formaction", "ping")
_INTERACTIVE = ".//a | .//button | .//details | .//input | .//select"


def markup_flaws(creative: Creative, banners: list[Rendered]) -> Iterator[Flaw]:
    """Of every size, count and sample."""
    for one in banners:
        yield from _head(one)
        yield from _links(one)
        yield from _pictures(one)
        yield from _addresses(one)
        yield from _classes(one, house=not creative.min_products)
        count = sum(1 for _ in one.tree.iter("*"))
        if count > MOST_ELEMENTS:
            yield warning(_FILE, f"more than {MOST_ELEMENTS} elements", "fewer", one.where)


def _head(one: Rendered) -> Iterator[Flaw]:
    policies = one.tree.xpath("//head/meta[@http-equiv='Content-Security-Policy']")
    if len(policies) != 1 or len(one.tree.xpath("//style")) != 1 or not one.tree.xpath("//head/title"):
        yield error(_FILE, "the head is not complete", "{{ ad.head() }} in <head>, once", one.where)
    if not one.html.lstrip().lower().startswith(b"<!doctype html>"):
        yield error(_FILE, "does not begin with <!doctype html>", "<!doctype html>, or browsers lay it out as of old")
    root = one.tree.getroottree().getroot()
    if not root.get("lang") or not root.get("dir"):
        yield error(_FILE, "<html> without lang or dir", '<html lang="{{ lang }}" dir="{{ dir }}">', one.where)


def _links(one: Rendered) -> Iterator[Flaw]:
    for link in one.tree.iter("a"):
        file = _file_of(link)
        if link.get("target") != "_blank":
            yield error(file, 'a link without target="_blank"', "one: or the shop opens inside the frame", one.where)
        if "noopener" not in (link.get("rel") or "").split():
            yield error(file, 'a link without rel="noopener"', "one: or the shop can move the page away", one.where)
        if link.xpath(_INTERACTIVE):
            yield error(file, "a link in a link", "no links, buttons or menus inside of another", one.where)
        if not link.get("href"):
            yield error(file, "a link that leads nowhere", "{{ click_url }}", one.where)
        if not _is_named(link):
            yield error(file, "a link without a text", "words that a screen reader can say", one.where)


def _is_named(link: lxml.html.HtmlElement) -> bool:
    named = link.get("aria-label") or link.text_content().strip()
    return bool(named) or any(picture.get("alt") for picture in link.iter("img"))


def _pictures(one: Rendered) -> Iterator[Flaw]:
    for picture in one.tree.iter("img"):
        file = _file_of(picture)
        if picture.get("alt") is None:
            yield error(file, "a picture without alt", 'alt="": the title stands beside it', one.where)
        if not (picture.get("width") and picture.get("height")):
            yield error(file, "a picture without width and height", "both: or the banner jumps as it loads", one.where)


def _addresses(one: Rendered) -> Iterator[Flaw]:
    for element in one.tree.iter("*"):
        for name in _ADDRESSES:
            address = (element.get(name) or "").strip()
            if address and not address.startswith((*_OURS, "#")) and address not in _FONTS:
                what = f"{name}={address[:40]!r} is none of the banner's addresses"
                yield error(_file_of(element), what, "the variables and macros: nothing else loads", one.where)


def _classes(one: Rendered, *, house: bool) -> Iterator[Flaw]:
    """Those that base.css, pictures of the banner, and the publisher's tag go by."""
    if len(_of_class(one, "seen")) != 1:
        yield error(_FILE, "ad.seen() is not there once", "{{ ad.seen() }}: it counts the impression", one.where)
    if len(_of_class(one, "corner")) != 1:
        yield error(_FILE, "ad.corner() is not there once", "{{ ad.corner() }}: it says that this is an ad", one.where)
    body = one.tree.find("body")
    if body is None or f"s{one.banner.size}" not in (body.get("class") or "").split():
        yield error(_FILE, "<body> without its size", 'class="s{{ size }} n{{ count }}"', one.where)
    if house:
        return
    tiles = _of_class(one, "tile")
    if len(tiles) != one.shown:
        yield error("product.html", "not one .tile per product", '<a class="tile" href="{{ click_url }}" …>', one.where)
    for name in ("title", "prices"):
        if any(not tile.xpath(_by_class(name)) for tile in tiles):
            yield warning("product.html", f"a product without .{name}", f"an element of class {name}", one.where)


def _of_class(one: Rendered, name: str) -> list[lxml.html.HtmlElement]:
    return list(one.tree.xpath(_by_class(name)))


def _by_class(name: str) -> str:
    return f".//*[contains(concat(' ', normalize-space(@class), ' '), ' {name} ')]"


def _file_of(element: lxml.html.HtmlElement) -> str:
    tile = "ancestor-or-self::*[contains(concat(' ', normalize-space(@class), ' '), ' tile ')]"
    return "product.html" if element.xpath(tile) else _FILE
