"""``creative.toml``: what a creative says of itself."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from adserver.creative.fault import CreativeError
from adserver.creative.options import Options, read_options
from adserver.creative.words import ENGLISH, Words
from adserver.model.decision import HOUSE_CREATIVE

FLUID = "fluid"
"""The size of a banner that takes the room its slot has."""

SIZES = ("300x250", "336x280", "728x90", "970x250", "160x600", "300x600", "320x50", "320x100", FLUID)
"""Those that the shipped creatives come in. A creative may have others."""

Box = tuple[int, int]
"""Width and height in CSS pixels."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_BOX = re.compile(r"[1-9][0-9]{0,3}x[1-9][0-9]{0,3}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,31}")
_MOST_PRODUCTS = 20
_LONGEST_ABOUT = 200
_KEYS = frozenset({"name", "about", "sizes", "products", "pictures", "options", "labels"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """``max_products`` by size; ``boxes`` by size: the room for a picture in a banner of the fewest products, of one
    more, and so on. ``labels`` are the creative's own words, by language."""

    name: str
    about: str
    sizes: tuple[str, ...]
    min_products: int
    max_products: Mapping[str, int]
    boxes: Mapping[str, Sequence[Box]]
    options: Options
    labels: Mapping[str, Words]


def read_manifest(folder: Path) -> Manifest:
    """That of a creative's folder; raises ``CreativeError``."""
    try:
        table = tomllib.loads(read_text(folder, "creative.toml"))
    except tomllib.TOMLDecodeError as error:
        raise CreativeError(folder, "creative.toml", f"TOML: {error}") from error
    for key in sorted(table.keys() - _KEYS):
        raise CreativeError(folder, key, f"one of {', '.join(sorted(_KEYS))}")
    name, about = table.get("name"), table.get("about")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise CreativeError(folder, "name", "1 to 64 characters of A-Z a-z 0-9 _ -")
    if not isinstance(about, str) or not about.isprintable() or not 1 <= len(about) <= _LONGEST_ABOUT:
        raise CreativeError(folder, "about", f"one line of at most {_LONGEST_ABOUT} characters: what it is for")
    sizes = _sizes(folder, table.get("sizes"))
    least, most = _products(folder, table.get("products"), sizes, house=name == HOUSE_CREATIVE)
    return Manifest(
        name=name,
        about=about,
        sizes=sizes,
        min_products=least,
        max_products=most,
        boxes=_boxes(folder, table.get("pictures"), least, most),
        options=read_options(folder, table.get("options", {})),
        labels=_labels(folder, table.get("labels", {})),
    )


def read_text(folder: Path, file: str) -> str:
    """A file of a creative; raises ``CreativeError``."""
    try:
        return (folder / file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CreativeError(folder, file, f"a readable UTF-8 file: {error}") from error


def _sizes(folder: Path, value: object) -> tuple[str, ...]:
    found = value if isinstance(value, list) else []
    if found and all(isinstance(size, str) and (size == FLUID or _BOX.fullmatch(size)) for size in found):
        return tuple(dict.fromkeys(found))
    raise CreativeError(folder, "sizes", f'a list like ["300x250", "728x90", "{FLUID}"]')


def _products(folder: Path, value: object, sizes: tuple[str, ...], *, house: bool) -> tuple[int, Mapping[str, int]]:
    """The house creative has none, and it alone."""
    table: dict[str, Any] = value if isinstance(value, dict) else {}
    for key in sorted(table.keys() - {"min", "max"}):
        raise CreativeError(folder, f"products.{key}", "min or max")
    least, most = table.get("min"), table.get("max")
    fewest, ceiling = (0, 0) if house else (1, _MOST_PRODUCTS)
    if type(least) is not int or not fewest <= least <= ceiling:
        raise CreativeError(folder, "products.min", _whole_number(fewest, ceiling))
    if not isinstance(most, dict) or most.keys() != set(sizes):
        raise CreativeError(folder, "products.max", f"one number for each of {', '.join(sizes)}")
    for size, count in most.items():
        if type(count) is not int or not least <= count <= ceiling:
            raise CreativeError(folder, f"products.max.{size}", _whole_number(least, ceiling))
    return least, MappingProxyType(most)


def _boxes(folder: Path, value: object, least: int, most: Mapping[str, int]) -> Mapping[str, Sequence[Box]]:
    """One box for each count of products; a creative without products has no pictures."""
    if not least:
        return MappingProxyType(dict.fromkeys(most, ()))
    table: dict[str, Any] = value if isinstance(value, dict) else {}
    if table.keys() != most.keys():
        raise CreativeError(folder, "pictures", f"a list of boxes for each of {', '.join(most)}")
    boxes = {}
    for size, listed in table.items():
        count = most[size] - least + 1
        found = listed if isinstance(listed, list) else []
        if len(found) != count or not all(isinstance(box, str) and _BOX.fullmatch(box) for box in found):
            raise CreativeError(folder, f"pictures.{size}", f'{count} boxes like "120x90"')
        boxes[size] = tuple((int(width), int(height)) for width, _, height in (box.partition("x") for box in found))
    return MappingProxyType(boxes)


def _whole_number(least: int, most: int) -> str:
    return f"a whole number from {least} to {most}" if most else f"0: {HOUSE_CREATIVE} shows no products"


def _labels(folder: Path, value: object) -> Mapping[str, Words]:
    """The same words in every language; without English there is nothing for all the others."""
    if not isinstance(value, dict) or (value and not isinstance(value.get(ENGLISH), dict)):
        raise CreativeError(folder, f"labels.{ENGLISH}", "the creative's own words in English")
    labels: dict[str, Words] = {}
    for language, words in value.items():
        key, expected = f"labels.{language}", value[ENGLISH].keys()
        if not _LANGUAGE.fullmatch(language):
            raise CreativeError(folder, key, "a language of two or three letters")
        if not isinstance(words, dict) or words.keys() != expected:
            raise CreativeError(folder, key, f"the keys {', '.join(sorted(expected))}")
        for name, word in words.items():
            if not _WORD.fullmatch(name) or not isinstance(word, str) or not word.strip():
                raise CreativeError(folder, f"{key}.{name}", "words that are not empty, under a name of a-z 0-9 _")
        labels[language] = MappingProxyType(words)
    return MappingProxyType(labels)
