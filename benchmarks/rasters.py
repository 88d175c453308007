"""What a banner's picture costs: ``python -m benchmarks.rasters``.

Processor time of one core for a banner of four products, by step: texts that were drawn before are kept as they were
drawn, as are decoded product pictures. The fastest of several repeats counts.
"""

from collections.abc import Callable
from functools import partial
from time import process_time_ns
from typing import get_args

from rich.console import Console
from rich.table import Table

from adserver.creative.raster import letters, shapes
from adserver.creative.raster.banner_picture import Kind
from adserver.creative.raster.draw import draw, drawn
from adserver.creative.raster.encode import encoded
from tests.banner_pictures import BANNER, DESIGNS, TILE

REPEATS = 15
TITLES = ("Trail boots, waterproof, wide fit", "Two-person tent", "Daypack 22 l", "Down jacket, warm and light")


def main() -> None:
    """The table."""
    table = Table("size", "pixels", "step", "ms", "bytes")
    for size, density in (("300x250", 1), ("300x250", 2), ("970x250", 1), ("320x50", 1)):
        _measure(table, size, density)
    Console().print(table)


def _measure(table: Table, size: str, density: int) -> None:
    tiles = tuple([TILE._replace(title=title) for title in TITLES])
    banner = BANNER._replace(size=size, density=density, tiles=tiles)
    image = drawn(banner, DESIGNS)
    pixels = f"{image.width} x {image.height}"

    def forget(*, pictures: bool) -> None:
        letters.forget()
        if pictures:
            shapes.picture.cache_clear()

    steps: dict[str, Callable[[], None]] = {
        "drawn, all of it new": lambda: forget(pictures=True),
        "drawn, with the product pictures kept": lambda: forget(pictures=False),
        "drawn, with pictures and texts kept": lambda: None,
    }
    for step, before in steps.items():
        table.add_row(size, pixels, step, f"{_ms(lambda: drawn(banner, DESIGNS), before):.1f}", "")
    for kind in get_args(Kind):
        body = encoded(image, kind)
        table.add_row(size, pixels, f"packed as {kind}", f"{_ms(partial(encoded, image, kind)):.1f}", f"{len(body):,}")
    whole = _ms(lambda: draw(banner, DESIGNS), lambda: forget(pictures=False))
    table.add_row(size, pixels, "PNG, with the product pictures kept", f"{whole:.1f}", "", end_section=True)


def _ms(work: Callable[[], object], before: Callable[[], None] = lambda: None) -> float:
    took = []
    for _ in range(REPEATS):
        before()
        began = process_time_ns()
        work()
        took.append((process_time_ns() - began) / 1e6)
    return min(took)


if __name__ == "__main__":
    main()
