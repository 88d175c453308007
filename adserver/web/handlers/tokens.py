"""``GET /i/<token>`` and ``GET /c/<token>``."""

from collections.abc import Callable

from adserver.service.record_token import Asker, RecordClick, RecordImpression
from adserver.web.context import Context
from adserver.web.responses import Answer, gif, method_not_allowed, redirect, text

_PREFIX = len("/i/")


class ImpressionHandler:
    """The banner's invisible image."""

    def __init__(self, record_impression: RecordImpression, clock: Callable[[], float]) -> None:
        self._record_impression = record_impression
        self._clock = clock

    async def __call__(self, context: Context) -> Answer:
        """One impression; the image in any case."""
        if context.method != "GET":
            return method_not_allowed()
        asker = Asker(context.head.prefetch, context.head.text(b"user-agent"))
        return gif(await self._record_impression(context.path[_PREFIX:], self._clock(), asker))


class ClickHandler:
    """The way from the banner to the product's page."""

    def __init__(self, record_click: RecordClick, clock: Callable[[], float]) -> None:
        self._record_click = record_click
        self._clock = clock

    async def __call__(self, context: Context) -> Answer:
        """One click: to the signed landing page, or to nowhere."""
        if context.method != "GET":
            return method_not_allowed()
        asker = Asker(context.head.prefetch, context.head.text(b"user-agent"), context.claims())
        clicked = await self._record_click(context.path[_PREFIX:], self._clock(), asker)
        if clicked.location is None:
            return text(404, "This link is not one of ours, or the advertiser is gone.")
        return redirect(clicked.location, clicked.reason)
