"""Which path leads to which handler."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Lifespan, Receive, Scope, Send

from adserver.model.reason import EventReason
from adserver.web.door import AsgiDoor, Door, Handler, Shedding
from adserver.web.handlers.preview import PreviewHandler
from adserver.web.responses import Answer, gif, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Handlers:
    """All handlers, wired."""

    pixel: Handler
    ad: Handler
    ads: Handler
    ad_json: Handler
    ad_png: Handler
    ad_webp: Handler
    ad_jpg: Handler
    ad_click: Handler
    impression: Handler
    click: Handler
    why: Handler
    media: Handler
    tag: Handler
    slot: Handler
    privacy: Handler
    opt_out: Handler
    healthz: Handler
    readyz: Handler
    metrics: Handler
    product: Handler
    preview: PreviewHandler


def create_doors(
    handlers: Handlers, *, pixels: Shedding | None = None, ads: Shedding | None = None, access_log: bool = False
) -> dict[str, Door]:
    """The public contract, version 1: a door for each path; ``{token}`` stands for one segment.

    ``pixels`` and ``ads``: how these behave under overload.
    """
    broken = gif(EventReason.INTERNAL)
    table: list[tuple[str, Handler, Answer | None, Shedding | None]] = [
        ("/pixel.gif", handlers.pixel, broken, pixels),
        ("/ads", handlers.ads, None, ads),
        ("/ad", handlers.ad, None, ads),
        ("/ad.json", handlers.ad_json, None, ads),
        ("/ad.png", handlers.ad_png, None, ads),
        ("/ad.webp", handlers.ad_webp, None, ads),
        ("/ad.jpg", handlers.ad_jpg, None, ads),
        ("/ad/click", handlers.ad_click, None, None),
        ("/i/{token}", handlers.impression, broken, None),
        ("/c/{token}", handlers.click, None, None),
        ("/why/{token}", handlers.why, None, None),
        ("/media/{signed}", handlers.media, None, None),
        ("/tag.js", handlers.tag, None, None),
        ("/slot.js", handlers.slot, None, None),
        ("/privacy", handlers.privacy, None, None),
        ("/privacy/opt-out", handlers.opt_out, None, None),
        ("/healthz", handlers.healthz, None, None),
        ("/readyz", handlers.readyz, None, None),
        ("/metrics", handlers.metrics, None, None),
        ("/api/v1/advertisers/{advertiser}/products/{product:path}", handlers.product, None, None),
        ("/preview", handlers.preview.sheet, None, None),
        ("/preview/ad", handlers.preview.ad, None, None),
        ("/preview/about", handlers.preview.about, None, None),
        ("/preview/seen.gif", handlers.preview.seen, None, None),
        ("/preview/pictures/{name}", handlers.preview.picture, None, None),
    ]
    return {
        path: Door(handler, path.partition("{")[0], access_log=access_log, fallback=fallback, shedding=shedding)
        for path, handler, fallback, shedding in table
    }


def create_application(doors: Mapping[str, Door], lifespan: Lifespan[Starlette], *, https_outside: bool) -> Starlette:
    """The plain door. Paths match exactly: a redirect to the other spelling would echo the Host header."""
    routes = [Route(path, AsgiDoor(door, https_outside=https_outside)) for path, door in doors.items()]
    application = Starlette(routes=routes, lifespan=lifespan)
    application.router.redirect_slashes = False
    application.router.default = _not_found
    return application


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        await send({"type": "websocket.close", "code": 1000})
        return
    answer = text(404, "Not found")
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})
