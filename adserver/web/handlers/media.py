"""``GET /media/<signed>``."""

import re
from collections.abc import Callable

from adserver.service.show_picture import YEAR_S, Shown, ShowPicture
from adserver.web.context import Context
from adserver.web.responses import CROSS_ORIGIN, NOSNIFF, Answer, Headers, method_not_allowed, text

_PREFIX = len("/media/")
_POLICY = (b"content-security-policy", b"default-src 'none'; sandbox; frame-ancestors 'none'")
_REFUSED = re.compile(r";\s*q=0(?:\.0*)?\s*(?:;|$)")


class MediaHandler:
    """A picture of a product, or what stands for it."""

    def __init__(self, show_picture: ShowPicture, clock: Callable[[], float]) -> None:
        self._show_picture = show_picture
        self._clock = clock

    async def __call__(self, context: Context) -> Answer:
        """The picture, or 304."""
        if context.method not in ("GET", "HEAD"):
            return method_not_allowed(b"GET, HEAD")
        webp = takes_webp(context.header(b"accept"))
        shown = await self._show_picture(context.path[_PREFIX:], webp=webp, now=self._clock())
        if shown is None:
            return text(404, "This picture's address is not one of ours, or too old.")
        headers = _headers(shown)
        if _is_known(context.header(b"if-none-match"), shown.etag):
            return Answer(304, headers)
        headers += [
            (b"content-type", shown.media_type.encode()),
            (b"content-length", str(len(shown.body)).encode()),
        ]
        return Answer(200, headers, shown.body if context.method == "GET" else b"")


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
