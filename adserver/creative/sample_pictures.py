"""Drawings in the place of product pictures: SVG, so that one fills a box of any shape."""

from collections.abc import Mapping
from types import MappingProxyType


def _drawing(ground: str, shapes: str) -> bytes:
    """The outer element has no shape of its own: the ground fills any box, and the thing stands in its middle."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="100%" height="100%">'
        f'<rect width="100%" height="100%" fill="{ground}"/>'
        f'<svg viewBox="0 0 120 120" width="100%" height="100%">{shapes}</svg></svg>'
    ).encode()


SAMPLE_PICTURES: Mapping[str, bytes] = MappingProxyType(
    {
        "boot": _drawing(
            "#efe9e1",
            '<path fill="#8a5a36" d="M38 22h30l2 34c12 8 30 8 36 18 2 4 2 8 2 12H34c-2-22 6-40 4-64z"/>'
            '<path fill="#5b3a21" d="M32 86h77v6c0 3-2 5-5 5H36c-3 0-4-2-4-5z"/>'
            '<path fill="#6d4527" d="M36 20h34v8H37z"/>'
            '<path fill="none" stroke="#f3e3c8" stroke-width="3" d="M58 40h14M59 48h14M62 56h14"/>',
        ),
        "tent": _drawing(
            "#e4ecdf",
            '<path fill="#3f7a4c" d="M60 24 14 94h92z"/><path fill="#2c5836" d="M60 24 84 94h22z"/>'
            '<path fill="#f4d58a" d="M60 46 46 94h28z"/><path fill="#c99f45" d="M60 46 60 94h14z"/>'
            '<path fill="#b9cbb0" d="M8 94h104v4H8z"/>',
        ),
        "pack": _drawing(
            "#e3e9f1",
            '<path fill="none" stroke="#27446d" stroke-width="5" d="M50 26c0-12 20-12 20 0"/>'
            '<rect x="32" y="24" width="56" height="76" rx="18" fill="#3767a6"/>'
            '<rect x="40" y="62" width="40" height="28" rx="7" fill="#5c8ac6"/>'
            '<path fill="#27446d" d="M32 46h56v7H32z"/><path fill="#f0b64b" d="M55 42h10v16H55z"/>',
        ),
        "jacket": _drawing(
            "#f3e6e2",
            '<path fill="#c4472f" d="M46 22h28l24 16-6 40-12-3v25H40V75l-12 3-6-40z"/>'
            '<path fill="#8e2f1d" d="M46 22c4 10 24 10 28 0l-6-4H52z"/>'
            '<path fill="none" stroke="#8e2f1d" stroke-width="2.5" d="M60 30v70M40 48h40M40 62h40M40 76h40M40 88h40"/>',
        ),
        "lantern": _drawing(
            "#f4eedb",
            '<path fill="none" stroke="#38424f" stroke-width="4" d="M42 40c0-26 36-26 36 0"/>'
            '<rect x="38" y="36" width="44" height="10" rx="4" fill="#38424f"/>'
            '<rect x="42" y="46" width="36" height="38" fill="#ffd766"/>'
            '<circle cx="60" cy="66" r="11" fill="#fff3c4"/>'
            '<rect x="36" y="84" width="48" height="16" rx="5" fill="#38424f"/>',
        ),
        "mug": _drawing(
            "#e6eef0",
            '<path fill="none" stroke="#2f6f7c" stroke-width="8" d="M78 50h8c14 0 14 30 0 30h-8"/>'
            '<path fill="#3d93a4" d="M32 36h48v52c0 6-4 10-10 10H42c-6 0-10-4-10-10z"/>'
            '<path fill="#f7f7f2" d="M32 36h48v6H32z"/><circle cx="56" cy="68" r="9" fill="#f7f7f2"/>',
        ),
    }
)
"""By name; ``image/svg+xml``."""
