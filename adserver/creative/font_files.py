"""The font that banners load, as files under names that change with their content."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

_FOLDER = Path(__file__).parent / "fonts"

WITHOUT_FONTS = frozenset({"320x50"})
"""Sizes in which the system's font is good enough: the two files would leave nothing of their 50 KB for pictures."""

_WEIGHTS = {"FONT_REGULAR": "adserver-sans-400", "FONT_BOLD": "adserver-sans-700"}


@cache
def font_files() -> Mapping[str, bytes]:
    """Name -> woff2; ``/media/<name>`` is where banners look for it. Empty where no font was packed."""
    return MappingProxyType(dict(_named().values()))


def font_names() -> Mapping[str, str]:
    """What stands for a font in a style sheet -> its name; empty unless all are there."""
    return {mark: name for mark, (name, _) in _named().items()}


@cache
def _named() -> Mapping[str, tuple[str, bytes]]:
    files = {mark: _FOLDER / f"{stem}.woff2" for mark, stem in _WEIGHTS.items()}
    if not all(file.is_file() for file in files.values()):
        return {}
    contents = {mark: file.read_bytes() for mark, file in files.items()}
    return {
        mark: (f"{_WEIGHTS[mark]}.{hashlib.sha256(content).hexdigest()[:12]}.woff2", content)
        for mark, content in contents.items()
    }
