"""How long the server needs for a banner that it has not made before."""

from collections.abc import Callable, Iterator

from adserver.creative.creative import Creative
from adserver.creative.flaw import Flaw, warning
from adserver.creative.rendered import sample_banner
from adserver.creative.samples import SAMPLES

MOST_MS = 1.0
"""Milliseconds."""

_TRIES = 3


def speed_flaws(creative: Creative, clock: Callable[[], float]) -> Iterator[Flaw]:
    """Of each size with the most products; ``clock`` in seconds. The best of three counts."""
    for size in creative.manifest.sizes:
        count = creative.max_products(size)
        banner = sample_banner(creative, size, count, SAMPLES["german"], {})
        best = float("inf")
        for _ in range(_TRIES):
            began = clock()
            creative.render(banner)
            best = min(best, (clock() - began) * 1_000)
        if best > MOST_MS:
            where = f"{size} of {count}"
            yield warning("banner.html", f"takes more than {MOST_MS:g} ms to render", "fewer loops and filters", where)
