"""What a picture costs: ``python -m benchmarks.pictures``.

A 1,500 x 1,500 JPEG becomes a tile of 300 x 300, by the code that the server runs and by the plainest Pillow there is:
decoded whole, scaled by ``thumbnail``, saved. Processor time of one core; the fastest of several repeats counts.
"""

import io
from collections.abc import Callable
from random import Random
from statistics import median
from time import process_time_ns
from typing import Annotated

import typer
from PIL import Image
from rich.console import Console
from rich.table import Table

from adserver.creative.picture import make_picture
from adserver.demo.pictures import picture

SIDE, TILE = 1_500, 300


def sources() -> dict[str, bytes]:
    """JPEGs of SIDE x SIDE pixels, from what is easy to what no camera makes."""
    drawing = Image.open(io.BytesIO(picture("WND-101"))).convert("RGB").resize((SIDE, SIDE))
    photo = Image.blend(drawing, Image.effect_noise((SIDE, SIDE), 40).convert("RGB"), 0.12)
    on_white = Image.new("RGB", (SIDE, SIDE), "white")
    on_white.paste(photo.resize((1_100, 1_100)), (200, 200))
    noise = Image.frombytes("RGB", (SIDE, SIDE), Random(1).randbytes(SIDE * SIDE * 3))
    named = {"a drawing": drawing, "a photo": photo, "a photo on white": on_white, "noise": noise}
    return {name: _jpeg(image) for name, image in named.items()}


def plainly(raw: bytes, kind: str) -> bytes:
    """The same without any care for speed, size or what is in the file."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(raw)) as image:
        image.load()
        image.thumbnail((TILE, TILE))
        image.convert("RGB").save(file, kind)
    return file.getvalue()


def _jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=88)
    return file.getvalue()


def _ms(make: Callable[[], bytes], repeats: int) -> tuple[float, float]:
    """The fastest and the median of several repeats."""
    took = []
    for _ in range(repeats):
        began = process_time_ns()
        make()
        took.append((process_time_ns() - began) / 1e6)
    return min(took), median(took)


def main(repeats: Annotated[int, typer.Option(help="How often each is made.")] = 15) -> None:
    """Print a table."""
    table = Table("picture", "KB", "as", "bytes", "ms", "median", "plain Pillow, ms", title=f"{SIDE}² JPEG to {TILE}²")
    for name, raw in sources().items():
        for kind in ("webp", "jpeg"):
            made = make_picture(raw, TILE, TILE, kind)
            best, usual = _ms(lambda raw=raw, kind=kind: make_picture(raw, TILE, TILE, kind), repeats)  # type: ignore[misc]
            plain, _ = _ms(lambda raw=raw, kind=kind: plainly(raw, kind), repeats)  # type: ignore[misc]
            size = f"{len(raw) // 1_000}"
            table.add_row(name, size, kind, f"{len(made):,}", f"{best:.1f}", f"{usual:.1f}", f"{plain:.1f}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
