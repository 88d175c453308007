"""``GET /ad?placement=...&explain=1`` with an API key: what would be shown, and of every line item why or why not."""

from collections.abc import Callable

from adserver.model.access import Scope, ScopeKind
from adserver.model.hit import Fields
from adserver.service.access import CheckKey
from adserver.service.explain_ad import ExplainAd
from adserver.service.explanation import NotExplained, explanation_json
from adserver.service.live import Live
from adserver.web.context import Context
from adserver.web.problems import BAD_KEY, CHALLENGE, problem
from adserver.web.responses import Answer, json

_STATUS = {NotExplained.UNKNOWN_PLACEMENT: 404, NotExplained.UNAVAILABLE: 503}


class ExplainHandler:
    """An operator may ask for anybody, by ``visitor=``; a publisher for whoever asks, in placements of its own."""

    def __init__(self, explain_ad: ExplainAd, keys: CheckKey, live: Live, clock: Callable[[], float]) -> None:
        self._explain_ad = explain_ad
        self._keys = keys
        self._live = live
        self._clock = clock

    async def __call__(self, context: Context, fields: Fields, placement: str) -> Answer:
        """JSON: the explanation, or a problem (RFC 9457)."""
        scheme, _, secret = context.head.text(b"authorization").partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            return problem(401, "An explanation needs an API key. Send one as: Authorization: Bearer ak_...", CHALLENGE)
        scope = self._keys.scope(secret.strip())
        if scope is None:
            return problem(401, "This key is not known, or was revoked.", BAD_KEY)
        if not self._opens(scope, placement):
            return problem(403, "A key of this placement's publisher is needed, or an operator's.")
        visitor = fields.get("visitor", ("",))[0]
        if visitor and scope.kind is not ScopeKind.OPERATOR:
            return problem(403, "Only an operator's key may name a visitor.")
        found = await self._explain_ad(placement, context.hit(fields, self._clock()), visitor)
        if isinstance(found, NotExplained):
            return problem(_STATUS[found], f"{found.value[0].upper()}{found.value[1:]}.")
        return json(explanation_json(found))

    def _opens(self, scope: Scope, placement: str) -> bool:
        entry = self._live.index.placements.get(placement)
        return scope.covers(ScopeKind.PUBLISHER, entry.placement.publisher if entry else "")
