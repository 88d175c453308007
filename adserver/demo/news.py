"""The demo newspaper: one front page with three slots, each with a house box for when there is no ad."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adserver.demo.pages import asset, page, pictures
from adserver.demo.pictures import news_picture
from adserver.demo.stories import BRIEFS, COLUMNS, LEAD, LETTERS, SECOND
from adserver.demo.world import NEWS_NAME, TOGETHER, World


def news_site(world: World, port: int) -> Starlette:
    """The newspaper of one world."""
    common: dict[str, object] = {"world": world, "port": port, "paper": NEWS_NAME, "together": TOGETHER}
    stories: dict[str, object] = {
        "lead": LEAD,
        "second": SECOND,
        "columns": COLUMNS,
        "briefs": BRIEFS,
        "letters": LETTERS,
    }

    async def front(_: Request) -> Response:
        return page("news_front.html", common | stories)

    async def missing(_: Request, __: Exception) -> Response:
        return page("news_missing.html", common, status=404)

    return Starlette(
        routes=[
            Route("/", front),
            pictures("/img", news_picture),
            asset("news.css"),
            asset("guide.css"),
        ],
        exception_handlers={404: missing},
    )
