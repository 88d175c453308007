"""The contact sheet: banners side by side, each in a frame of its true size, and the form that asks for others."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.resources import files
from typing import NamedTuple

from jinja2 import Environment, StrictUndefined


class Shown(NamedTuple):
    """One frame. ``box`` is its width and height in CSS pixels, ``url`` root-relative; ``weight`` and ``zipped`` are
    bytes of the document, which asks for ``pictures`` pictures. ``fault``: why there is no frame, empty for none."""

    size: str
    box: tuple[int, int]
    url: str
    weight: int = 0
    zipped: int = 0
    pictures: int = 0
    fault: str = ""


class Section(NamedTuple):
    """All frames of one creative; ``share``: how many of the ads get it, in percent, None where nobody decides."""

    creative: str
    about: str
    share: int | None
    shown: Sequence[Shown]


class Field(NamedTuple):
    """One entry of the form: with ``choices`` (value and text) one is picked, of the kind ``checks`` any number, else
    it is written; ``hints`` are offered, ``help`` is one sentence."""

    name: str
    label: str
    values: Sequence[str]
    choices: Sequence[tuple[str, str]] = ()
    hints: Sequence[str] = ()
    kind: str = "text"
    help: str = ""


class Group(NamedTuple):
    """Entries that belong together."""

    title: str
    fields: Sequence[Field]


class Reason(NamedTuple):
    """Why a line item is shown, or is not."""

    line_item: str
    reason: str
    detail: str


class Sheet(NamedTuple):
    """``ground`` is light or dark; ``told`` are sentences about the content."""

    ground: str
    told: Sequence[str]
    sections: Sequence[Section]
    groups: Sequence[Group]
    reasons: Sequence[Reason] = ()


class Note(NamedTuple):
    """A short page of words. ``back``: where its link leads, empty for no link."""

    title: str
    lines: Sequence[str]
    back: str = ""


def preview_page(sheet: Sheet) -> bytes:
    """One UTF-8 HTML document, to be sent with PREVIEW_CSP."""
    frames = sum(len(section.shown) for section in sheet.sections)
    return _sheet(sheet=sheet, frames=frames).encode("utf-8", "replace")


def note_page(note: Note) -> bytes:
    """One UTF-8 HTML document, to be sent with PREVIEW_CSP as well."""
    return _note(note=note).encode("utf-8", "replace")


def document_policy(html: bytes, origin: str) -> str:
    """The Content-Security-Policy of a banner's document in a frame of the sheet; ``origin`` is where its pictures come
    from, empty where that is this server under any name."""
    sources = f"'self' {origin}".rstrip()
    return (
        f"default-src 'none'; img-src {sources}; font-src {sources}; style-src 'sha256-{_digest(html.decode())}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )


def _kilobytes(count: int) -> str:
    return f"{count / 1_000:.1f}"


_ENVIRONMENT = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
_ENVIRONMENT.filters["kilobytes"] = _kilobytes
_TEXTS: Mapping[str, str] = {
    name: files(__package__).joinpath("pages", f"{name}.html").read_text("utf-8")
    for name in ("preview", "preview_note")
}
_sheet = _ENVIRONMENT.from_string(_TEXTS["preview"]).render
_note = _ENVIRONMENT.from_string(_TEXTS["preview_note"]).render


def _digest(text: str) -> str:
    style = text.partition("<style>")[2].partition("</style>")[0]
    return b64encode(sha256(style.encode()).digest()).decode()


_STYLES = " ".join(f"'sha256-{_digest(text)}'" for text in _TEXTS.values())

PREVIEW_CSP = (
    f"default-src 'none'; style-src {_STYLES}; "
    "frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of both pages."""
