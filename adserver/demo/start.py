"""The start page: what to try, in which order, and on which hosts."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adserver.demo.pages import asset, page, pictures
from adserver.demo.pictures import picture
from adserver.demo.products import BY_ID, SHOP_NAME
from adserver.demo.world import APART, NEWS_NAME, TOGETHER

START_PATHS = ("/", "/start.css", "/start.js")
"""The start page's own paths; ``/img/`` is the other one. The rest of its hosts belongs to the ad server."""


def start_site(port: int, report_command: str) -> Starlette:
    """The start page; ``report_command`` is the command line that prints this demo's report."""
    values: dict[str, object] = {
        "port": port,
        "apart": APART,
        "together": TOGETHER,
        "shop": SHOP_NAME,
        "paper": NEWS_NAME,
        "tempting": [BY_ID[name] for name in ("WND-101", "WND-107", "WND-104")],
        "report_command": report_command,
    }

    async def start(_: Request) -> Response:
        return page("start.html", values)

    return Starlette(
        routes=[
            Route("/", start),
            pictures("/img", picture),
            asset("start.css"),
            asset("start.js"),
        ]
    )
