"""The demo shop: a list of products, a page for each, and the ad server's tag on all of them."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adserver.demo.pages import asset, page, pictures
from adserver.demo.pictures import picture
from adserver.demo.products import BY_SLUG, CURRENCY, KINDS, PRODUCTS, SHOP_NAME
from adserver.demo.world import World


def shop_site(world: World, port: int) -> Starlette:
    """The shop of one world."""
    common: dict[str, object] = {
        "world": world,
        "port": port,
        "shop": SHOP_NAME,
        "currency": CURRENCY,
        "kinds": KINDS,
    }

    async def products(request: Request) -> Response:
        kind = request.query_params.get("kind", "")
        shown = [product for product in PRODUCTS if product.kind == kind] or PRODUCTS
        return page("shop_list.html", common | {"products": shown, "kind": kind if kind in KINDS else ""})

    async def product(request: Request) -> Response:
        chosen = BY_SLUG.get(request.path_params["slug"])
        if chosen is None:
            raise HTTPException(404)
        at = PRODUCTS.index(chosen)
        others = [PRODUCTS[(at + step) % len(PRODUCTS)] for step in (1, 4, 6, 9)]
        return page("shop_product.html", common | {"product": chosen, "others": others})

    async def missing(_: Request, __: Exception) -> Response:
        return page("shop_missing.html", common, status=404)

    return Starlette(
        routes=[
            Route("/", products),
            Route("/p/{slug}", product),
            pictures("/img", picture),
            asset("shop.css"),
            asset("shop.js"),
            asset("guide.css"),
        ],
        exception_handlers={404: missing},
    )
