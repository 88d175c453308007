"""The picture of a banner looks like the banner in a browser."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import convert
from PIL import Image, ImageChops, ImageFilter, ImageStat

from adserver.creative.banner import Banner, Picture, Tile, letter_of
from adserver.creative.colors import palette
from adserver.creative.creative import Creative
from adserver.creative.library import load_creatives
from adserver.creative.raster.banner_picture import BannerPicture, PictureTile
from adserver.creative.raster.draw import drawn
from adserver.creative.raster.layout import LAYOUT_FILE, Layouts
from tests.browser.design_stage import chromium_with_our_fonts
from tests.browser.raster_layouts import FOLDER, ORIGIN, Stage, measured, product_picture, state_of

ARTIFACTS = Path(__file__).parents[2] / "artifacts" / "raster"
CREATIVES = load_creatives(FOLDER, origin=ORIGIN)
COLOR = "#0b6b4f"
ALIKE = 9.0
"""Mean difference of a channel in the worst of some parts of a banner, both out of focus: 255 is black for white."""

GOODS = (
    ("Trail boots, waterproof", "89.00 £", "119.00 £", "#2f6fb3"),
    ("Two-person tent", "249.00 £", "", "#b3472f"),
    ("Daypack 22 l", "64.95 £", "", "#2fb36a"),
    ("Down jacket, warm and light", "179.00 £", "199.00 £", "#8a2fb3"),
    ("Camping lantern", "29.50 £", "", "#b3a12f"),
    ("Enamel mug", "9.95 £", "", "#2fa9b3"),
)

SHARED_ROOM = {("carousel", "160x600"), ("carousel", "728x90"), ("cart", "160x600"), ("deal", "160x600")}
"""Here a long title of one product takes room from the others; the picture gives each the room of its own title."""

CASES = [
    (name, size, CREATIVES[name].max_products(size), offer)
    for name in sorted(CREATIVES)
    for size, offer in (("300x250", False), ("728x90", False), ("160x600", True))
    if size in CREATIVES[name].sizes and (name, size) not in SHARED_ROOM
]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with chromium_with_our_fonts() as chromium:
        yield Stage(chromium)


def shown(stage: Stage, creative: Creative, size: str, count: int, offer: bool) -> tuple[Image.Image, BannerPicture]:
    """A screenshot, and the same banner to be drawn."""
    box = creative.picture_box(size, count) if count else (1, 1)
    bodies = [product_picture(*box, color) for *_, color in GOODS[:count]]
    # Chromium remembers pictures by their addresses: each banner has its own.
    paths = [f"/media/{creative.name}-{size}-{place}.png" for place in range(count)]
    stage.files |= {path: ("image/png", body) for path, body in zip(paths, bodies, strict=True)}
    tiles = [
        Tile(
            title=title,
            price_text=price,
            was_price_text=was,
            badge="-25%" if was else "",
            discount=25 if was else 0,
            picture=Picture(paths[place], paths[place], *box),
            click_url="/c",
        )
        for place, (title, price, was, _) in enumerate(GOODS[:count])
    ]
    banner = Banner(
        size=size,
        advertiser_name="Northpeak",
        lang="en",
        tiles=tuple(tiles),
        impression_url="/i",
        why_url="/why",
        offer_text="10 % off your first order" if offer else "",
        coupon="PEAK10" if offer else "",
        because="viewed" if count else "",
        color=COLOR,
    )
    stage.show(creative, banner)
    text = {role: stage.page.evaluate("role => document.querySelector(role)?.innerText ?? ''", f".{role}") for role in
            ("headline", "line", "action", "notice")}  # fmt: skip
    colors = palette(COLOR)
    drawing = BannerPicture(
        creative=creative.name,
        size=size,
        density=1,
        kind="png",
        lang="en",
        dir="ltr",
        advertiser_name="Northpeak",
        because=banner.because,
        headline=text["headline"],
        offer_text=banner.offer_text,
        coupon=banner.coupon,
        ends_text="",
        action=text["action"],
        ad_label=text["notice"],
        accent=colors.accent,
        on_accent=colors.on_accent,
        accent_text=colors.accent_text,
        tiles=tuple([
            PictureTile(tile.title, tile.price_text, tile.was_price_text, tile.badge, letter_of(tile.title), body)
            for tile, body in zip(tiles, bodies, strict=True)
        ]),
        line=text["line"],
    )  # fmt: skip
    return Image.open(io.BytesIO(stage.page.screenshot())).convert("RGB"), drawing


def unlike(one: Image.Image, two: Image.Image) -> float:
    """The mean difference where it is the worst, of parts of about 50 x 50 pixels."""
    blurred = [image.filter(ImageFilter.GaussianBlur(3)) for image in (one, two)]
    difference = ImageChops.difference(*blurred).convert("L")
    parts = difference.resize((max(1, one.width // 50), max(1, one.height // 50)), Image.Resampling.BOX)
    return float(ImageStat.Stat(parts).extrema[0][1])


@pytest.mark.parametrize(
    ("name", "size", "count", "offer"),
    [pytest.param(*case, marks=[] if case[0] in {"grid", "hero"} else pytest.mark.long) for case in CASES],
)
def test_the_picture_looks_like_the_banner(stage: Stage, name: str, size: str, count: int, offer: bool) -> None:
    screenshot, banner = shown(stage, CREATIVES[name], size, count, offer)
    designs = {name: convert(measured(stage, CREATIVES[name], only=(size, count)), Layouts)}
    picture = drawn(banner, designs)
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    both = Image.new("RGB", (screenshot.width, 2 * screenshot.height + 4), "magenta")
    both.paste(screenshot, (0, 0))
    both.paste(picture, (0, screenshot.height + 4))
    both.save(ARTIFACTS / f"{name}-{size}.png")
    assert unlike(screenshot, picture) < ALIKE
    if len(designs[name].layouts[0].tiles) > 1:  # one that shows the products in another order does not
        exchanged = banner._replace(tiles=(banner.tiles[1], banner.tiles[0], *banner.tiles[2:]))
        assert unlike(screenshot, drawn(exchanged, designs)) > 2 * ALIKE
    assert unlike(screenshot, drawn(banner, {})) > ALIKE  # nor does one that is laid out otherwise


@pytest.mark.parametrize("name", sorted(CREATIVES))
def test_the_layouts_were_measured_of_the_design_as_it_is(name: str) -> None:
    """``make raster`` measures them anew."""
    text = (FOLDER / name / LAYOUT_FILE).read_text(encoding="utf-8")
    assert f"of {state_of(FOLDER / name)};" in text.partition("\n")[0]
