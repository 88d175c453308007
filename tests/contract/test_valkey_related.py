"""What recommendations are made of: from events to what decisions read, on a real Valkey."""

import time
from collections.abc import AsyncIterator, Mapping

import pytest

from adserver.audience.affinity import HALF_LIFE_S
from adserver.model.account import Accounts, Advertiser
from adserver.model.product import Availability, Product
from adserver.model.related import Kind, Popular, Standing
from adserver.service.learn_products import LearnProducts
from adserver.storage.interfaces import LogRecord, RelatedReader, StoreUnavailable
from adserver.storage.valkey import keys
from adserver.storage.valkey.catalog_reader import ValkeyCatalogReader
from adserver.storage.valkey.catalogs import ValkeyCatalogs
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.hot import HotValkey
from adserver.storage.valkey.related import ValkeyRelated
from adserver.storage.valkey.related_reader import FRESH_S, ValkeyRelatedReader
from adserver.storage.valkey.standing_codec import pack_popular, pack_standing, unpack_popular, unpack_standing
from tests.contract.hot_link import hot_to

pytest_plugins = ["tests.contract.valkey_server"]
pytestmark = pytest.mark.anyio

REF = 7
NOW = 1_790_000_000


class OneShop:
    """Accounts with one advertiser."""

    def revision(self) -> int:
        return 1

    def load(self) -> tuple[int, Accounts]:
        shop = Advertiser(id="acme", name="Acme", domains=(), currency="EUR", locale="de_DE", ref=REF)
        return 1, Accounts(advertisers={"acme": shop})


def product(product_id: str, group: str = "", availability: Availability = Availability.IN_STOCK) -> Product:
    url = f"https://shop.test/{product_id}"
    return Product(product_id, product_id, url, "", 1_000_000, "EUR", availability=availability, item_group_id=group)


async def has_catalog(valkey: Valkey, *products: Product, ref: int = REF) -> None:
    writer = await ValkeyCatalogs(valkey).begin(ref)
    await writer.add(products)
    assert await writer.swap(unless_swapped_since=False, checked_at=int(time.time()))


@pytest.fixture
def store(valkey: Valkey) -> ValkeyRelated:
    return ValkeyRelated(valkey)


@pytest.fixture
def learn(store: ValkeyRelated) -> LearnProducts:
    return LearnProducts(OneShop(), store)


@pytest.fixture
async def hot(valkey: Valkey, valkey_url: str) -> AsyncIterator[HotValkey]:
    async with hot_to(valkey_url) as link:
        yield link


async def reader_on(hot: HotValkey, clock: list[float]) -> RelatedReader:
    catalogs = ValkeyCatalogReader(hot)
    await catalogs.refresh()
    return ValkeyRelatedReader(hot, catalogs, enough=0.0, clock=lambda: clock[0])


def viewed(tag: str, *products: str, event: str = "view_item", at: int = NOW) -> list[LogRecord]:
    return [("event", at, "acme", event, one, tag) for one in products]


def bought(tag: str, *products: str) -> LogRecord:
    return ("event", NOW, "acme", "purchase", "\n".join(products), tag)


def partners(standings: Mapping[str, Standing]) -> dict[str, dict[str, float]]:
    return {name: {other: pair[0] for other, pair in found.partners.items()} for name, found in standings.items()}


