"""Reference pictures: one sheet for each design and kind of content. ``python -m tests.browser.design_references``
makes them anew, and the pictures of the documentation with them; look at them before they are committed."""

import io
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageChops, ImageFilter
from playwright.sync_api import Browser, Page

from adserver.creative.creative import Creative
from adserver.creative.library import load_creatives
from tests.browser.design_exhibits import Content, Exhibit, contents, exhibits
from tests.browser.design_sheets import hang
from tests.browser.design_stage import Stage, chromium_with_our_fonts, opened, running_stage

ROOT = Path(__file__).parents[2]
REFERENCES = ROOT / "tests" / "golden" / "designs"
IMAGES = ROOT / "docs" / "images"

KINDS: Mapping[str, tuple[str, int]] = {
    "typical": ("typical", 0),
    "single": ("one product", 1),
    "german": ("german", 0),
    "rtl": ("rtl", 0),
    "cjk": ("cjk", 0),
    "bare": ("no_pictures", 2),
    "prices": ("prices from the 1.", 0),
}
"""Name of a sheet -> the content, and how many products (0: as many as there is room for)."""

# In an order that leaves few holes.
_ORDER = ("970x250", "300x250", "300x600", "160x600", "336x280", "fluid", "728x90", "320x100", "320x50")
_FLUID = (320, 480)
_WIDTH, _GAP = 1440, 12
_COLOURS = 256

_BOXES = """() => [...document.querySelectorAll("iframe")].map(frame => frame.getBoundingClientRect())
  .map(box => [box.left + scrollX, box.top + scrollY, box.right + scrollX, box.bottom + scrollY].map(Math.round))"""

BLUR, STRONG, SHARE = 1.5, 40, 0.004
"""Pictures are the same where, after a blur of so many pixels, at most this share of a banner's pixels differs by more
than so much of 255: other versions of Chromium draw the edges of letters a little differently."""


class Taken(NamedTuple):
    """A screenshot of a sheet, with the banners on it and the box of each."""

    image: Image.Image
    shown: list[Exhibit]
    boxes: list[tuple[int, int, int, int]]


def sheet_of(browser: Browser, creative: Creative, kind: str, stage: Stage) -> Taken | None:
    """One picture of a design in all its sizes; None for a content that it does not show (the house ad has no products,
    so what only differs by products is left out)."""
    if not creative.min_products and kind in {"single", "bare", "prices"}:
        return None
    name, count = KINDS[kind]
    content: Content = contents()[name]._replace(counts=(count,))
    order = [size for size in _ORDER if size in creative.sizes]
    order += sorted(creative.sizes.difference(order))
    shown = [
        exhibit._replace(width=_FLUID[0], height=_FLUID[1]) if exhibit.size == "fluid" else exhibit
        for exhibit in _first_frames(exhibits(creative, name, content, url=stage.url, sizes=order))
    ]
    page = opened(browser, stage, width=_WIDTH, height=300)
    try:
        hang(page, shown, gap=_GAP)
        return Taken(photographed(page), shown, [tuple(box) for box in page.evaluate(_BOXES)])
    finally:
        page.close()


def _first_frames(shown: object) -> list[Exhibit]:
    """A fluid banner once."""
    found: dict[str, Exhibit] = {}
    for exhibit in shown:  # type: ignore[attr-defined]
        found.setdefault(exhibit.size, exhibit)
    return list(found.values())


def photographed(page: Page) -> Image.Image:
    """The whole page; what moves stands at its end."""
    return Image.open(io.BytesIO(page.screenshot(full_page=True, animations="disabled"))).convert("RGB")


def compared(taken: Taken, design: str, kind: str, folder: Path) -> list[str]:
    """What differs from the reference, one line for each banner; then actual, expected and difference are in
    ``folder``."""
    file = REFERENCES / f"{design}-{kind}.png"
    if not file.is_file():
        return [f"{file} is missing; make screenshots makes it"]
    expected = Image.open(file).convert("RGB")
    if expected.size != taken.image.size:
        found = [f"{design} {kind}: the sheet is {taken.image.size} instead of {expected.size}"]
    else:
        found = _different(taken, expected)
    if found:
        folder.mkdir(parents=True, exist_ok=True)
        taken.image.save(folder / f"{design}-{kind}-actual.png")
        expected.save(folder / f"{design}-{kind}-expected.png")
        if expected.size == taken.image.size:
            _difference(taken.image, expected).save(folder / f"{design}-{kind}-difference.png")
        found.append(f"see {folder / f'{design}-{kind}-*.png'}")
    return found


def _difference(one: Image.Image, two: Image.Image) -> Image.Image:
    """White where two pictures differ strongly."""
    apart = ImageChops.difference(*[image.filter(ImageFilter.GaussianBlur(BLUR)) for image in (one, two)])
    red, green, blue = apart.split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue).point(lambda value: 255 * (value > STRONG))


def _different(taken: Taken, expected: Image.Image) -> list[str]:
    apart = _difference(taken.image, expected)
    found = []
    for exhibit, box in zip(taken.shown, taken.boxes, strict=True):
        histogram = apart.crop(box).histogram()
        share = histogram[255] / sum(histogram)
        if share > SHARE:
            found.append(f"{exhibit}: {share:.2%} of it differs from the reference")
    return found


def rewritten(browser: Browser, creatives: Mapping[str, Creative], stage: Stage) -> None:
    """Every reference anew; those of designs that are gone are deleted."""
    REFERENCES.mkdir(parents=True, exist_ok=True)
    for old in REFERENCES.glob("*.png"):
        old.unlink()
    for design, creative in creatives.items():
        for kind in KINDS:
            taken = sheet_of(browser, creative, kind, stage)
            if taken is not None:
                small = taken.image.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
                small.save(REFERENCES / f"{design}-{kind}.png")
            if taken is not None and kind == "typical":
                taken.image.save(IMAGES / f"design-{design}.webp", quality=82, method=6)


def main() -> int:
    """Make every picture anew."""
    from tests.browser.design_gallery import gallery

    with running_stage() as stage, chromium_with_our_fonts() as browser:
        creatives = load_creatives(origin=stage.url)
        rewritten(browser, creatives, stage)
        gallery(browser, creatives, stage).save(IMAGES / "designs.webp", quality=84, method=6)
    size = sum(file.stat().st_size for file in REFERENCES.iterdir())
    sys.stdout.write(f"{len(list(REFERENCES.iterdir()))} references, {size / 1e6:.1f} MB, in {REFERENCES}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
