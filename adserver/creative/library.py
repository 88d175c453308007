"""Folders of creatives -> compiled creatives, once at the start."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import MappingProxyType

from jinja2 import DictLoader, Environment, StrictUndefined, Template, TemplateError, meta

from adserver.creative.banner import Banner, Picture, Tile
from adserver.creative.creative import Creative
from adserver.creative.fault import CreativeError
from adserver.creative.font_files import WITHOUT_FONTS, font_files, font_names
from adserver.creative.manifest import read_manifest, read_text
from adserver.creative.options import Option, OptionType
from adserver.creative.sheet import Sheet
from adserver.creative.style import for_size, is_whole, tightened
from adserver.model.line_item import OptionValue

__all__ = ["CreativeError", "creative_folders", "font_files", "load_creative", "load_creatives"]

_PARTS = Path(__file__).parent / "parts"
_FONT_FACE = re.compile(r"@font-face\{[^{}]*\}")


def load_creatives(
    folder: Path | None = None, *, origin: str = "", own: Path | None = None, web_font: bool = True
) -> Mapping[str, Creative]:
    """Every sub-folder of ``folder`` that has a ``creative.toml``, by the creative's name; then those of ``own``.

    ``origin`` (``https://ads.example``): where browsers reach this server; only from there may pictures come.
    Without a ``web_font`` banners are set in what the visitor's system has.
    Without ``folder``: the creatives packed into the wheel, else those of the source tree; all others are rendered in
    every size and count, so that a template's mistake stops the start and not a request. Raises ``CreativeError``.
    """
    creatives: dict[str, Creative] = {}
    for found in creative_folders(folder, own=own):
        creative = load_creative(found, origin=origin, rehearse=found.parent != _shipped(), web_font=web_font)
        if creative.name in creatives:
            raise CreativeError(found, "name", f"a name of its own, {creative.name!r} is taken")
        creatives[creative.name] = creative
    return MappingProxyType(creatives)


def creative_folders(folder: Path | None = None, *, own: Path | None = None) -> list[Path]:
    """The folders that ``load_creatives`` reads, by name. Raises ``CreativeError`` where there is no such folder."""
    found: list[Path] = []
    for parent in (folder or _shipped(), own):
        if parent is None:
            continue
        if not parent.is_dir():
            raise CreativeError(parent, "folder", "a folder of creatives")
        found += [manifest.parent for manifest in sorted(parent.glob("*/creative.toml"))]
    return found


def load_creative(folder: Path, *, origin: str = "", rehearse: bool = True, web_font: bool = True) -> Creative:
    """The creative of one folder, rendered once in every size and count if it is to ``rehearse``. Raises
    ``CreativeError``."""
    manifest = read_manifest(folder)
    lettered = frozenset(manifest.sizes) - WITHOUT_FONTS if web_font else frozenset[str]()
    banner, uses = _template(folder, "banner.html")
    creative = Creative(
        manifest,
        origin=origin,
        style_of=_style_of(folder, origin, lettered),
        banner=banner,
        product=_template(folder, "product.html")[0] if manifest.min_products else None,
        source=read_text(folder, "product.html") if manifest.min_products else "",
        uses=uses,
        fonts={size: _font_urls(origin) for size in lettered},
    )
    if rehearse:
        _rehearse(folder, creative)
    return creative


def _shipped() -> Path:
    packed = Path(__file__).parents[1] / "_creatives"
    return packed if packed.is_dir() else Path(__file__).parents[2] / "creatives"


def _style_of(folder: Path, origin: str, lettered: Collection[str]) -> Callable[[str], Sheet]:
    """What all designs share and ``banner.css``, for a size without the rules that are for other sizes only, and with
    the font if it is among the ``lettered`` ones. It is cut when it is first asked for: most processes never do."""
    own = tightened(read_text(folder, "banner.css"))
    if "<" in own:  # it would end the style element, or open a comment inside it
        raise CreativeError(folder, "banner.css", 'a style sheet without "<"')
    if not is_whole(own):
        raise CreativeError(folder, "banner.css", "as many } as {")
    shared = _with_fonts(_shared_style(), origin)
    bare = _FONT_FACE.sub("", shared)
    return cache(lambda size: Sheet(for_size((shared if size in lettered else bare) + own, size)))


@cache
def _shared_style() -> str:
    return tightened((_PARTS / "base.css").read_text("utf-8"))


def _with_fonts(css: str, origin: str) -> str:
    names = font_names()
    if not names:
        return _FONT_FACE.sub("", css)
    for mark, name in names.items():
        css = css.replace(mark, _font_url(origin, name))
    return css


def _font_urls(origin: str) -> tuple[str, ...]:
    return tuple(_font_url(origin, name) for name in font_names().values())


def _font_url(origin: str, name: str) -> str:
    return f"{origin}/media/{name}"


def _template(folder: Path, file: str) -> tuple[Template, frozenset[str]]:
    """A template, and the variables that it names itself."""
    environment = _environment()
    try:
        text = read_text(folder, file)
        return environment.from_string(text), frozenset(meta.find_undeclared_variables(environment.parse(text)))
    except TemplateError as error:
        raise CreativeError(folder, file, f"a Jinja2 template: {error}") from error


@cache
def _environment() -> Environment:
    macros = (_PARTS / "macros.html").read_text("utf-8")
    return Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=DictLoader({"macros.html": macros}),
    )


_REDUCED = Tile(
    title="A",
    price_text="1",
    was_price_text="2",
    discount=50,
    badge="-50%",
    picture=Picture("/1", "/2", 8, 8),
    click_url="/",
)
_PLAIN = Tile(title="A", price_text="1", click_url="/")


def _rehearse(folder: Path, creative: Creative) -> None:
    told = {name: _other(option) for name, option in creative.options.items()}
    for tile in (_REDUCED, _PLAIN) if creative.min_products else ():
        with _faults_of(folder, "product.html"):
            creative.fragment(tile, "en", creative.resolved({}))
            creative.fragment(tile, "ar", creative.resolved(told))
    for size in creative.sizes:
        for count in range(creative.min_products, creative.max_products(size) + 1):
            _rehearse_banner(folder, creative, _banner(size, (_PLAIN,) * count))
            offered = _banner(
                size,
                (_REDUCED,) * count,
                offer_text="A",
                coupon="A",
                ends_in=75,
                because="cart",
                options=told,
                lang="ar",
            )
            _rehearse_banner(folder, creative, offered)


def _banner(size: str, tiles: tuple[Tile, ...], *, lang: str = "en", **more: object) -> Banner:
    values: dict[str, object] = {"impression_url": "/seen", "why_url": "/why", "click_url": "/click", **more}
    return Banner(size=size, advertiser_name="A", lang=lang, tiles=tiles, **values)  # type: ignore[arg-type]


def _rehearse_banner(folder: Path, creative: Creative, banner: Banner) -> None:
    with _faults_of(folder, "banner.html"):
        html = creative.render(banner)
    if b'"/seen"' not in html:
        raise CreativeError(folder, "banner.html", "{{ ad.seen() }}: without it no impression is counted")
    if b'"/why"' not in html:
        raise CreativeError(folder, "banner.html", "{{ ad.corner() }}: every ad says that it is one, and why")
    if not banner.tiles and b'"/click"' not in html:
        raise CreativeError(folder, "banner.html", "a link to {{ click_url }}: there is no other")


def _other(option: Option) -> OptionValue:
    """A value that is not the default, where there is one."""
    match option.type:
        case OptionType.TEXT:
            return "A"
        case OptionType.CHOICE:
            return option.choices[-1]
        case OptionType.YES_NO:
            return not option.default
        case OptionType.NUMBER:
            return option.most
        case OptionType.COLOR:
            return "#0a5c36"


@contextmanager
def _faults_of(folder: Path, file: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise CreativeError(folder, file, f"a banner's template: {error}") from error
