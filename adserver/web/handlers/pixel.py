"""``GET /pixel.gif``: always the image, whatever came in."""

from collections.abc import Callable

from adserver.model.reason import EventReason
from adserver.service.record_event import RecordEvent
from adserver.web.context import Context
from adserver.web.cookies import CookieHeaders
from adserver.web.responses import Answer, gif, method_not_allowed


class PixelHandler:
    """Records one event and answers the GIF; the reason why not travels in a header."""

    def __init__(self, record_event: RecordEvent, cookies: CookieHeaders, clock: Callable[[], float]) -> None:
        self._record_event = record_event
        self._cookies = cookies
        self._clock = clock

    async def __call__(self, context: Context) -> Answer:
        """One pixel."""
        if context.method != "GET":
            return method_not_allowed()
        fields = context.fields()
        if fields is None:
            return gif(self._record_event.refuse(_flaw(context)))
        hit = context.hit(fields, self._clock())
        recorded = await self._record_event(hit)
        if not recorded.cookie:
            return gif(recorded.reason)
        copy = not (hit.claims and hit.copy_only)
        set_cookies = self._cookies.visitor(
            recorded.cookie, secure=context.secure, cross_site=context.head.cross_site, copy=copy
        )
        return gif(recorded.reason, set_cookies)


def _flaw(context: Context) -> EventReason:
    return EventReason.TOO_LONG if context.query_too_long else EventReason.MALFORMED
