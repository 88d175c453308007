"""A realistic mix of requests: product views, ads, and impressions and clicks of the ads that were really served."""

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from benchmarks.answer import Answers, Kinds
from benchmarks.client import Request
from benchmarks.traffic import Traffic, Visitor

_DRAWN = 10_000
_KEPT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """How often each is asked for, in relation to the others; ``newcomers`` are views by visitors without a cookie."""

    pixel: float = 90.0
    newcomers: float = 10.0
    ad: float = 20.0
    impression: float = 15.0
    click: float = 0.3


class Mix:
    """Requests without end; ``readers`` have a history, so that their ads have products."""

    def __init__(
        self, traffic: Traffic, viewers: Sequence[Visitor], readers: Sequence[Visitor], ratio: Ratio, *, seed: int
    ) -> None:
        self._traffic = traffic
        self._pixels = itertools.cycle(traffic.pixels(viewers))
        self._newcomers = itertools.cycle(traffic.newcomers())
        self._ads = itertools.cycle(traffic.ads(readers))
        self._impressions = deque[bytes](maxlen=_KEPT)
        self._clicks = deque[bytes](maxlen=_KEPT)
        weights = {
            self._pixel: ratio.pixel,
            self._newcomer: ratio.newcomers,
            self._ad: ratio.ad,
            self._impression: ratio.impression,
            self._click: ratio.click,
        }
        self._order = Random(seed).choices(list(weights), list(weights.values()), k=_DRAWN)

    def requests(self, kinds: Kinds) -> Iterator[Request]:
        """Each with the answers it gets. Where no ad has been served yet, an impression is a product view."""
        pixel, ad = Answers("pixel", kinds), Answers("ad", kinds, self._keep_tokens)
        newcomer = Answers("newcomer", kinds)
        impression, click = Answers("impression", kinds), Answers("click", kinds)
        answers: dict[Callable[[], bytes | None], Answers] = {
            self._pixel: pixel,
            self._newcomer: newcomer,
            self._ad: ad,
            self._impression: impression,
            self._click: click,
        }
        for draw in itertools.cycle(self._order):
            payload = draw()
            yield (self._pixel(), pixel) if payload is None else (payload, answers[draw])

    def _pixel(self) -> bytes:
        return next(self._pixels)

    def _newcomer(self) -> bytes:
        return next(self._newcomers)

    def _ad(self) -> bytes:
        return next(self._ads)

    def _impression(self) -> bytes | None:
        return self._traffic.image(self._impressions.popleft().decode()) if self._impressions else None

    def _click(self) -> bytes | None:
        return self._traffic.frame(self._clicks.popleft().decode()) if self._clicks else None

    def _keep_tokens(self, answer: bytes) -> None:
        """Every token is followed once at most, as a browser would."""
        for mark, kept in ((b'"/i/', self._impressions), (b'"/c/', self._clicks)):
            start = answer.rfind(mark) + 1
            if start:
                kept.append(answer[start : answer.index(b'"', start)])
