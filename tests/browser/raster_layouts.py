"""Measures every design in Chromium and writes what pictures are drawn by: ``python -m tests.browser.raster_layouts``.

Each size and number of products is shown with long and short titles, with former prices and without, without an offer,
with one and with one that ends; ``raster_layouts.js`` says where everything stands. With names of designs only these
are measured.
"""

import hashlib
import io
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Frame, Page, Route

from adserver.creative import library
from adserver.creative.banner import Banner, Picture, Tile
from adserver.creative.creative import Creative
from adserver.creative.font_files import font_files
from adserver.creative.library import load_creatives
from adserver.creative.raster.layout import LAYOUT_FILE
from tests.browser.design_stage import chromium_with_our_fonts

ORIGIN = "https://ads.example"
FOLDER = Path(__file__).parents[2] / "creatives"
SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
SHARED = Path(library.__file__).parent / "parts"
FLUID = (300, 250)
"""What a banner without a size of its own is drawn in."""

MARKS = {"accent": "#0a5b3c", "on_accent": "#fffffe", "accent_text": "#0a5b3d"}
LONG = "Waterproof leather trail boots for wide feet, with a warm lining and two pairs of laces, for winter"
MIDDLE = "Waterproof trail boots"
SHORT = "Mug"
VARIANTS = {
    "long_was": (LONG, True),
    "long": (LONG, False),
    "middle_was": (MIDDLE, True),
    "middle": (MIDDLE, False),
    "short_was": (SHORT, True),
    "short": (SHORT, False),
}
"""By the names of ``TileKind``."""

_DEFAULTS: dict[str, Any] = {
    "align": "start", "upright": "start", "lines": 1, "gap": 0, "leading": 0,
    "row": 0, "fit": "contain", "role": "",
    "spacing": 0, "upper": False, "figures": False, "weight": 400, "fill": "", "edge": "", "border": [0] * 4,
    "radius": [0] * 4, "dashed": False, "fade": [""] * 3, "opacity": 1, "padding": [0, 0], "ground": {}, "members": [],
    "whole": [0] * 4,
}  # fmt: skip


def pixels(size: str) -> tuple[int, int]:
    """Width and height of a size in CSS pixels."""
    width, _, height = size.partition("x")
    return (int(width), int(height)) if height else FLUID


