"""What a banner weighs, and how many requests it makes, before anybody touches it.

The limits are those of the IAB's New Ad Portfolio (2017, fixed size ad specifications, initial load): text is counted
as gzip packs it, and every file of the banner counts. Some sizes that are not on that list have a limit of our own; for
any other it is that of the largest listed one that fits into it. Passing what the IAB has not set is a warning only.
"""

import gzip
from collections.abc import Collection, Iterator

from adserver.creative.creative import Creative
from adserver.creative.flaw import Flaw, error, warning
from adserver.creative.font_files import WITHOUT_FONTS, font_files
from adserver.creative.manifest import FLUID
from adserver.creative.picture import MAX_BYTES
from adserver.creative.rendered import Rendered

LIMITS_KB = {
    "300x250": 150,
    "160x600": 150,
    "728x90": 150,
    "970x90": 200,
    "970x250": 250,
    "300x1050": 250,
    "300x50": 50,
    "320x50": 50,
    "120x60": 50,
}
"""KB of 1,000 bytes; see https://www.iab.com/newadportfolio."""

OWN_LIMITS_KB = {"336x280": 150, "300x600": 200, "320x100": 100, FLUID: 150}
"""Between the IAB's for the next smaller and the next larger size; a fluid banner counts as a medium rectangle."""

MOST_REQUESTS = 10

_LEAST_KB = 50
_ORDINARY_BITS, _HIGHEST_BITS = 1.0, 2.5
"""Of each pixel of a picture for screens with two per CSS pixel: a product on plain ground, a photo full of detail."""


def limit_kb(size: str) -> int:
    """What a banner of a size may weigh."""
    set_for_it = LIMITS_KB.get(size) or OWN_LIMITS_KB.get(size)
    if set_for_it:
        return set_for_it
    width, height = _box(size)
    inside = [kb for listed, kb in LIMITS_KB.items() if _box(listed)[0] <= width and _box(listed)[1] <= height]
    return max(inside, default=_LEAST_KB)


def weight_flaws(creative: Creative, banners: list[Rendered]) -> Iterator[Flaw]:
    """Of the heaviest document of each size and count."""
    for one in banners:
        requests = requests_of(one)
        if requests > MOST_REQUESTS:
            what = f"{requests} requests"
            yield error("banner.html", what, f"at most {MOST_REQUESTS}: document, fonts and pictures", one.where)
        size = one.banner.size
        fonts = sum(map(len, _fonts(one)))
        document, pictures, limit = len(gzip.compress(one.html, 6)), _pictures(creative, one), limit_kb(size)
        for bits, told in ((_ORDINARY_BITS, error if size in LIMITS_KB else warning), (_HIGHEST_BITS, warning)):
            weight = document + fonts + sum(_bytes(box, bits) for box in pictures)
            if weight > limit * 1_000:
                expected = f"at most {limit} KB{' (IAB)' if size in LIMITS_KB else ''}: document, fonts and pictures"
                yield told("banner.html", f"weighs {_heavier(size, weight)}", expected, one.where)
                break


def requests_of(one: Rendered) -> int:
    """The document, the fonts, and each picture once."""
    return 1 + len(_fonts(one)) + len(set(one.tree.xpath("//img/@src")))


def _fonts(one: Rendered) -> Collection[bytes]:
    return () if one.banner.size in WITHOUT_FONTS else font_files().values()


def _heavier(size: str, weight: int) -> str:
    return f"more than {limit_kb(size)} KB" if weight < limit_kb(size) * 1_100 else f"{round(weight, -4) // 1_000} KB"


def _pictures(creative: Creative, one: Rendered) -> list[tuple[int, int]]:
    """Of what is shown of each product; one box per picture."""
    shown = len(one.tree.xpath("//img[not(contains(concat(' ', @class, ' '), ' seen '))]"))
    return [creative.picture_box(one.banner.size, one.shown)] * shown if one.shown else []


def _bytes(box: tuple[int, int], bits: float) -> int:
    return min(MAX_BYTES, int(box[0] * 2 * box[1] * 2 * bits / 8))


def _box(size: str) -> tuple[int, int]:
    width, _, height = size.partition("x")
    return int(width), int(height)
