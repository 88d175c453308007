"""The process in which banners are drawn: ``python -m adserver.creative.raster.process FOLDER...``.

The folders hold folders of creatives. Layouts and fonts are read before it gives up the right to open files; then
orders come on standard input, answers go to standard output, one after the other, until the input ends. A product's
picture that does harm does it to this process only.
"""

import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from adserver.creative.confined import allow_time, give_up_rights
from adserver.creative.raster.banner_picture import (
    ANSWER,
    ORDER,
    BannerNotDrawn,
    BannerPicture,
    Kind,
    PictureTile,
    unpacked,
)
from adserver.creative.raster.draw import draw
from adserver.creative.raster.encode import encoded
from adserver.creative.raster.faces import open_all
from adserver.creative.raster.general import general_layouts
from adserver.creative.raster.layout import Layouts, find_layouts
from adserver.creative.raster.letters import FINE
from adserver.creative.raster.shapes import blank

MEMORY_BYTES = 150_000_000
"""Beyond what the process has when it starts."""

CPU_S = 2
"""Processor time for one banner."""

_KINDS: tuple[Kind, ...] = ("png", "webp", "jpeg")
_SCRIPTS = "Ag \u0639\u0645 \u05d0 \u0e01 \u0915\u094d\u0937 \u6f22 \ud55c \U0001f45f"


def main() -> None:
    """Until the input ends."""
    designs = find_layouts([Path(folder) for folder in sys.argv[1:]])
    open_all(_sizes(designs))
    _rehearse(designs)
    orders, answers = sys.stdin.buffer, sys.stdout.buffer
    give_up_rights(MEMORY_BYTES)
    while head := orders.read(ORDER.size):
        (length,) = ORDER.unpack(head)
        body = orders.read(length)
        if len(body) < length:
            return
        allow_time(CPU_S)
        _answer(answers, body, designs)


def _sizes(designs: Mapping[str, Layouts]) -> set[float]:
    """Of all letters, as they are drawn."""
    general = general_layouts("300x250", 1, offer=1)
    every = [*designs.values(), *([general] if general else [])]
    return {style.px * FINE for layouts in every for style in layouts.styles if style.px}


def _rehearse(designs: Mapping[str, Layouts]) -> None:
    """What is loaded when it is first needed is loaded now, while files can still be opened."""
    for kind in _KINDS:
        picture = encoded(blank(8, 8), kind)
        tiles = tuple([PictureTile(_SCRIPTS, "1", "2", "3", "A", raw) for raw in (picture, picture[:40], None)])
        text = _SCRIPTS
        head = ("", "300x250", 1, kind, "en", "rtl", text, "", text, text, text, text, text, text)
        banner = BannerPicture(*head, "#000000", "#ffffff", "#000000", tiles)
        for creative in ("", *designs):
            with suppress(BannerNotDrawn):
                draw(banner._replace(creative=creative), designs)


def _answer(answers: BinaryIO, order: bytes, designs: Mapping[str, Layouts]) -> None:
    try:
        made, body = 1, draw(unpacked(order), designs)
    except (BannerNotDrawn, ValueError) as error:
        made, body = 0, str(error)[:200].encode("utf-8", "replace")
    except MemoryError:
        made, body = 0, b"it takes too much memory"
    answers.write(ANSWER.pack(made, len(body)) + body)
    answers.flush()


if __name__ == "__main__":
    main()
