"""A purchase is heard of by the campaigns and experiments that met the visitor before: real Valkey, no server."""

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence

import pytest

from adserver.model.account import Accounts, Advertiser, Campaign, ConsentDefault
from adserver.model.experiment import Experiment
from adserver.model.hit import Hit
from adserver.model.product import Product
from adserver.model.profile import EPOCH, Claim
from adserver.model.snapshot import Snapshot
from adserver.service.live import Live
from adserver.service.record_event import RecordEvent
from adserver.storage.interfaces import LogRecord
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.visitors import ValkeyVisitors
from adserver.tracking.keyring import Keyring
from adserver.tracking.visitor import VisitorCookies
from tests.contract.hot_link import hot_to

pytest_plugins = ["tests.contract.valkey_server"]
pytestmark = pytest.mark.anyio

NOW = 1_790_000_000
ANNA = "annaannaannaannaannaan"
COOKIES = VisitorCookies(Keyring([b"x7Qp" * 8], "visitor"))
SHOPS = {
    name: Advertiser(id=name, name=name, domains=("shop.test",), currency="EUR", locale="de_DE", ref=ref)
    for ref, name in enumerate(("acme", "other"), 1)
}
ACCOUNTS = Accounts(
    advertisers=SHOPS,
    campaigns={
        "summer": Campaign(id="summer", advertiser="acme"),
        "unmeasured": Campaign(id="unmeasured", advertiser="acme", holdout=0),
        "elsewhere": Campaign(id="elsewhere", advertiser="other"),
    },
    experiments={"colours": Experiment(id="colours", advertiser="acme", arms={"red": 1, "blue": 1})},
)


class Log:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.records: list[LogRecord] = []

    def append(self, record: LogRecord) -> Awaitable[None]:
        self.records.append(record)
        return _done()

    def note(self, records: Sequence[LogRecord]) -> None:
        self.records.extend(records)

    def conversions(self) -> list[LogRecord]:
        return [record for record in self.records if record[0] == "conversion"]


class NoProducts:
    """A catalog nobody asks."""

    async def products(self, ref: int, ids: Sequence[str], deadline: float | None = None) -> Mapping[str, Product]:
        raise AssertionError

    def checked_at(self, ref: int) -> int:
        raise AssertionError

    async def refresh(self) -> None:
        raise AssertionError


async def _done() -> None:
    pass


@pytest.fixture
async def visitors(valkey: Valkey, valkey_url: str) -> AsyncIterator[ValkeyVisitors]:
    async with hot_to(valkey_url) as hot:
        yield ValkeyVisitors(hot, retention_s=90 * 86_400, new_visitor_s=3_600)


def recorder(visitors: ValkeyVisitors, log: Log) -> RecordEvent:
    live = Live({})
    live.swap(Snapshot(1, ACCOUNTS))
    return RecordEvent(
        live,
        visitors,
        log,
        COOKIES,
        catalogs=NoProducts(),
        consent_default=ConsentDefault.ALLOW,
        is_refused=lambda _: False,
        mint_visitor=lambda: "b" * 22,
    )


def hit(event: str, at: int, *, shop: str = "acme", known: bool = True) -> Hit:
    fields = {"a": [shop], "e": [event], "p": ["SKU1"], "v": ["19.90"], "c": ["EUR"], "o": [f"order-{at}"]}
    return Hit(now=at, fields=fields, claims=(COOKIES.issue(ANNA),) if known else ())


async def test_only_purchases_and_only_who_was_met_before(visitors: ValkeyVisitors) -> None:
    log = Log()
    record = recorder(visitors, log)
    assert (await record(hit("purchase", NOW))).reason is None  # nobody has met her yet
    met = (("summer", "ghost"), ("~colours", "red"), ("unmeasured", "treated"), ("elsewhere", "treated"))
    reserved = await visitors.reserve(ANNA, [Claim(met=met)], NOW + 10)
    assert set(reserved.first) == {name for name, _ in met}
    for event in ("view_item", "add_to_cart", "refund"):
        assert (await record(hit(event, NOW + 20))).reason is None
    assert (await record(hit("purchase", NOW + 30, known=False))).reason is None
    assert log.conversions() == []
    assert (await record(hit("purchase", NOW + 40))).reason is None
    assert (await record(hit("purchase", NOW + 50))).reason is None
    assert (await record(hit("purchase", NOW + 60, shop="other"))).reason is None
    since, value = NOW + 10, 19_900_000
    assert log.conversions() == [
        ("conversion", NOW + 40, "summer", "ghost", value, 1, since),
        ("conversion", NOW + 40, "~colours", "red", value, 1, since),
        ("conversion", NOW + 50, "summer", "ghost", value, 2, since),
        ("conversion", NOW + 50, "~colours", "red", value, 2, since),
        ("conversion", NOW + 60, "elsewhere", "treated", value, 1, since),
    ]


async def test_the_log_tells_what_an_event_was_worth(visitors: ValkeyVisitors) -> None:
    log = Log()
    await recorder(visitors, log)(hit("purchase", NOW))
    assert log.records == [("event", NOW, "acme", "purchase", "SKU1", ANNA[:6], 19_900_000)]


async def test_a_second_meeting_is_none(visitors: ValkeyVisitors) -> None:
    await visitors.reserve(ANNA, [Claim(met=(("summer", "ghost"),))], NOW)
    reserved = await visitors.reserve(ANNA, [Claim(met=(("summer", "treated"),))], NOW + 5)
    assert reserved.first == ()
    found = (await visitors.read_visitor(ANNA, NOW + 5)).exposures["summer"]
    assert (found.since, found.arm, found.purchases) == (NOW - EPOCH, "ghost", 0)
