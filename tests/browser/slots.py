"""A newspaper with ad slots, for the tests of the publisher's tag: its pages, and the ad server's answers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.browser.stub_server import GIF, Answer, Request, StubServer, Tab, running_stub

ADS = "/ads"
RECORD = """<script>window.seen=[];
['passback','filled','kept'].forEach(function(t){addEventListener('adserver:'+t,function(e){
seen.push([t,e.target.id,e.detail.placement,e.detail.reason||e.detail.width+'x'+e.detail.height])})});</script>"""
BANNER = """<!doctype html><html lang="en"><head><meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src http: https:; style-src 'unsafe-inline'; base-uri 'none'"><title>t</title></head>
<body><header style="color:red">$& $1</header>
<a href="/c/token" target="_blank" rel="noopener">%s</a><img src="/i/%s" alt="">
<script>parent.document.title='broken out'</script></body></html>"""

RED = "rgb(255, 0, 0)"


@contextmanager
def running_newspaper() -> Iterator[StubServer]:
    """The ad server's stand-in, with an ad for every placement but ``no-<reason>``."""
    with running_stub() as running:
        running.answers[ADS] = decide
        for name in ("a", "b", "far", "fluid"):
            running.answers[f"/i/{name}"] = Answer(GIF, "image/gif")
        running.answers["/c/token"] = Answer(b"<title>landed</title>")
        yield running


def cors(request: Request, body: bytes, status: int = 200) -> Answer:
    origin = request.headers.get("origin", "")
    allow = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin",
    }
    return Answer(body, "application/json", status, allow)


def entry(placement: str) -> dict[str, Any]:
    """A placement named ``no-<reason>`` has no ad for that reason; one named ``fluid`` has no size."""
    if placement.startswith("no-"):
        return {"placement": placement, "reason": placement[3:]}
    width, height = (0, 0) if placement == "fluid" else (300, 250)
    return {"placement": placement, "width": width, "height": height, "html": BANNER % (placement, placement)}


def decide(request: Request) -> Answer:
    return cors(request, json.dumps({"ads": [entry(name) for name in request.query["placement"]]}).encode())


def script(stub: StubServer, attributes: str = "") -> str:
    return f'<script async src="{stub.url("ads", "/slot.js")}" {attributes}></script>'


def slot(placement: str, attributes: str = 'data-ad-size="300x250"', inner: str = "", name: str = "") -> str:
    return f'<div id="{name or placement}" data-ad-placement="{placement}" {attributes}>{inner}</div>'


def news(stub: StubServer, body: str, attributes: str = "", head: str = "") -> str:
    stub.page("/story", script(stub, attributes) + body, RECORD + head)
    return stub.url("news", "/story")


def settled(tab: Tab, count: int) -> list[list[str]]:
    """What the page heard, once it has heard of that many slots."""
    tab.page.wait_for_function("count => seen.length >= count", arg=count)
    heard: list[list[str]] = tab.page.evaluate("seen")
    return heard
