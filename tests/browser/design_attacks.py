"""Hostile texts in every field of a banner, many in each, and harmless ones of the same shape."""

import json
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from adserver.creative.banner import Banner, Picture, Tile
from adserver.creative.creative import Creative
from adserver.creative.options import OptionType

STRINGS = Path(__file__).parents[2].parent / "shared" / "data" / "security" / "strings"

BY_HAND = (
    "</script><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "'><svg onload=alert(1)>",
    "</style><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</iframe></textarea></noscript><script>alert(1)</script>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'>",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    " onmouseover=alert(1) ",
    '" autofocus onfocus=alert(1) x="',
    "--><script>alert(1)</script><!--",
    "]]><script>alert(1)</script>",
    "javascript:alert(1)",
    "https://a.example/\"onerror='alert(1)'",
    "https://a.example/x.jpg' onerror='alert(1)",
    "https://a.example/`><script>alert(1)</script>",
    '/c/"><script>alert(1)</script>',
    "{{ 7*7 }}{% raw %}${x}{CLICK_URL}",
    "<click><token><products>",
    "&lt;script&gt;alert(1)&lt;/script&gt;&quot;",
    "}body{background:url(https://evil.example/)}",
    "\x00<script>alert(1)</script>",
    "\ud83d<script>",
)


def attacks() -> list[str]:
    """The lists of hostile strings, whole files where a file is one attack, and those above."""
    if not STRINGS.is_dir():
        pytest.skip(f"no lists of hostile strings in {STRINGS}")
    strings: list[str] = json.loads((STRINGS / "blns.json").read_text(encoding="utf-8"))
    for file in sorted((STRINGS / "pat").rglob("*")):
        if file.suffix == ".txt":
            strings += file.read_text(encoding="utf-8", errors="replace").splitlines()
        elif file.is_file():
            strings.append(file.read_text(encoding="utf-8", errors="replace"))
    return sorted({*strings, *BY_HAND} - {""})


def own_url(text: str, otherwise: str) -> str:
    """``text`` where a banner accepts it as one of our own URLs, as it must then be harmless."""
    try:
        return Tile(title="", price_text="", click_url=text).click_url
    except ValueError:
        return otherwise


def packed(creative: Creative, size: str, texts: Sequence[str], *, url: str = "") -> Iterator[tuple[Banner, Banner]]:
    """Banners that hold each text in one of their fields, each with a harmless one of the same shape. ``url``: where
    their own URLs lead, empty for this server."""
    used = count()
    first = 0
    while first < len(texts):
        yield attacked(creative, size, lambda: texts[next(used) % len(texts)], url=url)
        first = next(used)


def attacked(creative: Creative, size: str, text: Any, *, url: str = "") -> tuple[Banner, Banner]:
    """A banner with what ``text()`` gives in each field, and its harmless twin."""
    tiles = tuple([_tile(text, url) for _ in range(creative.max_products(size))])
    given = {name: text() for name, option in creative.options.items() if option.type is OptionType.TEXT}
    given |= {name: text() for name, option in creative.options.items() if option.type is not OptionType.TEXT}
    kept = creative.resolved(given)
    twins = {name: "Harmless" for name, value in given.items() if kept[name] == value and value}
    same: dict[str, Any] = {"size": size, "impression_url": f"{url}/i/t", "ends_in": 90, "because": "cart"}
    hostile = Banner(
        advertiser_name=text(),
        lang=text(),
        offer_text=text(),
        coupon=text(),
        color=text(),
        tiles=tiles,
        why_url=own_url(text(), f"{url}/why/t"),
        click_url=own_url(text(), f"{url}/c/t"),
        privacy_url=own_url(text(), f"{url}/privacy"),
        options=given,
        **same,
    )
    harmless = Banner(
        advertiser_name="Acme",
        lang="en",
        offer_text="Offer",
        coupon="CODE",
        tiles=tuple([_harmless(tile) for tile in tiles]),
        why_url="/why/t",
        click_url="/c/t",
        options=twins,
        **same,
    )
    return hostile, harmless


def _tile(text: Any, url: str) -> Tile:
    return Tile(
        title=text(),
        price_text=text(),
        was_price_text=text(),
        badge=text(),
        discount=20,
        picture=Picture(own_url(f"{url}/media/{text()}", f"{url}/media/1"), f"{url}/media/2", 84, 100),
        click_url=own_url(text(), f"{url}/c/t"),
    )


def _harmless(tile: Tile) -> Tile:
    return Tile(
        title="Shoe",
        price_text="1",
        was_price_text="2",
        badge="-50 %",
        discount=tile.discount,
        picture=Picture("/media/1", "/media/2", 84, 100),
        click_url="/c/t",
    )
