"""``/preview`` and what stands in its frames. Everything is read by GET, and nothing is counted."""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Awaitable, Callable

from adserver.model.access import Scope, ScopeKind
from adserver.model.hit import Fields, Hit
from adserver.service.access import CheckKey
from adserver.service.preview import (
    PREVIEW_CSP,
    SAMPLE_PICTURES,
    Preview,
    Previewed,
    about_page,
    refused_page,
    sheet_url,
)
from adserver.service.preview_content import RefusedPreviewError
from adserver.web.context import Context
from adserver.web.responses import (
    CROSS_ORIGIN,
    GIF,
    NO_STORE,
    NOSNIFF,
    Answer,
    Headers,
    method_not_allowed,
    redirect,
    text,
)

_CHALLENGES: Headers = [
    (b"www-authenticate", b'Basic realm="adserver preview", charset="UTF-8"'),
    (b"www-authenticate", b"Bearer"),
]
_PRIVATE: Headers = [
    NO_STORE,
    NOSNIFF,
    (b"vary", b"Authorization, Cookie"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex, nofollow"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_NOT_FRAMED = (b"x-frame-options", b"DENY")
_OWN_FRAME = (b"x-frame-options", b"SAMEORIGIN")
_LASTING: Headers = [(b"cache-control", b"public, max-age=3600"), NOSNIFF, CROSS_ORIGIN]
_EVERYTHING = Scope(ScopeKind.OPERATOR)

_Look = Callable[[Fields | None, Scope, Hit], Awaitable[Previewed]]


class PreviewHandler:
    """``is_open``: nobody needs a key, and everybody may look at everything."""

    def __init__(self, preview: Preview, keys: CheckKey, clock: Callable[[], float], *, is_open: bool) -> None:
        self._preview = preview
        self._keys = keys
        self._clock = clock
        self._is_open = is_open

    async def sheet(self, context: Context) -> Answer:
        """The contact sheet; first to a shorter address, where a form has sent what was not filled in."""
        fields = context.fields() or {}
        if context.method == "GET" and any("" in values for values in fields.values()):
            return redirect(sheet_url(fields), None)
        return await self._answer(context, self._preview.sheet, _NOT_FRAMED)

    async def ad(self, context: Context) -> Answer:
        """One banner, for a frame of the sheet."""
        return await self._answer(context, self._preview.banner, _OWN_FRAME)

    async def about(self, context: Context) -> Answer:
        """Where the links of a banner's corner lead here."""
        if context.method != "GET":
            return method_not_allowed()
        return _page(Previewed(about_page(), PREVIEW_CSP), 200, _NOT_FRAMED)

    async def seen(self, context: Context) -> Answer:
        """The pixel of banners that nobody sees: constant, and counted nowhere."""
        if context.method != "GET":
            return method_not_allowed()
        return Answer(200, [(b"content-type", b"image/gif"), (b"content-length", b"43"), *_LASTING], GIF)

    async def picture(self, context: Context) -> Answer:
        """A drawing in the place of a product's picture."""
        if context.method != "GET":
            return method_not_allowed()
        drawing = SAMPLE_PICTURES.get(context.path.rpartition("/")[2].removesuffix(".svg"))
        if drawing is None:
            return text(404, "There is no such drawing.")
        length = str(len(drawing)).encode()
        policy = (b"content-security-policy", b"default-src 'none'; sandbox; frame-ancestors 'none'")
        return Answer(
            200, [(b"content-type", b"image/svg+xml"), (b"content-length", length), policy, *_LASTING], drawing
        )

    async def _answer(self, context: Context, look: _Look, framed: tuple[bytes, bytes]) -> Answer:
        if context.method != "GET":
            return method_not_allowed()
        scope = _EVERYTHING if self._is_open else self._keys.scope(_secret(context.head.text(b"authorization")))
        if scope is None:
            return _refused(_NO_KEY, framed, _CHALLENGES)
        fields = context.fields()
        try:
            return _page(await look(fields, scope, context.hit(fields or {}, self._clock())), 200, framed)
        except RefusedPreviewError as refused:
            return _refused(refused, framed)


_NO_KEY = RefusedPreviewError(
    401,
    "An API key is needed",
    "Give one as the password; the user name does not matter. Programs send it as Authorization: Bearer ak_...",
    "adserver key create operator makes one that opens everything.",
)


def _secret(authorization: str) -> str:
    """The key in a header; empty where there is none."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(value.strip(), validate=True).decode().partition(":")[2]
    except (Base64Error, ValueError):
        return ""


def _refused(refused: RefusedPreviewError, framed: tuple[bytes, bytes], extra: Headers | None = None) -> Answer:
    return _page(Previewed(refused_page(refused), PREVIEW_CSP), refused.status, framed, extra)


def _page(page: Previewed, status: int, framed: tuple[bytes, bytes], extra: Headers | None = None) -> Answer:
    headers: Headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(page.html)).encode()),
        (b"content-security-policy", page.csp.encode()),
        framed,
        *_PRIVATE,
        *(extra or []),
    ]
    return Answer(status, headers, page.html)
