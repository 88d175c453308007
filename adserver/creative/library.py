"""Folders of creatives -> compiled creatives, once at the start."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, StrictUndefined, Template, TemplateError

from adserver.creative.banner import Banner, Picture, Tile
from adserver.creative.creative import Creative, Labels
from adserver.model.decision import HOUSE_CREATIVE

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SIZE = re.compile(r"[1-9][0-9]{0,3}x[1-9][0-9]{0,3}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_MOST_PRODUCTS = 20
_KEYS = frozenset({"name", "sizes", "products", "pictures", "labels"})
_WORDS = frozenset(Labels._fields) - Labels._field_defaults.keys()

_RULE = re.compile(r"([^{}]+)\{[^{}]*\}")
_OF_ONE_SIZE = re.compile(r"\.s([0-9]+x[0-9]+)(?![\w-])")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
# Room around these means nothing in a style sheet, outside of strings.
_PUNCTUATION = re.compile(r"\s*([{};,])\s*")


class CreativeError(ValueError):
    """A creative that can not be used: which folder, which key or file of it, and what was expected there."""

    def __init__(self, folder: Path, key: str, expected: str) -> None:
        super().__init__(f"{folder}: {key}: expected {expected}")
        self.folder = folder
        self.key = key
        self.expected = expected


def load_creatives(folder: Path | None = None, *, origin: str = "") -> Mapping[str, Creative]:
    """Every sub-folder of ``folder`` that has a ``creative.toml``, by the creative's name.

    ``origin`` (``https://ads.example``): where browsers reach this server; only from there may pictures come.
    Without ``folder``: the creatives packed into the wheel, else those of the source tree. Each is rendered
    in every size and count, so that a template's mistake stops the start and not a request. Raises
    ``CreativeError``.
    """
    folder = folder or _shipped()
    if not folder.is_dir():
        raise CreativeError(folder, "folder", "a folder of creatives")
    creatives: dict[str, Creative] = {}
    for manifest in sorted(folder.glob("*/creative.toml")):
        creative = _load(manifest.parent, origin)
        if creative.name in creatives:
            raise CreativeError(manifest.parent, "name", f"a name of its own, {creative.name!r} is taken")
        creatives[creative.name] = creative
    return MappingProxyType(creatives)


def _shipped() -> Path:
    packed = Path(__file__).parents[1] / "_creatives"
    return packed if packed.is_dir() else Path(__file__).parents[2] / "creatives"


def _load(folder: Path, origin: str) -> Creative:
    try:
        manifest = tomllib.loads(_text(folder, "creative.toml"))
    except tomllib.TOMLDecodeError as error:
        raise CreativeError(folder, "creative.toml", f"TOML: {error}") from error
    for key in manifest.keys() - _KEYS:
        raise CreativeError(folder, key, f"one of {', '.join(sorted(_KEYS))}")
    name = manifest.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise CreativeError(folder, "name", "1 to 64 characters of A-Z a-z 0-9 _ -")
    sizes = _sizes(folder, manifest.get("sizes"))
    least, most = _products(folder, manifest.get("products"), sizes, house=name == HOUSE_CREATIVE)
    creative = Creative(
        name=name,
        min_products=least,
        max_products=most,
        boxes=_boxes(folder, manifest.get("pictures"), least, most),
        origin=origin,
        labels=_labels(folder, manifest.get("labels")),
        css=_styles(folder, sizes),
        banner=_template(folder, "banner.html"),
        product=_template(folder, "product.html") if least else None,
    )
    _rehearse(folder, creative)
    return creative


def _text(folder: Path, file: str) -> str:
    try:
        return (folder / file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CreativeError(folder, file, f"a readable UTF-8 file: {error}") from error


def _sizes(folder: Path, value: object) -> list[str]:
    if isinstance(value, list) and value and all(isinstance(size, str) and _SIZE.fullmatch(size) for size in value):
        return value
    raise CreativeError(folder, "sizes", 'a list like ["300x250", "728x90"]')


def _products(folder: Path, value: object, sizes: list[str], *, house: bool) -> tuple[int, dict[str, int]]:
    """The house creative has none, and it alone."""
    table: dict[str, Any] = value if isinstance(value, dict) else {}
    least, most = table.get("min"), table.get("max")
    fewest, ceiling = (0, 0) if house else (1, _MOST_PRODUCTS)
    if type(least) is not int or not fewest <= least <= ceiling:
        raise CreativeError(folder, "products.min", _whole_number(fewest, ceiling))
    if not isinstance(most, dict) or most.keys() != set(sizes):
        raise CreativeError(folder, "products.max", f"one number for each of {', '.join(sizes)}")
    for size, count in most.items():
        if type(count) is not int or not least <= count <= ceiling:
            raise CreativeError(folder, f"products.max.{size}", _whole_number(least, ceiling))
    return least, most


def _boxes(folder: Path, value: object, least: int, most: dict[str, int]) -> dict[str, list[tuple[int, int]]]:
    """One box for each count of products; a creative without products has no pictures."""
    if not least:
        return {size: [] for size in most}
    table: dict[str, Any] = value if isinstance(value, dict) else {}
    if table.keys() != most.keys():
        raise CreativeError(folder, "pictures", f"a list of boxes for each of {', '.join(most)}")
    boxes = {}
    for size, listed in table.items():
        count = most[size] - least + 1
        found = listed if isinstance(listed, list) else []
        if len(found) != count or not all(isinstance(box, str) and _SIZE.fullmatch(box) for box in found):
            raise CreativeError(folder, f"pictures.{size}", f'{count} boxes like "120x90"')
        boxes[size] = [(int(width), int(height)) for width, _, height in (box.partition("x") for box in found)]
    return boxes


def _whole_number(least: int, most: int) -> str:
    return f"a whole number from {least} to {most}" if most else f"0: {HOUSE_CREATIVE} shows no products"


def _labels(folder: Path, value: object) -> dict[str, Labels]:
    if not isinstance(value, dict) or "en" not in value:
        raise CreativeError(folder, "labels.en", "the words of the banner in English")
    labels: dict[str, Labels] = {}
    expected = _WORDS | (value["en"].keys() & {"line"} if isinstance(value["en"], dict) else set())
    for language, words in value.items():
        key = f"labels.{language}"
        if not _LANGUAGE.fullmatch(language):
            raise CreativeError(folder, key, "a language of two or three letters")
        if not isinstance(words, dict) or words.keys() != expected:
            raise CreativeError(folder, key, f"the keys {', '.join(sorted(expected))}")
        if not all(isinstance(word, str) and word for word in words.values()):
            raise CreativeError(folder, key, "words that are not empty")
        labels[language] = Labels(**words)
    return labels


def _styles(folder: Path, sizes: list[str]) -> dict[str, str]:
    """``banner.css`` for each size, without the rules that are for other sizes only."""
    css = _PUNCTUATION.sub(r"\1", " ".join(_COMMENT.sub(" ", _text(folder, "banner.css")).split()))
    if "<" in css:  # it would end the style element, or open a comment inside it
        raise CreativeError(folder, "banner.css", 'a style sheet without "<"')

    def of(size: str) -> str:
        return _RULE.sub(lambda rule: rule[0] if _matters(rule[1], size) else "", css).strip()

    return {size: of(size) for size in sizes}


def _matters(selectors: str, size: str) -> bool:
    firsts = [_OF_ONE_SIZE.match(selector.strip()) for selector in selectors.split(",")]
    return any(first is None or first[1] == size for first in firsts)


def _template(folder: Path, file: str) -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    try:
        return environment.from_string(_text(folder, file))
    except TemplateError as error:
        raise CreativeError(folder, file, f"a Jinja2 template: {error}") from error


_REHEARSED = (
    Tile(title="A", price_text="1", was_price_text="2", picture=Picture("/1", "/2", 8, 8), click_url="/"),
    Tile(title="A", price_text="1", click_url="/"),
)


def _rehearse(folder: Path, creative: Creative) -> None:
    for tile in _REHEARSED if creative.min_products else ():
        with _faults_of(folder, "product.html"):
            creative.fragment(tile, "en")
    for size in creative.sizes:
        for count in range(creative.min_products, creative.max_products(size) + 1):
            for tile in _REHEARSED:
                banner = Banner(
                    size=size,
                    advertiser_name="A",
                    lang="en",
                    tiles=(tile,) * count,
                    impression_url="/",
                    why_url="/",
                    click_url="/click",
                )
                with _faults_of(folder, "banner.html"):
                    html = creative.render(banner)
                if not count and b'"/click"' not in html:
                    raise CreativeError(folder, "banner.html", "a link to {{ click_url }}: there is no other")


@contextmanager
def _faults_of(folder: Path, file: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise CreativeError(folder, file, f"a banner's template: {error}") from error
