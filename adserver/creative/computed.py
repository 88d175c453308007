"""Elements with their text as it is seen: its colour, what is below it, how large it is."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import lxml.html

from adserver.creative.cascade import Styles
from adserver.creative.css_colors import Color, color_of, colors_in, over

_WHITE: Color = (255, 255, 255, 1.0)
_NOTHING: Color = (0, 0, 0, 0.0)
_DEEPEST = 8
_VAR = re.compile(r"var\(\s*(--[\w-]+)\s*(?:,((?:[^()]|\([^()]*\))*))?\)")
_SIZE = re.compile(r"(?:^|\s)(\d*\.?\d+)(px|r?em|%)(?=[\s/]|$)")
_WEIGHT = re.compile(r"(?:^|\s)(bold|[1-9]00)(?=\s|$)")
_OF_BROWSERS = {"b": (1.0, 700), "strong": (1.0, 700), "small": (5 / 6, 0), "h1": (2.0, 700), "h2": (1.5, 700)}
_NOT_SHOWN = {"head", "style", "script", "title", "svg", "template"}


@dataclass(frozen=True, slots=True)
class Seen:
    """How an element looks. ``grounds`` are the colours that may be below its text; None where that can not be told, as
    with ``color``. ``px`` is the size of its text, 0 where that can not be told."""

    color: Color | None = (0, 0, 0, 1.0)
    grounds: tuple[Color, ...] | None = (_WHITE,)
    px: float = 16.0
    weight: int = 400
    known: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def seen_texts(
    tree: lxml.html.HtmlElement, styles: Styles, told: Mapping[str, str]
) -> Iterator[tuple[lxml.html.HtmlElement, Seen]]:
    """Each element that has a text of its own and is shown. ``told``: custom properties in the place of the root's."""
    yield from _walk(tree.getroottree().getroot(), Seen(), styles, told)


def _walk(
    element: lxml.html.HtmlElement, above: Seen, styles: Styles, told: Mapping[str, str]
) -> Iterator[tuple[lxml.html.HtmlElement, Seen]]:
    if not isinstance(element.tag, str) or element.tag in _NOT_SHOWN:
        return
    said = styles.get(element, {})
    known = _known(said, above.known, told)
    said = {name: _resolved(value, known) for name, value in said.items() if not name.startswith("--")}
    if _is_hidden(said):
        return
    mine = _look(element.tag, said, replace(above, known=known))
    if _has_text(element):
        yield element, mine
    closed = element.tag == "details" and element.get("open") is None
    for child in element:
        if not closed or child.tag == "summary":
            yield from _walk(child, mine, styles, {})


def _known(said: Mapping[str, str], above: Mapping[str, str], told: Mapping[str, str]) -> Mapping[str, str]:
    own = {name: value for name, value in said.items() if name.startswith("--")} | dict(told)
    if not own:
        return above
    given = {**above, **own}
    return {**above, **{name: _resolved(value, given) for name, value in own.items()}}


def _resolved(value: str, known: Mapping[str, str]) -> str:
    for _ in range(_DEEPEST):
        if "var(" not in value:
            break
        value = _VAR.sub(lambda found: known.get(found[1], (found[2] or "?").strip())[:1_000], value)[:10_000]
    return value


def _is_hidden(said: Mapping[str, str]) -> bool:
    return (
        said.get("display") == "none"
        or said.get("visibility") == "hidden"
        or said.get("opacity") in ("0", "0%")
        or "inset(50%)" in said.get("clip-path", "")
    )


def _has_text(element: lxml.html.HtmlElement) -> bool:
    return any((text or "").strip() for text in (element.text, *(child.tail for child in element)))


def _look(tag: str, said: Mapping[str, str], above: Seen) -> Seen:
    scale, bold = _OF_BROWSERS.get(tag, (1.0, 0))
    color = _color(said.get("-webkit-text-fill-color") or said.get("color", "inherit"), above.color)
    return replace(
        above,
        color=color,
        grounds=_grounds(said, color, above),
        px=_px(said, above.px * scale, above.px),
        weight=_weight(said, bold or above.weight),
    )


def _color(value: str, above: Color | None) -> Color | None:
    if value.lower() in ("inherit", "currentcolor", "unset"):
        return above
    return color_of(value)


def _grounds(said: Mapping[str, str], color: Color | None, above: Seen) -> tuple[Color, ...] | None:
    own = (_NOTHING,) if said.get("display") == "contents" else _own_grounds(said, color)
    if own is None or any(said.get(name, fine) not in (fine, "1") for name, fine in _UNTOLD.items()):
        return None
    if all(ground[3] == 1 for ground in own):
        return own
    if above.grounds is None or (said.get("position") in ("absolute", "fixed") and own == (_NOTHING,)):
        return None
    return tuple({over(ground, below): None for ground in own for below in above.grounds})[:16]


_UNTOLD = {"opacity": "1", "mix-blend-mode": "normal", "background-clip": "border-box"}


def _own_grounds(said: Mapping[str, str], color: Color | None) -> tuple[Color, ...] | None:
    """Those of the element itself; None where they can not be told."""
    whole = said.get("background-color") or said.get("background", "none")
    image = said.get("background-image", "none")
    if image != "none":
        whole = f"{image} {whole}"
    if whole.lower() in ("none", "transparent", "initial", "unset", "0"):
        return (_NOTHING,)
    if "gradient(" in whole.lower():
        stops = colors_in(whole)
        return tuple(stops[:16]) if stops and not re.search(r"var\(|color-mix|currentcolor|\?", whole) else None
    if whole.lower() == "currentcolor":
        return (color,) if color else None
    found = color_of(whole)
    return (found,) if found else None


def _px(said: Mapping[str, str], own: float, above: float) -> float:
    if "font-size" not in said and "font" not in said:
        return own
    found = _SIZE.search(said.get("font-size") or said["font"])
    if not found:
        return own if said.get("font-size", said.get("font")) == "inherit" else 0.0
    number = float(found[1])
    match found[2]:
        case "px":
            return number
        case "rem":
            return number * 16
        case "em":
            return number * above
        case _:
            return number * above / 100


def _weight(said: Mapping[str, str], own: int) -> int:
    value = said.get("font-weight") or said.get("font")
    if value is None or value == "inherit":
        return own
    found = _WEIGHT.search(value)
    return (700 if found[1] == "bold" else int(found[1])) if found else 400
