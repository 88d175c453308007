"""``/privacy`` and ``POST /privacy/opt-out``: the visitor's side."""

from adserver.web.context import Context
from adserver.web.cookies import CookieHeaders
from adserver.web.responses import Answer, Headers, html, method_not_allowed, text

_POLICY: Headers = [
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'sha256-{}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"referrer-policy", b"same-origin"),
]


class PrivacyHandler:
    """What is stored, and the way out of it: two whole documents and the hash of the style they share."""

    def __init__(self, cookies: CookieHeaders, *, page: bytes, done: bytes, style: str) -> None:
        self._cookies = cookies
        self._page = page
        self._done = done
        name, policy = _POLICY[0]
        self._headers: Headers = [(name, policy.replace(b"{}", style.encode())), _POLICY[1]]

    async def page(self, context: Context) -> Answer:
        """The page with the button."""
        return html(self._page, self._headers) if context.method == "GET" else method_not_allowed()

    async def opt_out(self, context: Context) -> Answer:
        """Set the opt-out cookie; whoever has it is written nothing about, from this answer on."""
        if context.method != "POST":
            return method_not_allowed(b"POST")
        if context.headers.get(b"sec-fetch-site", b"same-origin") not in (b"same-origin", b"none"):
            return text(403, "Open this server's own privacy page and press the button there.")
        return html(self._done, [*self._headers, *self._cookies.opt_out(secure=context.secure)])
