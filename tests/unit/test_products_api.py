"""What the products' address answers where something is away, slow, or too much."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from adserver.model.access import Scope, ScopeKind, key_hash
from adserver.model.account import Accounts, Advertiser
from adserver.model.snapshot import Snapshot
from adserver.service.access import CheckKey
from adserver.service.change_product import ChangeProduct
from adserver.service.live import Live
from adserver.storage.valkey.catalogs import ValkeyCatalogs
from adserver.storage.valkey.client import Valkey
from adserver.web import body
from adserver.web.context import Context
from adserver.web.handlers.products_api import ProductHandler, too_many_calls
from adserver.web.head import Head
from adserver.web.rate_limit import AddressLimiter, Limited
from adserver.web.responses import Answer

KEY = "ak_" + "x" * 43
PATH = "/api/v1/advertisers/acme/products/SKU1"


async def sent() -> Any:
    return {"type": "http.request", "body": b'{"price": "1.00"}', "more_body": False}


async def never() -> Any:
    await asyncio.Event().wait()


async def gone() -> Any:
    return {"type": "http.disconnect"}


def ask(method: str = "PATCH", receive: Callable[[], Awaitable[Any]] = sent) -> Context:
    headers = {b"authorization": b"Bearer " + KEY.encode(), b"content-type": b"application/json"}
    return Context(method, PATH, b"", Head(headers), secure=False, peer="192.0.2.1", receive=receive)


def answer(context: Context, *, starting: bool = False) -> Answer:
    """Of a worker whose Valkey is away."""

    async def run() -> Answer:
        live = Live({})
        if not starting:
            shop = Advertiser(id="acme", name="Acme", domains=(), currency="EUR", locale="de_DE", ref=1)
            accounts = Accounts(advertisers={"acme": shop})
            live.swap(Snapshot(1, accounts, {key_hash(KEY): Scope(ScopeKind.ADVERTISER, "acme")}))
        nobody = Valkey("redis://127.0.0.1:1/0")
        try:
            handler = ProductHandler(ChangeProduct(live, CheckKey(live), ValkeyCatalogs(nobody)), time.time)
            return await handler(context)
        finally:
            await nobody.close()

    return asyncio.run(run())


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_valkey_is_away(method: str) -> None:
    told = answer(ask(method))
    assert told.status == 503
    assert dict(told.headers)[b"retry-after"] == b"1"
    assert json.loads(told.body)["title"] == "Not available at the moment"


def test_a_worker_that_knows_no_accounts_yet() -> None:
    assert answer(ask(), starting=True).status == 503


def test_a_body_that_never_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "READ_S", 0.05)
    assert answer(ask(receive=never)).status == 408


def test_a_body_that_breaks_off() -> None:
    assert answer(ask(receive=gone)).status == 400


def test_too_many() -> None:
    async def fine(_: Context) -> Answer:
        return Answer(200, [])

    limited = Limited(fine, AddressLimiter(0.2), lambda _: too_many_calls(), lambda: 0.0)
    first, second = asyncio.run(limited(ask())), asyncio.run(limited(ask()))
    assert (first.status, second.status) == (200, 429)
    assert dict(second.headers)[b"content-type"] == b"application/problem+json"
