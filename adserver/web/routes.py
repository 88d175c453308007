"""Which path leads to which handler."""

from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Lifespan, Receive, Scope, Send

from adserver.model.reason import EventReason
from adserver.web.door import AsgiDoor, Handler
from adserver.web.responses import Answer, gif, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Handlers:
    """All handlers, wired."""

    pixel: Handler
    ad: Handler
    ads: Handler
    impression: Handler
    click: Handler
    tag: Handler
    slot: Handler
    privacy: Handler
    opt_out: Handler
    healthz: Handler
    readyz: Handler
    metrics: Handler


def create_routes(handlers: Handlers, *, https_outside: bool, access_log: bool = False) -> list[Route]:
    """The routes of the public contract, version 1."""

    def route(path: str, handler: Handler, fallback: Answer | None = None) -> Route:
        name = path.partition("{")[0]
        door = AsgiDoor(handler, name, https_outside=https_outside, access_log=access_log, fallback=fallback)
        return Route(path, door)

    broken = gif(EventReason.INTERNAL)
    return [
        route("/pixel.gif", handlers.pixel, broken),
        route("/ads", handlers.ads),
        route("/ad", handlers.ad),
        route("/i/{token}", handlers.impression, broken),
        route("/c/{token}", handlers.click),
        route("/tag.js", handlers.tag),
        route("/slot.js", handlers.slot),
        route("/privacy", handlers.privacy),
        route("/privacy/opt-out", handlers.opt_out),
        route("/healthz", handlers.healthz),
        route("/readyz", handlers.readyz),
        route("/metrics", handlers.metrics),
    ]


def create_application(routes: list[Route], lifespan: Lifespan[Starlette]) -> Starlette:
    """The plain door. Paths match exactly: a redirect to the other spelling would echo the Host header."""
    application = Starlette(routes=list(routes), lifespan=lifespan)
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
