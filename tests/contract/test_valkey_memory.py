"""What a visitor costs in memory, averaged over many, and that nothing in a profile grows without end.

Product ids as shops have them, one style per shop: 35 % numbers of 5 to 8 digits, 30 % letters and digits (8 to 12),
20 % the ids of a real shop's sessions where the data set is there (else numbers of its range), 5 % GTINs of 13 digits,
10 % Shopify's ``shopify_US_<13 digits>_<14 digits>``. Advertisers and line items have refs of 1 to 4 digits. A
visitor comes from one shop, the visitor id has 22 characters, the receipt 12.
"""

import json
import random
import socket
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from hiredis import Reader, ReplyError
from redis import Redis

from adserver.model.account import Advertiser
from adserver.model.cap import Level
from adserver.model.event import Event
from adserver.model.event_name import EventName
from adserver.model.profile import EPOCH, Claim, Count, counter_of
from adserver.storage.valkey import keys
from adserver.storage.valkey.hot import Functions, HotValkey
from adserver.storage.valkey.library import Library
from adserver.storage.valkey.resp import pack
from adserver.storage.valkey.visitors import MAX_ENTRIES, MAX_FREQUENCIES, ValkeyVisitors

pytest_plugins = ["tests.contract.valkey_server", "tests.contract.redis_server"]
pytestmark = pytest.mark.anyio

NOW = 1_790_000_000.0
DAY_S = 86_400
RECEIPT = b"tcf:1-7:9Qz4"
CAPS = ((3, 3_600), (5, DAY_S), (20, 7 * DAY_S))
SESSIONS = Path(__file__).parents[2].parent / "shared" / "data" / "clickstream" / "otto_sessions_sample.jsonl"
# So many that each view as an event of its own would take minutes look at all products at once.
MANY = pytest.mark.parametrize(
    ("count", "at_once"), [(5_000, False), pytest.param(100_000, True, marks=pytest.mark.long)]
)
COMPACT = (("hash-max-listpack-entries", 512), ("hash-max-listpack-value", 255))
REDIS_DEFAULTS = (("hash-max-listpack-entries", 512), ("hash-max-listpack-value", 64))


class Pipeline:
    """Takes the stores' calls and sends them many at a time; what they are answered is nobody's."""

    def __init__(self, url: str) -> None:
        self.redis = Redis.from_url(url)
        self._library = Library()
        self.redis.flushall()
        self.redis.function_load(self._library.source, replace=True)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(url.removeprefix("unix://"))
        self._reader = Reader()
        self._pending: list[bytes] = []

    async def call(
        self, function: str, key: str | tuple[str, ...], *args: str | int | bytes, deadline: float | None = None
    ) -> object:
        """Nothing yet: no claim was taken, as far as the caller hears."""
        self._pending.append(pack(("FCALL", self._library.name(function), 1, str(key), *args)))
        if len(self._pending) >= 500:
            self.send()
        return [-1]

    def send(self) -> None:
        """Everything that waits."""
        self._ask(self._pending)
        self._pending = []

    def _ask(self, commands: list[bytes]) -> list[Any]:
        self._socket.sendall(b"".join(commands))
        replies: list[Any] = []
        while len(replies) < len(commands):
            self._reader.feed(self._socket.recv(1 << 16))
            while (reply := self._reader.gets()) is not False:
                assert not isinstance(reply, ReplyError), reply
                replies.append(reply)
        return replies

    def mean_bytes(self, visitors: list[str]) -> float:
        """Memory of one visitor's key with all that belongs to it."""
        self.send()
        used = 0
        for first in range(0, len(visitors), 500):
            some = visitors[first : first + 500]
            used += sum(self._ask([pack(("MEMORY", "USAGE", keys.visitor(one))) for one in some]))
        return used / len(visitors)

    def close(self) -> None:
        """End the connections."""
        self._socket.close()
        self.redis.close()


