"""Declarations of a style sheet: which of them have a say in the same thing, and which take another's place."""

import re
from typing import NamedTuple

_PIECES = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|url\([^)]*\))""", re.DOTALL)
_ROOM = re.compile(r"\s*([,/*])\s*")
_ZERO = re.compile(r"(?<![\w.#-])0+(\.\d)")
_PAIRS = re.compile(r"#([\da-f])\1([\da-f])\2([\da-f])\3(?:([\da-f])\4)?(?![\w-])", re.IGNORECASE)
_RECENT = re.compile(
    r"subgrid|pretty|balance|color-mix|light-dark|(?:ok)?l(?:ch|ab)\(|anchor|calc-size|\dd?[sl]?v[hwib]|env\("
)

_FAMILIES = {
    **dict.fromkeys(("top", "right", "bottom", "left"), "inset"),
    **dict.fromkeys(("row", "column"), "gap"),
    **dict.fromkeys(("width", "height", "inline", "block", "min", "max"), "box"),
    **dict.fromkeys(("place", "align", "justify"), "place"),
    **dict.fromkeys(("white", "text", "word"), "text"),
}
_SHORT_FOR = {
    "background": ("background-color", "background-image", "background-position", "background-size", "background-clip"),
    "border-radius": ("border-start-start-radius", "border-end-start-radius", "border-start-end-radius"),
    "flex-flow": ("flex-direction", "flex-wrap"),
    "font": ("font-size", "font-weight", "line-height", "font-family", "font-variant-numeric"),
    "gap": ("row-gap", "column-gap"),
    "grid-area": ("grid-row", "grid-column"),
    "grid-template": ("grid-template-rows", "grid-template-columns"),
    "inset": (
        "top",
        "right",
        "bottom",
        "left",
        "inset-inline",
        "inset-block",
        "inset-inline-start",
        "inset-inline-end",
    ),
    "margin": ("margin-top", "margin-bottom", "margin-inline", "margin-block", "margin-inline-start"),
    "padding": (
        *("padding-top", "padding-bottom", "padding-inline", "padding-block", "padding-inline-start"),
        "padding-inline-end",
    ),
    "padding-inline": ("padding-inline-start", "padding-inline-end"),
    "padding-block": ("padding-block-start", "padding-block-end"),
}
SHORTHANDS_OF: dict[str, tuple[str, ...]] = {}
"""The shorthands that set a property, by its name."""
for _short, _longs in _SHORT_FOR.items():
    for _long in _longs:
        SHORTHANDS_OF[_long] = (*SHORTHANDS_OF.get(_long, ()), _short)


class Declaration(NamedTuple):
    """``name:value``; the value has its ``!important``. Two of one ``family`` may set the same thing."""

    name: str
    value: str
    family: str

    @property
    def important(self) -> bool:
        return "!" in self.value

    @property
    def is_recent(self) -> bool:
        """Whether browsers that are in use may not know the value, and then take what was said before it."""
        return bool(_RECENT.search(self.value))


def declarations_of(body: str) -> tuple[Declaration, ...]:
    """What stands between the braces of a rule, tightened."""
    found = []
    for part in _parted(body):
        name, colon, value = part.partition(":")
        if colon:
            name = name.strip()
            found.append(Declaration(name, _tight(value), family_of(name)))
    return tuple(found)


def family_of(name: str) -> str:
    """``padding`` of ``padding-inline``; a custom property is a family of its own."""
    if name.startswith("--"):
        return name
    if name == "line-height":
        return "font"
    first = name.lower().removeprefix("-webkit-").removeprefix("-moz-").partition("-")[0]
    return _FAMILIES.get(first, first)


def _parted(body: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for mark in re.finditer(r"""[();]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""", body):
        depth += (mark[0] == "(") - (mark[0] == ")")
        if mark[0] == ";" and not depth:
            parts.append(body[start : mark.start()])
            start = mark.end()
    return [part for part in (*parts, body[start:]) if part.strip()]


def _tight(value: str) -> str:
    pieces = _PIECES.split(value.strip())
    for place in range(0, len(pieces), 2):
        bare = _ROOM.sub(r"\1", re.sub(r"\s+", " ", pieces[place]))
        bare = re.sub(r"\s*!\s*", "!", re.sub(r"\(\s+|\s+\)", lambda found: found[0].strip(), bare))
        pieces[place] = _PAIRS.sub(r"#\1\2\3\4", _ZERO.sub(r"\1", bare))
    return "".join(pieces)