async def test_from_the_stream_to_what_decisions_read(
    valkey: Valkey, store: ValkeyRelated, learn: LearnProducts, hot: HotValkey
) -> None:
    await has_catalog(valkey, *map(product, ("A", "B", "C", "D", "with a blank")))
    learn.hear([*viewed("tag001", "A", "B"), *viewed("tag002", "A", "with a blank"), bought("tag002", "A", "C")])
    learn.hear([*viewed("tag003", "A", "B", "never heard of"), bought("tag003", "C"), bought("tag003", "C")])
    learn.hear([("ad", NOW, "item", "slot", ""), ("event", NOW, "acme", "view_item_list", "A\nD", "tag004")])
    learn.hear([("event", NOW, "gone", "view_item", "A", "tag005"), ("event", NOW, "acme", "page_view", "", "tag006")])
    assert await learn(NOW) > 0
    assert partners(await store.standings(REF, Kind.VIEWED, "ABCD")) == {
        "A": {"B": 2.0, "with a blank": 1.0},
        "B": {"A": 2.0},
    }
    assert partners(await store.standings(REF, Kind.BOUGHT, "ABCD")) == {"A": {"C": 1.0}, "C": {"A": 1.0}}
    reader = await reader_on(hot, [0.0])
    assert await reader.related(REF, ["A", "B", "D", "nobody"]) == {"A": ["B", "with a blank"], "B": ["A"]}
    assert await reader.related(REF, ["A"], Kind.BOUGHT) == {"A": ["C"]}
    assert await reader.best_sellers(REF) == ("C", "A")
    assert await reader.most_viewed(REF) == ("A", "B", "with a blank")
    assert await reader.best_sellers(REF + 1) == ()


async def test_records_of_an_older_server_pair_within_themselves(
    valkey: Valkey, store: ValkeyRelated, learn: LearnProducts
) -> None:
    await has_catalog(valkey, *map(product, "ABC"))
    learn.hear([("event", NOW, "acme", "purchase", "A B"), ("event", NOW, "acme", "purchase", "C")])
    await learn(NOW)
    assert partners(await store.standings(REF, Kind.BOUGHT, "ABC")) == {"A": {"B": 1.0}, "B": {"A": 1.0}, "C": {}}


async def test_sizes_of_one_shoe_are_one_product(
    valkey: Valkey, store: ValkeyRelated, learn: LearnProducts, hot: HotValkey
) -> None:
    await has_catalog(valkey, product("shoe-42", "shoe"), product("shoe-43", "shoe"), product("socks"))
    learn.hear([*viewed("tag001", "shoe-42", "shoe-43", "socks"), *viewed("tag002", "shoe", "socks")])
    await learn(NOW)
    assert partners(await store.standings(REF, Kind.VIEWED, ["shoe", "shoe-42", "socks"])) == {
        "shoe": {"socks": 2.0},
        "socks": {"shoe": 2.0},
    }
    reader = await reader_on(hot, [0.0])
    asked = ["shoe-42", "shoe-43", "shoe", "socks"]
    assert await reader.related(REF, asked) == {**{one: ["socks"] for one in asked[:3]}, "socks": ["shoe"]}


async def test_without_a_catalog_nothing_is_learned(valkey: Valkey, learn: LearnProducts) -> None:
    learn.hear(viewed("tag001", "A", "B"))
    assert await learn(NOW) == 0
    assert await valkey.redis.keys("related*") == []


async def test_it_fades_and_is_forgotten(valkey: Valkey, store: ValkeyRelated, learn: LearnProducts) -> None:
    await has_catalog(valkey, *map(product, "ABC"))
    learn.hear(viewed("tag001", "A", "B"))
    await learn(NOW)
    learn.hear(viewed("tag002", "A", "C"))
    await learn(NOW + HALF_LIFE_S)
    assert partners(await store.standings(REF, Kind.VIEWED, "A")) == {"A": {"B": 0.5, "C": 1.0}}
    assert (await store.popular(REF, Kind.VIEWED)).visits == {"A": 1.5, "C": 1.0, "B": 0.5}
    for _ in range(4):
        await learn.tidy(NOW + 5 * HALF_LIFE_S)
    assert set(await store.standings(REF, Kind.VIEWED, "ABC")) == {"A", "C"}
    assert 0 < await valkey.redis.ttl(keys.related(REF, Kind.VIEWED)) <= 90 * 86_400
    assert 0 < await valkey.redis.ttl(keys.popular(REF, Kind.VIEWED)) <= 90 * 86_400


