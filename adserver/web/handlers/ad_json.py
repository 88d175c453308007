"""``GET /ad.json``: the decision as data, for slots that draw the ad themselves."""

from collections.abc import Callable

from adserver.model.decision import NoAd
from adserver.model.reason import NoAdReason
from adserver.service.ad_data import as_json
from adserver.service.serve_ad import AdRequest, ServeAd
from adserver.web.context import Context
from adserver.web.handlers.ads import for_pages, placements_in
from adserver.web.responses import VARY, Answer, json, method_not_allowed


class AdJsonHandler:
    """One slot, readable by pages of the publisher only. It counts as seen when its ``impression_url`` is fetched."""

    def __init__(self, serve_ad: ServeAd, clock: Callable[[], float]) -> None:
        self._serve_ad = serve_ad
        self._clock = clock

    async def __call__(self, context: Context) -> Answer:
        """The ad, or the reason why there is none."""
        if context.method != "GET":
            return method_not_allowed()
        fields = context.fields()
        placements = placements_in(fields)
        if fields is None or len(placements) != 1:
            return json({"reason": self._serve_ad.refuse(NoAdReason.MALFORMED).label}, 400, [VARY])
        hit = context.hit(fields, self._clock())
        answers = await self._serve_ad.data(AdRequest(hit, placements, same_page=True, click=fields.get("click", ())))
        (answer,) = answers
        headers = for_pages(context, answers)
        if isinstance(answer, NoAd):
            return json({"placement": answer.placement, "reason": answer.reason.label}, 200, headers)
        return json(as_json(answer), 200, headers)
