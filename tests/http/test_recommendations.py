"""From the pixel to what recommendations are made of, through the running server."""

import asyncio
import io
import json
from collections.abc import Callable
from typing import Any

from redis import Redis
from rich.console import Console

from adserver.commands import recommend
from adserver.model.related import Kind, Standing
from adserver.settings import Settings
from adserver.storage.valkey import keys
from adserver.storage.valkey.standing_codec import unpack_popular, unpack_standing
from tests.http.conftest import Wire, cookies, pixel
from tests.server import Server, until

FIRST, SECOND, THIRD, SIZED = "SKU930", "SKU931", "SKU932", "SKU933"


def ref_of(valkey: Redis, advertiser: str = "acme") -> int:
    snapshot: Any = json.loads(valkey.hget("snapshot:{control}", "body"))  # type: ignore[arg-type]
    return int(snapshot["accounts"]["advertisers"][advertiser]["ref"])


def standing(valkey: Redis, product: str, kind: Kind = Kind.VIEWED) -> Standing:
    raw: Any = valkey.hget(keys.related(ref_of(valkey), kind), product)
    return unpack_standing(raw) if raw else Standing()


def printed(server: Server, work: Callable[..., Any], *arguments: str) -> tuple[int, str]:
    """What a command prints on this server's data folder, and its exit code."""
    out = io.StringIO()
    console = Console(file=out, width=100)
    code = asyncio.run(work(Settings(data_dir=server.data_dir), *arguments, console=console))
    return code, out.getvalue()


def test_what_visitors_view_and_buy_becomes_known_within_seconds(server: Server, wire: Wire) -> None:
    for _ in range(3):
        cookie = wire.view(FIRST)
        wire.view(SECOND, cookie=cookie)
        wire.view(FIRST, SECOND, cookie=cookie, event="purchase")
    cookie = wire.view(FIRST)
    wire.view(THIRD, cookie=cookie)
    with server.valkey() as valkey:
        until(lambda: standing(valkey, FIRST).visits > 3.9, within=15, what="four visits")
        assert list(standing(valkey, FIRST).partners) == [SECOND, THIRD]
        assert list(standing(valkey, FIRST, Kind.BOUGHT).partners) == [SECOND]
        raw: Any = valkey.get(keys.popular(ref_of(valkey), Kind.BOUGHT))
        assert {FIRST, SECOND} <= set(unpack_popular(raw).visits)
    code, text = printed(server, recommend.related, "acme", FIRST)
    assert code == 0
    assert f"Viewed together with {FIRST}" in text
    assert f"Bought together with {FIRST}" in text
    assert text.index(SECOND) < text.index(THIRD)
    code, text = printed(server, recommend.best, "acme")
    assert code == 0
    assert "Best sellers" in text
    assert FIRST in text


def test_bots_are_not_learned_from(server: Server, wire: Wire) -> None:
    agent = ("User-Agent", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")
    cookie = wire.view(SIZED)
    for product in (FIRST, SIZED):
        refused = wire.get(pixel(a="acme", e="view_item", p=product), agent, *cookies(cookie))
        assert refused.reason == "bot"
    wire.view("SKU934")  # learned from behind all of them
    with server.valkey() as valkey:
        until(lambda: standing(valkey, "SKU934").visits, within=15, what="the last visit")
        assert standing(valkey, SIZED).partners == {}


def test_what_there_is_none_of_is_told(server: Server) -> None:
    # Nobody names the second pair of boots; shoes of the other shop are looked at by other tests.
    code, text = printed(server, recommend.related, "boots", "BOOT2")
    assert (code, text) == (0, "Nobody has looked at BOOT2 yet, or not lately.\n")
    code, text = printed(server, recommend.related, "acme", "nothing")
    assert code == 1
    assert 'no product and no item group "nothing"' in text
    code, text = printed(server, recommend.best, "nobody")
    assert code == 1
    assert 'There is no advertiser "nobody"' in text
