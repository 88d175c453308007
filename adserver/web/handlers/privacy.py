"""``/privacy`` and ``POST /privacy/opt-out``: the visitor's side."""

from collections.abc import Mapping

from adserver.web.context import Context
from adserver.web.cookies import CookieHeaders
from adserver.web.languages import preferred, written_in
from adserver.web.responses import Answer, Headers, html, method_not_allowed, text
from adserver.web.same_origin import SameOrigin


class PrivacyHandler:
    """What is stored, and the way out of it: whole documents by language, the first one for everybody else; ``refusal``
    by language for who comes from elsewhere; ``policy`` is the Content-Security-Policy of all of them."""

    def __init__(
        self,
        cookies: CookieHeaders,
        is_same_origin: SameOrigin,
        *,
        pages: Mapping[str, bytes],
        done: Mapping[str, bytes],
        refusal: Mapping[str, str],
        policy: str,
    ) -> None:
        self._cookies = cookies
        self._is_same_origin = is_same_origin
        self._pages = pages
        self._done = done
        self._refusal = refusal
        self._languages = tuple(pages)
        self._headers: Headers = [
            (b"content-security-policy", policy.encode()),
            (b"referrer-policy", b"same-origin"),
        ]

    async def page(self, context: Context) -> Answer:
        """The page with the button."""
        if context.method != "GET":
            return method_not_allowed()
        language = self._language(context)
        return html(self._pages[language], [*self._headers, *written_in(language)])

    async def opt_out(self, context: Context) -> Answer:
        """Set the opt-out cookie; whoever has it is written nothing about, from this answer on."""
        if context.method != "POST":
            return method_not_allowed(b"POST")
        language = self._language(context)
        if not self._is_same_origin(context):
            return text(403, self._refusal[language], written_in(language))
        cookies = self._cookies.opt_out(secure=context.secure)
        return html(self._done[language], [*self._headers, *written_in(language), *cookies])

    def _language(self, context: Context) -> str:
        return preferred(context.head.text(b"accept-language"), self._languages)