@pytest.fixture(params=["valkey", "redis", "redis with its defaults"])
def pipeline(request: pytest.FixtureRequest) -> Iterator[Pipeline]:
    url = request.getfixturevalue("valkey_url" if request.param == "valkey" else "redis_url")
    pipeline = Pipeline(url)
    for name, value in REDIS_DEFAULTS if "defaults" in request.param else COMPACT:
        if request.param == "valkey":
            assert int(cast("dict[str, str]", pipeline.redis.config_get(name))[name]) == value
        else:
            pipeline.redis.config_set(name, value)
    yield pipeline
    for name, value in COMPACT:
        pipeline.redis.config_set(name, value)
    pipeline.redis.flushall()
    pipeline.close()


def visitors_of(pipeline: Functions) -> ValkeyVisitors:
    # It only writes here.
    return ValkeyVisitors(cast("HotValkey", pipeline), retention_s=90 * DAY_S, new_visitor_s=3_600)


def session_ids() -> list[str]:
    """Product ids of a real shop, or numbers like them."""
    if not SESSIONS.exists():
        return [str(number) for number in range(100, 1_855_603, 997)]
    sessions = [json.loads(line) for line in SESSIONS.read_text("utf-8").splitlines()]
    return sorted({str(event["aid"]) for session in sessions for event in session["events"]})


def styles(dice: random.Random) -> list[Callable[[], str]]:
    """How shops name their products."""
    sold = session_ids()

    def digits(count: int) -> str:
        return str(dice.randrange(10 ** (count - 1), 10**count))

    return [
        lambda: digits(dice.randint(5, 8)),
        lambda: "".join(dice.choices(string.ascii_uppercase + string.digits, k=dice.randint(8, 12))),
        lambda: dice.choice(sold),
        lambda: digits(13),
        lambda: f"shopify_US_{digits(13)}_{digits(14)}",
    ]


class Crowd:
    """Visitors who look at different products of one shop each, a minute or so between two events."""

    def __init__(self, visitors: ValkeyVisitors) -> None:
        self._visitors = visitors
        self._dice = random.Random(3)
        self._styles = styles(self._dice)
        self.ids: list[str] = []

    async def visits(self, views: int, *, at_once: bool, busy: bool) -> None:
        """One more visitor. ``at_once``: all views in one event; ``busy``: also a cart, a purchase and three ads with
        the same four products, of which nobody has seen the third; caps per advertiser, line item and product."""
        visitor = f"{self._dice.getrandbits(128):032x}"[:22]
        self.ids.append(visitor)
        (style,) = self._dice.choices(self._styles, weights=[35, 30, 20, 5, 10])
        products: dict[str, None] = {}
        while len(products) < views:
            products[style()] = None
        ref = self._dice.randrange(1, 10 ** self._dice.randint(1, 4))
        now = NOW
        for number, viewed in enumerate([tuple(products)] if at_once else [(product,) for product in products]):
            now += self._dice.randrange(5, 120)
            await self._event(visitor, EventName.VIEW_ITEM, ref, viewed, now, returning=number > 0)
        if busy:
            carted, bought = self._dice.sample(list(products), 2)
            await self._event(visitor, EventName.ADD_TO_CART, ref, (carted,), now + 60, returning=True)
            await self._event(visitor, EventName.PURCHASE, ref, (bought,), now + 90, returning=True)
            line_item = self._dice.randrange(1, 10 ** self._dice.randint(1, 4))
            counters = [
                counter_of(Level.ADVERTISER, ref),
                counter_of(Level.LINE_ITEM, line_item),
                *[counter_of(Level.PRODUCT, ref, product) for product in self._dice.sample(list(products), 4)],
            ]
            counts = tuple([Count(counter, CAPS) for counter in counters])
            for minutes, decision in enumerate(("first", "second", "third")):
                seen_by = int(now) - EPOCH + 60 * minutes + 3_600
                await self._visitors.reserve(visitor, [Claim(counts, decision, seen_by)], now + 60 * minutes)
                if decision != "third":
                    await self._visitors.seen(visitor, decision)

    async def _event(
        self, visitor: str, name: EventName, ref: int, products: tuple[str, ...], now: float, *, returning: bool
    ) -> None:
        event = Event(name=name, advertiser=shop(ref), products=products)
        await self._visitors.record_event(visitor, event, now, returning=returning, receipt=RECEIPT)


