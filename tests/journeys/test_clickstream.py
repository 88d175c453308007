"""Sessions of a real shop, replayed through the pixel."""

import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from adserver.audience.interest import interests
from adserver.model.profile import Shopping
from tests.journeys.inside import profile, quick_server
from tests.server import Server, cookie_of

SESSIONS = Path(__file__).parents[2].parent / "shared" / "data" / "clickstream" / "otto_sessions_sample.jsonl"
NAMES = {"clicks": "view_item", "carts": "add_to_cart", "orders": "purchase"}

pytestmark = pytest.mark.skipif(not SESSIONS.is_file(), reason=f"no clickstream in {SESSIONS}")


@dataclass
class Shelf:
    """What a session must have left behind, by a rule of its own: the last in a list is the newest."""

    viewed: list[str] = field(default_factory=list)
    carted: list[str] = field(default_factory=list)
    bought: list[str] = field(default_factory=list)

    def put(self, kind: str, product: str) -> None:
        shelf = {"clicks": self.viewed, "carts": self.carted, "orders": self.bought}[kind]
        if product in shelf:
            shelf.remove(product)
        shelf.append(product)
        if kind == "orders" and product in self.carted:
            self.carted.remove(product)

    def newest_first(self) -> list[str]:
        carted = [product for product in reversed(self.carted) if product not in self.viewed]
        return [*reversed(self.viewed), *carted]


def sessions() -> list[list[tuple[str, str]]]:
    """Kind and product of each event, in order."""
    lines = [json.loads(line) for line in SESSIONS.read_text("utf-8").splitlines()]
    return [[(event["type"], str(event["aid"])) for event in line["events"]] for line in lines]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with quick_server("--workers", "2") as running:
        yield running


def replay(server: Server, events: Iterable[tuple[str, str]]) -> str:
    """One browser, one event after the other; its cookie."""
    cookie = ""
    with httpx.Client(base_url=server.base_url, timeout=30) as browser:
        for kind, product in events:
            params: dict[str, Any] = {"a": "acme", "e": NAMES[kind], "p": product}
            answer = browser.get("/pixel.gif", params=params)
            assert answer.status_code == 200
            assert "x-adserver-reason" not in answer.headers
            cookie = cookie or cookie_of(answer)
    return cookie


def shopping(server: Server, cookie: str) -> Shopping:
    (found,) = profile(server, cookie).shopping.values()
    return found


def oldest_first(times: dict[str, int]) -> list[str]:
    return sorted(times, key=times.__getitem__)


def test_in_real_order_the_newest_first_list_is_exact(server: Server) -> None:
    replayed = sessions()
    assert len(replayed) == 20
    assert sum(map(len, replayed)) > 800
    for events in replayed:
        expected = Shelf()
        for kind, product in events:
            expected.put(kind, product)
        found = shopping(server, replay(server, events))
        assert interests(found) == expected.newest_first()
        assert oldest_first(dict(found.viewed)) == expected.viewed
        assert oldest_first(dict(found.carted)) == expected.carted
        assert oldest_first(dict(found.bought)) == expected.bought


def test_shuffled_and_doubled_the_products_are_the_same(server: Server) -> None:
    for number, events in enumerate(sessions()):
        doubled = events * 2
        random.Random(number).shuffle(doubled)
        found = shopping(server, replay(server, doubled))
        assert found.viewed.keys() == {product for kind, product in events if kind == "clicks"}
        assert found.bought.keys() == {product for kind, product in events if kind == "orders"}
        carted = {product for kind, product in events if kind == "carts"}
        # A purchase empties the cart of it, so what was bought may be in the cart or not.
        assert carted - found.bought.keys() <= found.carted.keys() <= carted
