"""The folder itself: sizes, boxes of pictures, files that nobody reads."""

from collections.abc import Iterator
from pathlib import Path

from adserver.creative.flaw import Flaw, error, warning
from adserver.creative.manifest import FLUID, SIZES, Manifest
from adserver.creative.raster.layout import LAYOUT_FILE, read_layouts

_KNOWN = frozenset({"creative.toml", "banner.html", "product.html", "banner.css", LAYOUT_FILE})
_TEXTS = frozenset({"", ".md", ".txt"})


def folder_flaws(folder: Path, manifest: Manifest) -> Iterator[Flaw]:
    """What the manifest allows and nobody would want, and what lies beside it."""
    missing = [size for size in SIZES if size not in manifest.sizes]
    if missing:
        yield warning(
            "creative.toml", f"sizes: no {', '.join(missing)}", "all usual sizes: slots of these stay without"
        )
    if (folder / LAYOUT_FILE).exists() and folder.resolve().name != manifest.name:
        yield warning(
            LAYOUT_FILE, f"is that of {folder.resolve().name!r}", f"a folder that is called {manifest.name!r}"
        )
    for size in manifest.sizes:
        yield from _boxes(manifest, size)
    for file in sorted(folder.iterdir()):
        unread = file.name not in _KNOWN and not file.name.startswith(".") and file.suffix not in _TEXTS
        if unread or (file.name == "product.html" and not manifest.min_products):
            yield warning(file.name, "is not read, and not served", "a folder of templates and a style sheet only")
    if (folder / LAYOUT_FILE).exists():
        yield from _layout(folder)


def _boxes(manifest: Manifest, size: str) -> Iterator[Flaw]:
    if size == FLUID:
        return
    width, height = map(int, size.split("x"))
    for count, (wide, high) in enumerate(manifest.boxes[size], manifest.min_products):
        if wide > width or high > height:
            what = f"pictures: a box of {wide}x{high} is larger than the banner"
            yield warning("creative.toml", what, "the room that CSS gives to the picture", f"{size} of {count}")


def _layout(folder: Path) -> Iterator[Flaw]:
    try:
        read_layouts(folder / LAYOUT_FILE)
    except Exception as unreadable:
        yield error(LAYOUT_FILE, f"can not be used: {str(unreadable)[:200]}", "the file as it was measured, or none")
