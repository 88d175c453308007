"""``GET`` and ``PATCH /api/v1/advertisers/{id}/products/{product}``: one product, looked at or changed at once."""

import time
from collections.abc import Mapping, Sequence

from adserver.model.account import Advertiser
from adserver.service.change_product import ChangeProduct, Fields, Flaws, Refusal
from adserver.web.body import BodyRefused, read_body, read_json
from adserver.web.context import Context
from adserver.web.responses import Answer, Headers, json

MAX_BODY_BYTES = 65_536

_PATCHES = {"application/merge-patch+json", "application/json"}
_ACCEPTED: Headers = [(b"accept-patch", b"application/merge-patch+json, application/json")]
_CHALLENGE: Headers = [(b"www-authenticate", b"Bearer")]
_BAD_KEY: Headers = [(b"www-authenticate", b'Bearer error="invalid_token"')]
_LATER: Headers = [(b"retry-after", b"1")]

_TITLES = {
    400: "The body can not be read",
    401: "An API key is needed",
    403: "This key opens another account",
    404: "Not found",
    405: "Method not allowed",
    408: "The body came too late",
    413: "The body is too long",
    415: "The body is of another type",
    422: "The product can not be changed like that",
    429: "Too many requests",
    503: "Not available at the moment",
}
_REFUSALS: Mapping[Refusal, tuple[int, str, Headers]] = {
    Refusal.UNKNOWN_KEY: (401, "This key is not known, or was revoked.", _BAD_KEY),
    Refusal.FOREIGN_ADVERTISER: (403, "A key of this advertiser is needed, or an operator's.", []),
    Refusal.UNKNOWN_ADVERTISER: (404, "There is no such advertiser.", []),
    Refusal.UNKNOWN_PRODUCT: (404, "The advertiser's catalog has no product with this id.", []),
    Refusal.UNAVAILABLE: (503, "Nothing was changed, as far as is known. Try again in a moment.", _LATER),
}


class ProductHandler:
    """Answers JSON: the product, or why not (RFC 9457)."""

    def __init__(self, change_product: ChangeProduct) -> None:
        self._change_product = change_product

    async def __call__(self, context: Context) -> Answer:
        """One product."""
        if context.method not in {"GET", "PATCH"}:
            return problem(405, "A product is read by GET and changed by PATCH.", [(b"allow", b"GET, PATCH")])
        scheme, _, secret = context.header(b"authorization").partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            return problem(401, "Send one as: Authorization: Bearer ak_...", _CHALLENGE)
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
        media_type = context.header(b"content-type").partition(";")[0].strip().lower()
        if media_type not in _PATCHES:
            return problem(415, "Send it as application/merge-patch+json (RFC 7396) or application/json.", _ACCEPTED)
        patch = read_json(await read_body(context, MAX_BODY_BYTES))
        if not isinstance(patch, dict):
            return problem(422, 'The body is no JSON object, such as {"availability": "out_of_stock"}.')
        return _answer(await self._change_product(advertiser, product_id, patch, int(time.time())))


def problem(status: int, detail: str, extra: Headers | None = None, errors: Sequence[object] = ()) -> Answer:
    """Problem details (RFC 9457)."""
    told: dict[str, object] = {"title": _TITLES[status], "status": status, "detail": detail}
    if errors:
        told["errors"] = errors
    return json(told, status, extra, b"application/problem+json")


def too_many_calls() -> Answer:
    """Over the rate limit."""
    return problem(429, "This address sends more than the server's rate limit.", _LATER)


def _answer(outcome: Fields | Refusal | Flaws) -> Answer:
    if isinstance(outcome, Refusal):
        return problem(*_REFUSALS[outcome])
    if isinstance(outcome, Mapping):
        return json(outcome)
    return problem(422, "Nothing was changed.", errors=outcome)
