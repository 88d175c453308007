"""``GET /ad`` for an iframe and ``GET /ads`` for the publisher's tag."""

from collections.abc import Callable, Sequence
from functools import lru_cache

from adserver.model.decision import NoAd
from adserver.model.hit import Fields
from adserver.model.reason import NoAdReason
from adserver.service.render_ad import Ad, AdData
from adserver.service.serve_ad import MAX_PLACEMENTS, AdRequest, ServeAd
from adserver.web.context import Context
from adserver.web.handlers.explain import ExplainHandler
from adserver.web.responses import VARY, Answer, Documents, Headers, json, method_not_allowed, no_content

_LONGEST_ORIGIN = 300
"""Characters: a host has 253 at most."""

_OF_NOBODY = {NoAdReason.UNKNOWN_PLACEMENT, NoAdReason.STARTING}
"""Reasons given before it is known whose page may read the answer."""


class AdHandler:
    """One slot: an HTML document, or 204 with the reason."""

    def __init__(self, serve_ad: ServeAd, explain: ExplainHandler, clock: Callable[[], float]) -> None:
        self._serve_ad = serve_ad
        self._explain = explain
        self._clock = clock

    async def __call__(self, context: Context) -> Answer:
        """One ad; with ``explain=1`` and an API key, why it would be that one."""
        if context.method != "GET":
            return method_not_allowed()
        fields = context.fields()
        placements = placements_in(fields)
        if fields is None or len(placements) != 1:
            return no_content(self._serve_ad.refuse(NoAdReason.MALFORMED))
        if "explain" in fields:
            return await self._explain(context, fields, placements[0])
        request = AdRequest(context.hit(fields, self._clock()), placements, click=fields.get("click", ()))
        (answer,) = await self._serve_ad(request)
        if isinstance(answer, NoAd):
            return no_content(answer.reason)
        return _documents(answer.csp).answer(answer.html)


class AdsHandler:
    """All slots of a page: JSON with one entry per slot, readable by pages of the publisher only."""

    def __init__(self, serve_ad: ServeAd, clock: Callable[[], float]) -> None:
        self._serve_ad = serve_ad
        self._clock = clock

    async def __call__(self, context: Context) -> Answer:
        """Several ads."""
        if context.method != "GET":
            return method_not_allowed()
        fields = context.fields()
        placements = placements_in(fields)
        if fields is None or not placements:
            reason = self._serve_ad.refuse(NoAdReason.MALFORMED)
            return json({"ads": [], "reason": reason.label}, 400, [VARY])
        if len(placements) > MAX_PLACEMENTS:
            reason = self._serve_ad.refuse(NoAdReason.TOO_MANY_PLACEMENTS)
            return json({"ads": [], "reason": reason.label}, 400, [VARY])
        hit = context.hit(fields, self._clock())
        request = AdRequest(hit, placements, same_page=True, click=fields.get("click", ()))
        answers = await self._serve_ad(request)
        return json({"ads": [_entry(answer) for answer in answers]}, 200, for_pages(context, answers))


@lru_cache(256)
def _documents(csp: str) -> Documents:
    """Ads with this policy: all that have the same frame."""
    return Documents([VARY, (b"content-security-policy", f"{csp}; base-uri 'none'".encode())])


def placements_in(fields: Fields | None) -> Sequence[str]:
    """The ids asked for, in their order."""
    return fields.get("placement", ()) if fields else ()


def _entry(answer: Ad | NoAd) -> dict[str, str | int]:
    if isinstance(answer, NoAd):
        return {"placement": answer.placement, "reason": answer.reason.label}
    return {
        "placement": answer.placement,
        "width": answer.width,
        "height": answer.height,
        "html": answer.html.decode(),
    }


def for_pages(context: Context, answers: Sequence[Ad | AdData | NoAd]) -> Headers:
    """The exact Origin, and only for pages of the publisher: any other could read what a visitor looked at."""
    origin = context.head.headers.get(b"origin")
    reasons = [answer.reason if isinstance(answer, NoAd) else None for answer in answers]
    if origin is None or NoAdReason.FOREIGN_PAGE in reasons or _OF_NOBODY.issuperset(reasons):
        return [VARY]
    return [VARY, *_readable_from(origin)]


def no_ad_now(context: Context, reason: NoAdReason) -> Answer:
    """No ad for anybody, whoever asks: every page may read that, as it tells of no visitor. Without permission a page
    would see the network fail."""
    return _no_ad_now(reason, context.head.headers.get(b"origin", b""))


@lru_cache(256)
def _no_ad_now(reason: NoAdReason, origin: bytes) -> Answer:
    answer = no_content(reason)
    if not 0 < len(origin) <= _LONGEST_ORIGIN:
        return answer
    readable = [*_readable_from(origin), (b"access-control-expose-headers", b"X-Adserver-Reason")]
    return Answer(answer.status, [*answer.headers, *readable])


def _readable_from(origin: bytes) -> Headers:
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"cross-origin-resource-policy", b"cross-origin"),
    ]
