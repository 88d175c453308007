"""``GET /ad/click``: the link of a picture, which can not know what was drawn."""

from collections.abc import Callable

from adserver.service.ad_picture import ClickPicture
from adserver.web.context import Context
from adserver.web.handlers.ad_picture import CACHEBUSTER
from adserver.web.responses import Answer, method_not_allowed, redirect, text


class AdClickHandler:
    """On to the click of the decision that the picture with the same placement and ``cb`` was made of."""

    def __init__(self, click_picture: ClickPicture, clock: Callable[[], float]) -> None:
        self._click_picture = click_picture
        self._clock = clock

    async def __call__(self, context: Context) -> Answer:
        """Never to anywhere that somebody else has named."""
        if context.method != "GET":
            return method_not_allowed()
        fields = context.fields() or {}
        placements, cachebusters = fields.get("placement", ()), fields.get("cb", ())
        found = ""
        if len(placements) == len(cachebusters) == 1 and CACHEBUSTER.fullmatch(cachebusters[0]):
            hit = context.hit(fields, self._clock())
            found = await self._click_picture(hit, placements[0], cachebusters[0])
        return redirect(found, None) if found else text(404, "There is no ad behind this link, or it is too old.")


def too_many_clicks() -> Answer:
    """Over the rate limit. Somebody may look at this."""
    return text(
        429, "Too many requests come from this address just now. Try again in a moment.", [(b"retry-after", b"1")]
    )
