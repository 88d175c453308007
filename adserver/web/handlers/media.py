"""``GET /media/<signed>``, and the fonts of banners beside it."""

import re
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from adserver.service.show_picture import YEAR_S, Shown, ShowPicture
from adserver.web.context import Context
from adserver.web.responses import CROSS_ORIGIN, NOSNIFF, Answer, Headers, method_not_allowed, text

_PREFIX = len("/media/")
_POLICY = (b"content-security-policy", b"default-src 'none'; sandbox; frame-ancestors 'none'")
_REFUSED = re.compile(r";\s*q=0(?:\.0*)?\s*(?:;|$)")


_NO_FONTS: Mapping[str, bytes] = MappingProxyType({})


class MediaHandler:
    """A picture of a product, or what stands for it; or of a whole ad, see ``DrawAd.shown``. ``fonts`` by name, which
    changes with the content, as woff2."""

    def __init__(
        self,
        show_picture: ShowPicture,
        ad_picture: Callable[[str], Awaitable[Shown | None]],
        clock: Callable[[], float],
        fonts: Mapping[str, bytes] = _NO_FONTS,
    ) -> None:
        self._fonts = fonts
        self._show_picture = show_picture
        self._ad_picture = ad_picture
        self._clock = clock

    async def __call__(self, context: Context) -> Answer:
        """The picture, or 304."""
        if context.method not in ("GET", "HEAD"):
            return method_not_allowed(b"GET, HEAD")
        webp = takes_webp(context.head.text(b"accept"))
        name = context.path[_PREFIX:]
        if name in self._fonts:
            return self._font(context, name)
        shown = await self._ad_picture(name) or await self._show_picture(name, webp=webp, now=self._clock())
        if shown is None:
            return text(404, "This picture's address is not one of ours, or too old.")
        headers = _headers(shown)
        if _is_known(context.head.text(b"if-none-match"), shown.etag):
            return Answer(304, headers)
        headers += [
            (b"content-type", shown.media_type.encode()),
            (b"content-length", str(len(shown.body)).encode()),
        ]
        return Answer(200, headers, shown.body if context.method == "GET" else b"")

    def _font(self, context: Context, name: str) -> Answer:
        """Browsers ask for fonts as for data of another site, without cookies, and a frame without an origin of its own
        is told yes only by a star."""
        body = self._fonts[name]
        tag = name.rsplit(".", 2)[1]
        headers: Headers = [
            (b"cache-control", f"public, max-age={YEAR_S}, immutable".encode()),
            (b"etag", f'"{tag}"'.encode()),
            (b"access-control-allow-origin", b"*"),
            NOSNIFF,
            CROSS_ORIGIN,
            _POLICY,
        ]
        if _is_known(context.head.text(b"if-none-match"), tag):
            return Answer(304, headers)
        headers += [(b"content-type", b"font/woff2"), (b"content-length", str(len(body)).encode())]
        return Answer(200, headers, body if context.method == "GET" else b"")


def takes_webp(accept: str) -> bool:
    """Whether the client names WebP itself: ``*/*`` is also what those say that do not know it."""
    ranges = accept.lower().split(",")
    return any(part.partition(";")[0].strip() == "image/webp" and not _REFUSED.search(part) for part in ranges)


def _headers(shown: Shown) -> Headers:
    lasting = ", immutable" if shown.max_age == YEAR_S else ""
    return [
        (b"cache-control", f"public, max-age={shown.max_age}{lasting}".encode()),
        (b"etag", f'"{shown.etag}"'.encode()),
        (b"vary", b"Accept"),
        (b"x-adserver-picture", shown.outcome.value.encode()),
        NOSNIFF,
        CROSS_ORIGIN,
        _POLICY,
    ]


def _is_known(if_none_match: str, etag: str) -> bool:
    """Weakly compared, as RFC 9110 section 13.1.2 wants it."""
    known = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return f'"{etag}"' in known or "*" in known
