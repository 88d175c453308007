"""``GET /why/<token>``: why this ad, for the person who saw it."""

from collections.abc import Callable

from adserver.service.why_ad import ExplainToVisitor
from adserver.web.context import Context
from adserver.web.responses import Answer, html, method_not_allowed, text

_PREFIX = len("/why/")


class WhyHandler:
    """``policy``: the page's Content-Security-Policy."""

    def __init__(self, explain: ExplainToVisitor, policy: str, clock: Callable[[], float]) -> None:
        self._explain = explain
        self._headers = [
            (b"content-security-policy", policy.encode()),
            (b"referrer-policy", b"same-origin"),
        ]
        self._clock = clock

    async def __call__(self, context: Context) -> Answer:
        """The page; nothing is counted."""
        if context.method != "GET":
            return method_not_allowed()
        page = await self._explain(context.path[_PREFIX:], context.hit(context.fields() or {}, self._clock()))
        if page is None:
            return text(404, "This ad is too old, or it was not one of ours.")
        return html(page, self._headers)
