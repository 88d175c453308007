"""Does this browser give the ad server its cookie on other sites? Two answers on the ad server's hosts tell.

The start page asks ``/demo/cookie-probe`` twice, with credentials: the first answer sets a cookie, the
second says whether it came back. A browser that *partitions* third-party cookies passes that test and still
shows the ad server another jar on every site, so the start page also loads ``/demo/cookie-frame``, which
asks the browser itself (``document.hasStorageAccess``). Only two times yes is a yes.
"""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adserver.demo.pages import page
from adserver.demo.world import START_HOSTS

PROBE_COOKIE = "demo_probe"


def probe_site(port: int) -> Starlette:
    """``/demo/...`` on the ad server's hosts; everything else there is the ad server's own."""
    origins = frozenset(start_origins(port))

    async def probe(request: Request) -> Response:
        came_back = request.cookies.get(PROBE_COOKIE) == "1"
        headers = {"Cache-Control": "no-store", "Vary": "Origin"}
        origin = request.headers.get("origin", "")
        if origin in origins:
            headers |= {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"}
        answer = JSONResponse({"third_party_cookies": came_back}, headers=headers)
        answer.set_cookie(PROBE_COOKIE, "1", max_age=60, path="/demo/", secure=True, httponly=True, samesite="none")
        return answer

    async def frame(_: Request) -> Response:
        return page("probe_frame.html", {"origins": sorted(origins)})

    return Starlette(routes=[Route("/demo/cookie-probe", probe), Route("/demo/cookie-frame", frame)])


def start_origins(port: int) -> list[str]:
    """The origins of the start page, as browsers write them."""
    suffix = "" if port == 80 else f":{port}"
    return [f"http://{f'[{host}]' if ':' in host else host}{suffix}" for host in START_HOSTS]
