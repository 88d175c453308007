"""``/why/<token>``: why this ad, for the person who saw it, and what of it that person does not want to see again."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from adserver.service.hide_product import HideProduct, Hiding
from adserver.service.why_ad import ExplainToVisitor
from adserver.web.body import BodyRefused, read_body
from adserver.web.context import Context
from adserver.web.languages import preferred, written_in
from adserver.web.query import parse_query
from adserver.web.responses import NO_STORE, NOSNIFF, Answer, Headers, html, method_not_allowed, text
from adserver.web.same_origin import SameOrigin

MAX_BODY_BYTES = 4_096

_PREFIX = len("/why/")
_FORM = "application/x-www-form-urlencoded"
_BACK = {Hiding.DONE, Hiding.NOT_KNOWN}
"""The page itself tells what is hidden, or that nothing can be."""

_STATUS = {Hiding.NO_AD: 404, Hiding.NOT_IN_IT: 422, Hiding.NOT_NOW: 503}


class VisitorPages(NamedTuple):
    """What a visitor is told without a page of its own: language -> key -> words. The languages in order, the first for
    everybody else; ``policy``: the Content-Security-Policy of the page."""

    words: Mapping[str, Mapping[str, str]]
    policy: str


class WhyHandler:
    """``GET`` is the page; ``POST`` with ``hide`` or ``show`` and the id of a product in the ad hides it, or not any
    more, and leads back to the page."""

    def __init__(
        self,
        explain: ExplainToVisitor,
        hide: HideProduct,
        pages: VisitorPages,
        is_same_origin: SameOrigin,
        clock: Callable[[], float],
    ) -> None:
        self._explain = explain
        self._hide = hide
        self._is_same_origin = is_same_origin
        self._words = pages.words
        self._languages = tuple(pages.words)
        self._policy: Headers = [
            (b"content-security-policy", pages.policy.encode()),
            (b"referrer-policy", b"same-origin"),
        ]
        self._clock = clock

    async def __call__(self, context: Context) -> Answer:
        """The page, or the way back to it; nothing is counted."""
        language = preferred(context.head.text(b"accept-language"), self._languages)
        if context.method == "POST":
            return await self._post(context, language)
        if context.method != "GET":
            return method_not_allowed(b"GET, POST")
        hit = context.hit(context.fields() or {}, self._clock())
        page = await self._explain(context.path[_PREFIX:], hit, language)
        return html(page, [*self._policy, *written_in(language)]) if page else self._say(404, "too_old", language)

    async def _post(self, context: Context, language: str) -> Answer:
        if not self._is_same_origin(context):
            return self._say(403, "not_ours", language)
        try:
            field, product = await _wish(context)
        except BodyRefused as refused:
            return text(refused.status, refused.why)
        token, hit = context.path[_PREFIX:], context.hit(context.fields() or {}, self._clock())
        done = await self._hide(token, product, hit, hide=field == "hide")
        if done in _BACK:
            location = token.encode() + b"#hide"
            return Answer(303, [(b"location", location), (b"content-length", b"0"), NO_STORE, NOSNIFF])
        return self._say(_STATUS[done], "too_old" if done is Hiding.NO_AD else done.value, language)

    def _say(self, status: int, key: str, language: str) -> Answer:
        return text(status, self._words[language][key], written_in(language))


async def _wish(context: Context) -> tuple[str, str]:
    """``hide`` or ``show``, and the id of the product. Raises BodyRefused."""
    if context.head.text(b"content-type").partition(";")[0].strip().lower() != _FORM:
        raise BodyRefused(415, f"Send a form: {_FORM}.")
    fields = parse_query(await read_body(context, MAX_BODY_BYTES)) or {}
    found = [(name, value) for name in ("hide", "show") for value in fields.get(name, ())]
    if len(found) != 1:
        raise BodyRefused(422, "The form has to name one product, as hide or as show.")
    return found[0]
