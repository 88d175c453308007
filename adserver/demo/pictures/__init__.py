"""The shop's pictures, drawn here and never downloaded: one series, one light, four walls."""

from collections.abc import Callable
from threading import Lock

from adserver.demo.pictures import camp, carry, press, table, wear
from adserver.demo.pictures.canvas import Canvas

_DRAWINGS: dict[str, Callable[[], Canvas]] = {
    "WND-101": carry.rucksack,
    "WND-102": table.mug,
    "WND-103": wear.boots,
    "WND-104": camp.lantern,
    "WND-105": carry.blanket,
    "WND-106": table.flask,
    "WND-107": camp.tent,
    "WND-108": table.knife,
    "WND-109": carry.map_case,
    "WND-110": wear.sunglasses,
    "WND-111": wear.cap,
    "WND-112": camp.stove,
}

_NEWS: dict[str, Callable[[], Canvas]] = {"harbour": press.harbour, "bakery": press.bakery}


_drawn: dict[str, bytes] = {}
_one_at_a_time = Lock()


def picture(product_id: str) -> bytes:
    """A product's 800 x 800 WebP, drawn once per process; ``KeyError`` for what the shop does not sell."""
    return _once(product_id, _DRAWINGS[product_id])


def news_picture(name: str) -> bytes:
    """A picture of the newspaper (``harbour``, ``bakery``), of the same make."""
    return _once(name, _NEWS[name])


def draw_all() -> None:
    """Draw ahead of the first visitor; a few seconds of one core."""
    for product_id in _DRAWINGS:
        picture(product_id)
    for name in _NEWS:
        news_picture(name)


def _once(name: str, draw: Callable[[], Canvas]) -> bytes:
    """Whoever asks for a picture in the making waits for it instead of drawing it again."""
    if name not in _drawn:
        with _one_at_a_time:
            if name not in _drawn:
                _drawn[name] = draw().webp()
    return _drawn[name]