def shop(ref: int) -> Advertiser:
    return Advertiser(id="shop", name="Shop", domains=("shop.test",), currency="EUR", locale="de_DE", ref=ref)


@MANY
async def test_ten_products_and_a_receipt(pipeline: Pipeline, count: int, at_once: bool) -> None:
    crowd = Crowd(visitors_of(pipeline))
    for _ in range(count):
        await crowd.visits(10, at_once=at_once, busy=False)
    mean = pipeline.mean_bytes(crowd.ids)
    print(f"10 products and a receipt: {mean:.0f} bytes per visitor")
    assert pipeline.redis.hlen(keys.visitor(crowd.ids[-1])) == 12  # and the newest time
    assert mean <= 400


@MANY
async def test_a_busy_visitor(pipeline: Pipeline, count: int, at_once: bool) -> None:
    crowd = Crowd(visitors_of(pipeline))
    for _ in range(count):
        await crowd.visits(20, at_once=at_once, busy=True)
    mean = pipeline.mean_bytes(crowd.ids)
    print(f"20 products, cart, purchase, caps in three windows, receipt: {mean:.0f} bytes per visitor")
    assert pipeline.redis.hlen(keys.visitor(crowd.ids[-1])) == 31
    assert mean <= 1_200


async def test_whatever_floods_a_profile_it_keeps_to_its_bound(pipeline: Pipeline) -> None:
    visitors, redis, key = visitors_of(pipeline), pipeline.redis, keys.visitor("anna")
    dice = random.Random(9)

    async def flood(name: EventName, *, ref: int, size: int) -> None:
        for number in range(500):
            products = tuple(f"{number}-{n}-".ljust(size, "x") for n in range(dice.choice([1, 1, 1, 20])))
            event = Event(name=name, advertiser=shop(ref), products=products)
            receipt = dice.randbytes(12) if number % 3 else b""
            await visitors.record_event(
                "anna", event, NOW + number, returning=True, receipt=receipt, happened=[(f"rule-{number:03}", 50)] * 3
            )
            counters = (f"f{10**9 + number}", *[f"p{ref}:{number}-{n}-".ljust(size, "y") for n in range(4)])
            claim = Claim(
                tuple([Count(counter, (*CAPS, *EVEN_MORE)) for counter in counters]),
                f"{number}-decision",
                int(NOW) - EPOCH + 3_600,
                ((f"campaign-{number}", "treated"),),
            )
            await visitors.reserve("anna", [claim], NOW + number)

    for name in (EventName.VIEW_ITEM, EventName.ADD_TO_CART, EventName.PURCHASE, EventName.VIEW_ITEM):
        await flood(name, ref=10**9, size=240)
        assert_bounded(pipeline, key)
    for ref in range(10**9, 10**9 + 1_000):
        event = Event(name=EventName.PAGE_VIEW, advertiser=shop(ref), mail=b"12345678")
        await visitors.record_event("anna", event, NOW, returning=True)
    assert_bounded(pipeline, key)
    assert redis.ttl(key) > 0


EVEN_MORE = ((1_000, 60), (1_000, 30 * DAY_S), (1_000, 180 * DAY_S))


def assert_bounded(pipeline: Pipeline, key: str) -> None:
    pipeline.send()
    fields = cast("list[bytes]", pipeline.redis.hkeys(key))
    counted = sum(field[:1] in {b"a", b"g", b"f", b"p", b"d", b"n", b"x"} for field in fields)
    assert 0 < counted <= MAX_FREQUENCIES
    assert len(fields) - counted <= MAX_ENTRIES + 3  # newest time, receipt, claims that wait
    assert cast("int", pipeline.redis.memory_usage(key, samples=0)) < 100_000
