"""All designs on one picture, for the documentation: what each of them is, in ten seconds."""

from collections.abc import Mapping
from html import escape

from PIL import Image
from playwright.sync_api import Browser

from adserver.creative.creative import Creative
from tests.browser.design_exhibits import Exhibit, contents, exhibits
from tests.browser.design_sheets import LOOKED_INTO
from tests.browser.design_stage import Stage, opened

# Where each size stands in a design's block: left, top, width, height.
_PLACES = {
    "728x90": (0, 0, 728, 90),
    "300x600": (0, 106, 300, 600),
    "300x250": (316, 106, 300, 250),
    "320x100": (316, 372, 320, 100),
    "320x50": (316, 488, 320, 50),
    "fluid": (316, 554, 320, 152),
    "160x600": (652, 106, 160, 600),
}
_WIDTH, _HEIGHT = 812, 706
_SHOWN = {"cart": "german", "deal": "rtl"}  # so that one sees offers and other scripts as well

_PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; padding: 40px; background: #eef1f5; color: #161a21; font: 22px/1.3 Inter }}
main {{ display: grid; grid-template-columns: repeat(3, {width}px); gap: 56px 64px }}
h2 {{ margin: 0; font-size: 34px; line-height: 1.2 }}
p {{ height: 58px; margin: 6px 0 16px; color: #4b5462 }}
div {{ position: relative; height: {height}px }}
iframe {{ position: absolute; border: 0; background: #fff }}
</style><main>{blocks}</main>"""


def gallery(browser: Browser, creatives: Mapping[str, Creative], stage: Stage) -> Image.Image:
    """A block for each design, with seven of its sizes."""
    from tests.browser.design_references import photographed

    blocks = "".join([_block(creative, stage.url) for creative in creatives.values()])
    page = opened(browser, stage, width=3 * _WIDTH + 208, height=300)
    try:
        page.set_content(_PAGE.format(width=_WIDTH, height=_HEIGHT, blocks=blocks), wait_until="load")
        page.wait_for_function("() => document.fonts.status === 'loaded'")
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": 3 * _WIDTH + 208, "height": height})  # what is out of sight is not painted
        return photographed(page)
    finally:
        page.close()


def _block(creative: Creative, url: str) -> str:
    name = _SHOWN.get(creative.name, "typical")
    content = contents()[name]._replace(counts=(0,), ends_in=1_572 if creative.name == "cart" else None)
    first: dict[str, Exhibit] = {}
    for exhibit in exhibits(creative, name, content, url=url, sizes=[s for s in _PLACES if s in creative.sizes]):
        first.setdefault(exhibit.size, exhibit)
    frames = "".join(
        f'<iframe sandbox="{LOOKED_INTO}" style="left:{left}px;top:{top}px" width="{width}" height="{height}"'
        f' srcdoc="{escape(first[size].html)}"></iframe>'
        for size, (left, top, width, height) in _PLACES.items()
        if size in first
    )
    return f"<section><h2>{escape(creative.name)}</h2><p>{escape(creative.about)}</p><div>{frames}</div></section>"
