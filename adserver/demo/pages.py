"""What the demo's sites share: escaped templates, uncached pages, their style sheets and pictures."""

from collections.abc import Callable, Mapping
from functools import partial
from importlib.resources import files

from babel.numbers import format_currency
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from adserver.demo.products import CURRENCY, LOCALE

_PICTURE_HEADERS = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}

_templates = Environment(
    loader=PackageLoader("adserver.demo"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_templates.filters["money"] = partial(format_currency, currency=CURRENCY, locale=LOCALE)


def page(template: str, values: Mapping[str, object], *, status: int = 200) -> HTMLResponse:
    """A page that no browser keeps; every value is escaped by its template."""
    html = _templates.get_template(template).render(values)
    return HTMLResponse(html, status, {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})


def asset(name: str) -> Route:
    """A style sheet or script out of ``static/``."""
    text = files("adserver.demo").joinpath("static", name).read_text(encoding="utf-8")
    media_type = "text/css" if name.endswith(".css") else "text/javascript"

    async def serve(_: Request) -> Response:
        return Response(text, headers={"Cache-Control": "no-store"}, media_type=media_type)

    return Route(f"/{name}", serve)


def pictures(path: str, draw: Callable[[str], bytes]) -> Route:
    """``{name}.webp`` under ``path``; drawn in a thread, so that a first look holds up nobody else."""

    async def serve(request: Request) -> Response:
        try:
            picture = await run_in_threadpool(draw, request.path_params["name"])
        except KeyError:
            return Response("There is no such picture.", 404, media_type="text/plain")
        return Response(picture, headers=_PICTURE_HEADERS, media_type="image/webp")

    return Route(path + "/{name}.webp", serve)
