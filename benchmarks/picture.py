"""The picture of a run, as SVG: the 99th percentile by offered load, one panel per endpoint, one line per server."""

from collections.abc import Iterator, Sequence
from html import escape
from math import floor, log10

from benchmarks.report import Point, Row

_COLOURS = {
    "fast lane": "#0b6e4f",
    "plain door": "#57a773",
    "naive": "#c1440e",
    "fastify": "#3f6fb5",
    "nginx": "#7d4f9e",
}
_NAMES = {
    "fast lane": "ours, fast lane",
    "plain door": "ours, plain door",
    "naive": "Starlette + redis.asyncio",
    "fastify": "Fastify + ioredis",
    "nginx": "nginx + Lua",
}
_WIDTH, _HEIGHT = 960, 470
_PLOT_WIDTH, _PLOT_HEIGHT = 390, 300
_TOP, _LEFTS = 74, {"pixel": 64, "ad": 536}


class _Scale:
    """A logarithmic axis from pixels ``start`` to ``end``."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self.low, self.high = log10(min(values) * 0.85), log10(max(values) * 1.18)
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        share = (log10(value) - self.low) / (self.high - self.low)
        return round(self._start + share * (self._end - self._start), 1)

    def ticks(self) -> Iterator[float]:
        """1, 2, 5, 10, ... within the axis."""
        for power in range(floor(self.low), floor(self.high) + 1):
            for digit in (1, 2, 5):
                if self.low <= log10(digit * 10**power) <= self.high:
                    yield digit * 10.0**power


def picture(points: Sequence[Point], rows: Sequence[Row]) -> str:
    """One SVG document; a mark ends each line where the server's peak was measured (``rows``)."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif" font-size="12">',
        "<title>99th percentile of latency by offered load</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        *_legend([name for name in _NAMES if any(point.server == name for point in points)]),
    ]
    for endpoint, left in _LEFTS.items():
        parts += _panel(endpoint, [p for p in points if p.endpoint == endpoint], rows, left)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend(names: Sequence[str]) -> Iterator[str]:
    x = float(_LEFTS["pixel"])
    for name in names:
        yield f'<line x1="{x:.0f}" y1="24" x2="{x + 22:.0f}" y2="24" stroke="{_COLOURS[name]}" stroke-width="3"/>'
        yield f'<text x="{x + 28:.0f}" y="28" fill="#222222">{escape(_NAMES[name])}</text>'
        x += 52 + 6.4 * len(_NAMES[name])


def _panel(endpoint: str, points: Sequence[Point], rows: Sequence[Row], left: float) -> Iterator[str]:
    if not points:
        return
    bottom = _TOP + _PLOT_HEIGHT
    across = _Scale([point.offered_per_s for point in points], left, left + _PLOT_WIDTH)
    up = _Scale([point.latency_ms["p99"] for point in points], bottom, _TOP)
    yield f'<text x="{left}" y="{_TOP - 14}" font-size="15" font-weight="600" fill="#222222">{endpoint}: p99, ms</text>'
    yield from _grid(across, up, left, bottom)
    peaks = {row.server: row.requests_per_s for row in rows if row.endpoint == endpoint}
    for name in reversed(_NAMES):
        line = sorted((p for p in points if p.server == name), key=lambda p: p.offered_per_s)
        if line:
            yield from _line(line, across, up, _COLOURS[name], peaks[name])


def _grid(across: _Scale, up: _Scale, left: float, bottom: float) -> Iterator[str]:
    for value in across.ticks():
        x = across(value)
        yield f'<line x1="{x}" y1="{_TOP}" x2="{x}" y2="{bottom}" stroke="#eeeeee"/>'
        yield f'<text x="{x}" y="{bottom + 18}" text-anchor="middle" fill="#555555">{value:,.0f}</text>'
    for value in up.ticks():
        y = up(value)
        yield f'<line x1="{left}" y1="{y}" x2="{left + _PLOT_WIDTH}" y2="{y}" stroke="#eeeeee"/>'
        yield f'<text x="{left - 8}" y="{y + 4}" text-anchor="end" fill="#555555">{value:g}</text>'
    middle = left + _PLOT_WIDTH / 2
    yield f'<text x="{middle}" y="{bottom + 42}" text-anchor="middle" fill="#222222">requests offered per second</text>'
    yield (
        f'<text x="{middle}" y="{bottom + 62}" text-anchor="middle" fill="#777777">'
        "dots: 25, 50, 75, 90, 100 and 110 % of the peak; ring: the peak</text>"
    )


def _line(points: Sequence[Point], across: _Scale, up: _Scale, colour: str, peak: float) -> Iterator[str]:
    places = [(across(point.offered_per_s), up(point.latency_ms["p99"])) for point in points]
    path = " ".join(f"{x},{y}" for x, y in places)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>'
    for point, (x, y) in zip(points, places, strict=True):
        at_peak = abs(point.offered_per_s - peak) < 1
        radius, fill = (5, "#ffffff") if at_peak else (3, colour)
        yield f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{fill}" stroke="{colour}" stroke-width="2"/>'
