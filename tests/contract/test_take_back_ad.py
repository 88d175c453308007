"""The money and the caps of an ad that nobody will see, on a real Valkey."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from adserver.model.decision import Charge
from adserver.model.line_item import Budget, Pacing
from adserver.model.profile import Claim, Count
from adserver.service.take_back_ad import TakeBackAd
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.ledgers import ValkeyLedgers
from adserver.storage.valkey.visitors import ValkeyVisitors
from adserver.tracking.keyring import Keyring
from adserver.tracking.sealed import VisitorSeal
from adserver.tracking.token import TokenKind, Tokens
from tests.contract.hot_link import hot_to
from tests.contract.purses import PRICE, Worker, booking, worker
from tests.http.conftest import SECRET, token

pytest_plugins = ["tests.contract.valkey_server"]
pytestmark = pytest.mark.anyio

NOON = datetime(2026, 5, 11, 10, tzinfo=UTC)
NOW = int(NOON.timestamp())
ANNA = "AbCdEfGhIjKlMnOpQrStUv"
SEAL = VisitorSeal([SECRET.encode()])
TOKENS = Tokens(Keyring([SECRET.encode()], "token"))
ONE = booking(Budget(total=PRICE, daily=None, pacing=Pacing.ASAP))
CAP = Count("f7", ((1, 86_400),))


@pytest.fixture
async def anna(valkey_url: str, valkey: Valkey) -> AsyncIterator[Worker]:
    await ValkeyLedgers(valkey).seed(7, 0, NOON.toordinal(), 0, 0)
    async with worker(valkey_url) as made:
        yield made


@pytest.fixture
async def visitors(valkey_url: str, valkey: Valkey) -> AsyncIterator[ValkeyVisitors]:
    async with hot_to(valkey_url) as hot:
        yield ValkeyVisitors(hot, retention_s=86_400, new_visitor_s=3_600)


def impression(charge: Charge | None = None, visitor: str = "") -> str:
    lease, micros = charge or ("", 0)
    sealed = SEAL.seal(visitor, "decision-of-test") if visitor else b""
    return TOKENS.mint(token(TokenKind.IMPRESSION, lease=lease, micros=micros, sealed=sealed))


async def test_the_money_is_there_for_the_next_ad(anna: Worker, visitors: ValkeyVisitors) -> None:
    take_back = TakeBackAd(TOKENS, seal=SEAL, visitors=visitors, purse=anna.purse)
    for _ in range(3):
        charge = await anna.decide(ONE, NOW)
        assert charge is not None
        assert await anna.decide(ONE, NOW) is None
        await take_back(impression(charge))
    assert await anna.decide(ONE, NOW) is not None


async def test_the_caps_are_free_again(anna: Worker, visitors: ValkeyVisitors) -> None:
    take_back = TakeBackAd(TOKENS, seal=SEAL, visitors=visitors, purse=anna.purse)
    for _ in range(3):
        claim = Claim((CAP,), "decision-of-test", NOW + 3_600)
        assert (await visitors.reserve(ANNA, [claim], NOW)).place == 0
        assert (await visitors.reserve(ANNA, [Claim((CAP,))], NOW)).place == -1
        await take_back(impression(visitor=ANNA))
    assert (await visitors.reserve(ANNA, [Claim((CAP,))], NOW)).place == 0


async def test_of_what_took_nothing_nothing_is_given_back(
    anna: Worker, visitors: ValkeyVisitors, valkey: Valkey
) -> None:
    take_back = TakeBackAd(TOKENS, seal=SEAL, visitors=visitors, purse=anna.purse)
    for text in (impression(), impression(visitor=ANNA), "forged"):
        await take_back(text)
    assert anna.purse.pockets == {}
    assert await valkey.redis.keys("u:*") == []
