"""One port, many hosts: the Host header decides who answers."""

from collections.abc import Mapping
from threading import Thread

from starlette.types import ASGIApp, Receive, Scope, Send

from adserver.demo.news import news_site
from adserver.demo.pages import page
from adserver.demo.pictures import draw_all
from adserver.demo.probe import probe_site
from adserver.demo.shop import shop_site
from adserver.demo.start import START_PATHS, start_site
from adserver.demo.world import START_HOSTS, WORLDS


def create_demo_app(ads_app: ASGIApp, *, port: int, report_command: str = "adserver report") -> ASGIApp:
    """The ad server with the demo's sites around it.

    ``ads_app`` gets the lifespan events, its own hosts (but for ``/demo/``), and on the start page's hosts
    every path that the start page does not use, so that ``localhost:<port>/healthz`` answers.
    """
    probe, start = probe_site(port), start_site(port, report_command)
    sites: dict[str, ASGIApp] = {}
    for world in WORLDS:
        sites[world.shop_host] = shop_site(world, port)
        sites[world.news_host] = news_site(world, port)
        sites[world.ads_host] = _ForPaths(probe, ads_app, ("/demo/",))
    for host in START_HOSTS:
        sites[host] = _ForPaths(start, ads_app, ("/img/",), START_PATHS)
    return _ByHost(sites, ads_app)


class _ByHost:
    """Hands each connection to the site of its Host header."""

    def __init__(self, sites: Mapping[str, ASGIApp], ads_app: ASGIApp) -> None:
        self._sites = sites
        self._ads_app = ads_app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            Thread(target=draw_all, name="demo-pictures", daemon=True).start()
        if scope["type"] != "http":
            await self._ads_app(scope, receive, send)
            return
        site = self._sites.get(host_of(scope))
        await (site or _nobody)(scope, receive, send)


class _ForPaths:
    """Some paths of a host for one site, all others for another."""

    def __init__(self, site: ASGIApp, others: ASGIApp, prefixes: tuple[str, ...], paths: tuple[str, ...] = ()) -> None:
        self._site = site
        self._others = others
        self._prefixes = prefixes
        self._paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        mine = path in self._paths or path.startswith(self._prefixes)
        await (self._site if mine else self._others)(scope, receive, send)


def host_of(scope: Scope) -> str:
    """The Host header without its port, in lower case; empty when absent."""
    for name, value in scope["headers"]:
        if name == b"host":
            host: str = value.decode("latin-1").strip().lower()
            if host.startswith("["):
                return host[1:].partition("]")[0]
            return host.partition(":")[0].rstrip(".")
    return ""


async def _nobody(scope: Scope, receive: Receive, send: Send) -> None:
    answer = page("unknown.html", {"host": host_of(scope) or "(none)"}, status=404)
    await answer(scope, receive, send)
