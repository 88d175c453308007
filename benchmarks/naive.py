"""The naive peer: the retargeting server that a good Python developer writes in an afternoon.

Starlette, ``redis.asyncio``, Jinja2, a random cookie; nothing of ours. It knows no consent, no signature, no bots, no
event log, no tokens, no budgets: what our server does beyond it is paid for in our numbers, not in these.

``python -m benchmarks.naive FD VALKEY_URL`` serves on an inherited listening socket.
"""

import json
import socket
import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import uvicorn
from jinja2 import Environment
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

PRODUCTS = "naive:products"
"""A hash of product id -> JSON with title, price, image and link."""

KEPT = 50
RETENTION_S = 90 * 86_400
TILES = 3
GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")

TEMPLATE = Environment(autoescape=True).from_string("""<!doctype html>
<html><head><meta charset="utf-8"><title>Ad</title>
<style>body { margin: 0; font: 13px sans-serif } .tile { float: left; width: 33% } img { max-width: 100% }</style>
</head><body>
{% for product in products %}
<a class="tile" href="{{ product.link }}" target="_blank" rel="noopener">
<img src="{{ product.image }}" alt=""><span>{{ product.title }}</span><b>{{ product.price }}</b></a>
{% endfor %}
</body></html>
""")


async def pixel(request: Request) -> Response:
    """Remember that a visitor looked at a product."""
    redis: Redis = request.state.redis
    visitor = request.cookies.get("naive") or str(uuid.uuid4())
    key = f"naive:u:{visitor}"
    async with redis.pipeline(transaction=False) as pipe:
        pipe.zadd(key, {request.query_params["p"]: time.time()})
        pipe.zremrangebyrank(key, 0, -KEPT - 1)
        pipe.expire(key, RETENTION_S)
        await pipe.execute()
    response = Response(GIF, media_type="image/gif", headers={"Cache-Control": "no-store"})
    if "naive" not in request.cookies:
        response.set_cookie("naive", visitor, max_age=RETENTION_S, httponly=True, samesite="lax")
    return response


async def ad(request: Request) -> Response:
    """Show the newest products again."""
    redis: Redis = request.state.redis
    visitor = request.cookies.get("naive")
    if not visitor:
        return Response(status_code=204)
    ids = cast("list[str]", await redis.zrevrange(f"naive:u:{visitor}", 0, TILES - 1))
    if not ids:
        return Response(status_code=204)
    found = cast("list[str | None]", await cast("Any", redis.hmget(PRODUCTS, ids)))
    products = [json.loads(product) for product in found if product]
    return HTMLResponse(TEMPLATE.render(products=products), headers={"Cache-Control": "no-store"})


def create_app(valkey_url: str) -> Starlette:
    """The whole application."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, Redis]]:
        # The default pool answers with errors as soon as more than a hundred requests wait for Valkey at once.
        async with Redis.from_url(valkey_url, decode_responses=True, max_connections=4_096) as redis:
            yield {"redis": redis}

    return Starlette(routes=[Route("/pixel.gif", pixel), Route("/ad", ad)], lifespan=lifespan)


def main() -> None:
    """One worker."""
    config = uvicorn.Config(
        create_app(sys.argv[2]), loop="uvloop", http="httptools", access_log=False, log_level="warning"
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])


if __name__ == "__main__":
    main()