async def test_what_left_the_catalog_is_forgotten(valkey: Valkey, store: ValkeyRelated, learn: LearnProducts) -> None:
    everything = [f"P{number}" for number in range(1_000)]
    await has_catalog(valkey, *map(product, everything))
    for number in range(0, 1_000, 10):
        learn.hear(viewed(f"tag{number:03}", *everything[number : number + 10]))
    while await learn(NOW):
        pass
    await has_catalog(valkey, *map(product, everything[:300]))
    for _ in range(40):
        await learn.tidy(NOW)
    assert set(await store.standings(REF, Kind.VIEWED, everything)) == set(everything[:300])
    assert set((await store.popular(REF, Kind.VIEWED)).visits) <= set(everything[:300])


async def test_an_emptied_catalog_forgets_nothing(valkey: Valkey, store: ValkeyRelated, learn: LearnProducts) -> None:
    await has_catalog(valkey, *map(product, "AB"))
    learn.hear(viewed("tag001", "A", "B"))
    await learn(NOW)
    await valkey.redis.delete(keys.CATALOGS)
    for _ in range(4):
        await learn.tidy(NOW)
    assert set(await store.standings(REF, Kind.VIEWED, "AB")) == {"A", "B"}


async def test_more_than_fits_into_one_step_waits_for_the_next(
    valkey: Valkey, store: ValkeyRelated, learn: LearnProducts
) -> None:
    names = [f"P{number}" for number in range(700)]
    await has_catalog(valkey, *map(product, names))
    for number, name in enumerate(names):
        learn.hear(viewed(f"{number:06}", name))
    steps = [await learn(NOW) for _ in range(3)]
    assert steps[0] < 700
    assert sum(steps) == 700
    assert steps[2] == 0


async def test_the_reader_asks_again_after_a_minute(
    valkey: Valkey, learn: LearnProducts, hot: HotValkey, store: ValkeyRelated
) -> None:
    await has_catalog(valkey, *map(product, "ABC"))
    clock = [0.0]
    reader = await reader_on(hot, clock)
    assert await reader.related(REF, ["A"]) == {}
    assert await reader.most_viewed(REF) == ()
    learn.hear(viewed("tag001", "A", "B"))
    await learn(NOW)
    assert await reader.related(REF, ["A"]) == {}
    clock[0] = FRESH_S
    assert await reader.related(REF, ["A"]) == {"A": ["B"]}
    assert set(await reader.most_viewed(REF)) == {"A", "B"}


async def test_a_store_that_is_away(learn: LearnProducts, valkey: Valkey) -> None:
    nobody = Valkey("redis://127.0.0.1:1/0")
    lost = LearnProducts(OneShop(), ValkeyRelated(nobody))
    lost.hear(viewed("tag001", "A", "B"))
    with pytest.raises(StoreUnavailable):
        await lost(NOW)
    assert await lost(NOW) == 0
    await nobody.close()


@pytest.mark.parametrize(
    "standing",
    [
        Standing(),
        Standing(NOW, 1.5),
        Standing(NOW, 3.0, {"ä ö/ü": (1.0, 2.0), "b": (0.5, 8.0)}),
        Standing(NOW, 3.0, {f"p{number}": (1.0, 2.0) for number in range(40)}),
    ],
)
def test_what_is_packed_is_unpacked(standing: Standing) -> None:
    assert unpack_standing(pack_standing(standing)) == standing
    popular = Popular(NOW, {name: pair[0] for name, pair in standing.partners.items()})
    assert unpack_popular(pack_popular(popular)) == popular


@pytest.mark.parametrize("packed", [b"", b"\x01", b"\x02" + b"\0" * 40, b"\x01\0\0\0\0\0\0\0\0\x28"])
def test_what_is_no_standing_of_ours_is_none(packed: bytes) -> None:
    assert unpack_standing(packed) == Standing()