def product_picture(width: int, height: int, color: str = "#2f6fb3") -> bytes:
    """A thing on white that fills its picture."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((0, 0, width - 1, height - 1), fill=color)
    draw.rectangle((width // 3, height // 3, width // 2, height // 2), fill="#f0e9dc")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


class Stage:
    """A page that shows banners; their addresses are answered here, and no request leaves."""

    def __init__(self, chromium: Browser, *, density: int = 1) -> None:
        context = chromium.new_context(bypass_csp=True, device_scale_factor=density, reduced_motion="reduce")
        self.page: Page = context.new_page()
        self.files: dict[str, tuple[str, bytes]] = {
            f"/media/{name}": ("font/woff2", body) for name, body in font_files().items()
        }
        self.page.route("**/*", self._answer)

    def show(self, creative: Creative, banner: Banner) -> None:
        """In a frame of its size, with fonts and pictures there."""
        width, height = pixels(banner.size)
        self.page.set_viewport_size({"width": width, "height": height})
        self.files["/banner"] = ("text/html; charset=utf-8", creative.render(banner))
        self.page.goto(f"{ORIGIN}/banner", wait_until="load")
        self.page.evaluate("() => document.fonts.ready.then(() => true)")

    def show_all(self, creative: Creative, banners: list[Banner]) -> list[Frame]:
        """The frames of several banners on one page, in their order."""
        frames = []
        for number, banner in enumerate(banners):
            width, height = pixels(banner.size)
            self.files[f"/{number}"] = ("text/html; charset=utf-8", creative.render(banner))
            frames.append(f'<iframe name="{number}" src="/{number}" width="{width}" height="{height}"></iframe>')
        self.files["/sheet"] = ("text/html; charset=utf-8", f"<!doctype html>{''.join(frames)}".encode())
        self.page.goto(f"{ORIGIN}/sheet", wait_until="load")
        shown = [frame for number in range(len(banners)) if (frame := self.page.frame(str(number)))]
        for frame in shown:
            frame.evaluate("() => document.fonts.ready.then(() => true)")
        return shown

    def _answer(self, route: Route) -> None:
        kind, body = self.files.get(route.request.url.removeprefix(ORIGIN), ("", b""))
        if body:
            route.fulfill(status=200, content_type=kind, body=body, headers={"Access-Control-Allow-Origin": "*"})
        else:
            route.fulfill(status=404)


def main(names: list[str]) -> int:
    """0 when all are written."""
    creatives = load_creatives(FOLDER, origin=ORIGIN)
    with chromium_with_our_fonts() as chromium:
        stage = Stage(chromium)
        for name, creative in sorted(creatives.items()):
            if not names or name in names:
                text = written(measured(stage, creative), state_of(FOLDER / name))
                (FOLDER / name / LAYOUT_FILE).write_text(text, encoding="utf-8")
                print(f"{name}: {len(text):,} bytes")
    return 0


def measured(stage: Stage, creative: Creative, *, only: tuple[str, int] | None = None) -> dict[str, Any]:
    """The layouts of one design, as ``creative.raster.layout`` reads them; ``only`` those of one size and count."""
    book = _Book()
    for size in sorted(creative.sizes, key=pixels):
        most = creative.max_products(size)
        for count in range(min(max(1, creative.min_products), most), most + 1):
            if only in (None, (size, count)):
                _measure(stage, creative, book, size, count)
    return book.content()


def _measure(stage: Stage, creative: Creative, book: "_Book", size: str, count: int) -> None:
    picture = _picture(stage, creative, size, count) if count else None
    for offer in (0, 1, 2):
        banners = [_banner(size, [_tile(picture, *which)] * count, offer) for which in VARIANTS.values()]
        looks = [frame.evaluate(SCRIPT, MARKS) for frame in stage.show_all(creative, banners)]
        book.add(size, count, offer, looks)


def _tile(picture: Picture | None, title: str, was: bool) -> Tile:
    return Tile(
        title=title,
        price_text="129,00 €",
        was_price_text="159,00 €" if was else "",
        badge="-19 %" if was else "",
        discount=19 if was else 0,
        picture=picture,
        click_url="/c",
    )


def _banner(size: str, tiles: list[Tile], offer: int) -> Banner:
    return Banner(
        size=size,
        advertiser_name="Northpeak",
        lang="en",
        tiles=tuple(tiles),
        impression_url="/i",
        why_url="/why",
        offer_text="10 % off your first order" if offer else "",
        coupon="PEAK10" if offer else "",
        ends_in=75 if offer == 2 else None,
        because="cart" if tiles else "",
        color=MARKS["accent"],
    )


def _picture(stage: Stage, creative: Creative, size: str, count: int) -> Picture:
    width, height = creative.picture_box(size, count)
    path = f"/media/{width}x{height}.png"
    stage.files[path] = ("image/png", product_picture(width, height))
    return Picture(path, path, width, height)


class _Book:
    """Collects layouts; what many share stands once."""

    def __init__(self) -> None:
        self._styles: list[dict[str, Any]] = []
        self._kinds: list[dict[str, Any]] = []
        self._layouts: list[dict[str, Any]] = []

    def add(self, size: str, count: int, offer: int, looks: list[Any]) -> None:
        """``looks``: what was measured, by VARIANTS."""
        first = looks[0]
        width, height = first["size"]
        frame = [thing for thing in first["things"] if thing["tile"] < 0]
        tiles = []
        for number, (left, top, *_) in enumerate(first["tiles"]):
            kind = self._kind(looks, number)
            tiles.append([left, top, _place(self._kinds, kind)])
        self._layouts.append({
            "size": size, "width": width, "height": height, "count": count, "offer": offer, "tiles": tiles,
            "frame": [self._element(thing) for thing in frame if thing["layer"] <= 0],
            "over": [self._element(thing) for thing in frame if thing["layer"] > 0],
        })  # fmt: skip

    def content(self) -> dict[str, Any]:
        return {"styles": self._styles, "kinds": self._kinds, "layouts": self._layouts}

    def _kind(self, looks: list[Any], number: int) -> dict[str, Any]:
        views = {}
        for name, look in zip(VARIANTS, looks, strict=True):
            left, top, *_ = look["tiles"][number]
            own = sorted((t for t in look["things"] if t["tile"] == number), key=lambda thing: thing["layer"])
            views[name] = [self._element(thing, left, top) for thing in own]
        for length in ("middle", "short"):
            if views[f"{length}_was"] == views["long_was"] and views[length] == views["long"]:
                del views[f"{length}_was"], views[length]
        if views["long"] == views["long_was"]:
            del views["long"]
        return views

    def _element(self, thing: dict[str, Any], left: float = 0, top: float = 0) -> dict[str, Any]:
        made = {"kind": thing["kind"], "box": _moved(thing["box"], left, top)}
        made |= {
            key: thing[key]
            for key in ("role", "align", "upright", "lines", "padding", "gap", "leading", "fit")
            if key in thing
        }
        colors = thing["colours"]
        if thing["kind"] == "box":
            made["ground"] = _ground(thing, colors[0], colors[1], [thing["turned"], *colors[2:4]])
        elif thing["kind"] == "picture":
            made |= {"style": self._style(thing, colors[0]), "whole": _moved(thing["ground"], left, top)}
            made["ground"] = _ground(thing, colors[1])
        elif thing["kind"] == "row":
            made["members"] = [self._member(part, *colors[3 * i : 3 * i + 3]) for i, part in enumerate(thing["parts"])]
        else:
            made["style"] = self._style(thing, colors[0])
            if thing["kind"] == "chip":
                made["ground"] = _ground(thing, *colors[1:])
        return _brief(made)

    def _member(self, part: dict[str, Any], color: str, fill: str, edge: str) -> dict[str, Any]:
        made = {key: part[key] for key in ("what", "high", "padding", "lines", "row")}
        return _brief(made | {"style": self._style(part, color), "ground": _ground(part, fill, edge)})

    def _style(self, thing: dict[str, Any], color: str) -> int:
        style = {"px": thing.get("px", 0), "line": thing.get("line", 0), "color": color}
        style |= {key: thing[key] for key in ("weight", "spacing", "upper", "figures") if key in thing}
        return _place(self._styles, _brief(style))


def _ground(thing: dict[str, Any], fill: str = "", edge: str = "", fade: Iterable[str] = ()) -> dict[str, Any]:
    border = thing.get("border", [0] * 4)
    fade = list(fade)
    made = {"fill": fill, "edge": edge if any(border) else "", "border": border, "radius": thing.get("radius", [0] * 4)}
    made |= {"dashed": thing.get("dashed", False), "opacity": round(thing.get("opacity", 1), 2)}
    return _brief(made | ({"fade": fade} if len(fade) == 3 and fade[0] else {}))


def _moved(box: list[float], left: float, top: float) -> list[float]:
    return [round(box[0] - left, 2), round(box[1] - top, 2), *box[2:]]


def _place(among: list[dict[str, Any]], what: dict[str, Any]) -> int:
    if what not in among:
        among.append(what)
    return among.index(what)


def _brief(table: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in _DEFAULTS or _DEFAULTS[key] != value}


def state_of(folder: Path) -> str:
    """Changes with whatever may move things in a design."""
    shared = [SHARED / "base.css", SHARED / "macros.html", *sorted((SHARED.parent / "fonts").glob("*.woff2"))]
    own = [folder / name for name in ("banner.html", "banner.css", "product.html", "creative.toml")]
    return hashlib.sha256(b"".join(file.read_bytes() for file in (*own, *shared) if file.is_file())).hexdigest()[:16]


def written(content: dict[str, Any], state: str) -> str:
    """As TOML, one element a line."""
    head = f"# Measured in a browser by `make raster`, of {state}; changes here are lost."
    return "\n".join((head, *_toml(content), ""))


def _toml(content: dict[str, Any]) -> Iterator[str]:
    yield "styles = ["
    yield from (f"  {_value(style)}," for style in content["styles"])
    yield "]"
    for name in ("kinds", "layouts"):
        if not content[name]:
            yield f"{name} = []"
    for name in ("kinds", "layouts"):
        for table in content[name]:
            yield f"\n[[{name}]]"
            for key, value in table.items():
                if value and isinstance(value, list) and isinstance(value[0], dict):
                    yield f"{key} = ["
                    yield from (f"  {_value(element)}," for element in value)
                    yield "]"
                else:
                    yield f"{key} = {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(inner)}" for key, inner in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, float):
        return re.sub(r"\.0$", "", repr(round(value, 3)))
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
