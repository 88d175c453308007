"""``GET`` and ``PATCH /api/v1/advertisers/{id}/products/{product}``: one product, looked at or changed at once."""

from collections.abc import Callable, Mapping

from adserver.model.account import Advertiser
from adserver.service.change_product import ChangeProduct, Fields, Flaws, Refusal
from adserver.web.body import BodyRefused, read_body, read_json
from adserver.web.context import Context
from adserver.web.problems import BAD_KEY, CHALLENGE, problem
from adserver.web.responses import Answer, Headers, json

MAX_BODY_BYTES = 65_536

_PATCHES = {"application/merge-patch+json", "application/json"}
_ACCEPTED: Headers = [(b"accept-patch", b"application/merge-patch+json, application/json")]
_LATER: Headers = [(b"retry-after", b"1")]

_REFUSALS: Mapping[Refusal, tuple[int, str, Headers]] = {
    Refusal.UNKNOWN_KEY: (401, "This key is not known, or was revoked.", BAD_KEY),
    Refusal.FOREIGN_ADVERTISER: (403, "A key of this advertiser is needed, or an operator's.", []),
    Refusal.UNKNOWN_ADVERTISER: (404, "There is no such advertiser.", []),
    Refusal.UNKNOWN_PRODUCT: (404, "The advertiser's catalog has no product with this id.", []),
    Refusal.UNAVAILABLE: (503, "Nothing was changed, as far as is known. Try again in a moment.", _LATER),
}


class ProductHandler:
    """Answers JSON: the product, or why not (RFC 9457)."""

    def __init__(self, change_product: ChangeProduct, clock: Callable[[], float]) -> None:
        self._change_product = change_product
        self._clock = clock

    async def __call__(self, context: Context) -> Answer:
        """One product."""
        if context.method not in {"GET", "PATCH"}:
            return problem(405, "A product is read by GET and changed by PATCH.", [(b"allow", b"GET, PATCH")])
        scheme, _, secret = context.head.text(b"authorization").partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            return problem(401, "Send one as: Authorization: Bearer ak_...", CHALLENGE)
        advertiser_id, _, product_id = context.path.partition("/advertisers/")[2].partition("/products/")
        advertiser = self._change_product.advertiser(secret.strip(), advertiser_id)
        if isinstance(advertiser, Refusal):
            return _answer(advertiser)
        if context.method == "GET":
            return _answer(await self._change_product.look(advertiser, product_id))
        try:
            return await self._patch(context, advertiser, product_id)
        except BodyRefused as refused:
            return problem(refused.status, refused.why)

    async def _patch(self, context: Context, advertiser: Advertiser, product_id: str) -> Answer:
        media_type = context.head.text(b"content-type").partition(";")[0].strip().lower()
        if media_type not in _PATCHES:
            return problem(415, "Send it as application/merge-patch+json (RFC 7396) or application/json.", _ACCEPTED)
        patch = read_json(await read_body(context, MAX_BODY_BYTES))
        if not isinstance(patch, dict):
            return problem(422, 'The body is no JSON object, such as {"availability": "out_of_stock"}.')
        return _answer(await self._change_product(advertiser, product_id, patch, int(self._clock())))


def too_many_calls() -> Answer:
    """Over the rate limit."""
    return problem(429, "This address sends more than the server's rate limit.", _LATER)


def _answer(outcome: Fields | Refusal | Flaws) -> Answer:
    if isinstance(outcome, Refusal):
        return problem(*_REFUSALS[outcome])
    if isinstance(outcome, Mapping):
        return json(outcome)
    return problem(422, "Nothing was changed.", errors=outcome)
