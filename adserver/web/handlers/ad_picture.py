"""``GET /ad.png``, ``/ad.webp`` and ``/ad.jpg``: the decision as a picture, for mail and slots without JavaScript."""

import re
from collections.abc import Callable

from adserver.model.reason import NoAdReason
from adserver.service.ad_picture import Kind, PictureRequest, ServePicture
from adserver.web.context import Context
from adserver.web.responses import (
    CROSS_ORIGIN,
    NO_STORE,
    NOSNIFF,
    VARY,
    Answer,
    method_not_allowed,
    no_content,
    reason_header,
    text,
)

CACHEBUSTER = re.compile(r"[\w.~:@/+=,-]{1,128}")
"""What a mailing tool or an ad server may put in; a macro that nobody replaced is none."""

_DENSITIES = {(): 1, ("1",): 1, ("2",): 2}


class AdPictureHandler:
    """One kind of picture."""

    def __init__(self, serve_picture: ServePicture, kind: Kind, clock: Callable[[], float]) -> None:
        self._serve_picture = serve_picture
        self._kind = kind
        self._clock = clock

    async def __call__(self, context: Context) -> Answer:
        """A redirect to the picture, which never changes; or 204 with the reason."""
        if context.method != "GET":
            return method_not_allowed()
        fields = context.fields() or {}
        placements, cachebusters = fields.get("placement", ()), fields.get("cb", ())
        density = _DENSITIES.get(tuple(fields.get("density", ())))
        if len(placements) != 1 or len(cachebusters) != 1 or density is None:
            return no_content(self._serve_picture.refuse(NoAdReason.MALFORMED))
        if not CACHEBUSTER.fullmatch(cachebusters[0]):
            return no_content(self._serve_picture.refuse(NoAdReason.MALFORMED))
        hit = context.hit(fields, self._clock())
        pictured = await self._serve_picture(
            PictureRequest(hit, placements[0], cachebusters[0], self._kind, density, context.head.cross_site)
        )
        if isinstance(pictured, NoAdReason):
            return no_content(pictured)
        if pictured is None:
            return text(503, "This picture can not be drawn at the moment.", [(b"retry-after", b"5"), VARY])
        shared = [NO_STORE, NOSNIFF, VARY, CROSS_ORIGIN, *reason_header(pictured.reason)]
        if pictured.body:
            kind = f"image/{self._kind}".encode()
            length = str(len(pictured.body)).encode()
            return Answer(200, [(b"content-type", kind), (b"content-length", length), *shared], pictured.body)
        return Answer(302, [(b"location", pictured.url.encode()), (b"content-length", b"0"), *shared])
