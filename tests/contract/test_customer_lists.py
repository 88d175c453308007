"""Customer lists from an upload to a worker's answer, over real SQL databases and a real Valkey."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from adserver.audience.customer_list import mail_hash, read_list
from adserver.model.account import Accounts, Advertiser, Campaign
from adserver.model.line_item import LineItem
from adserver.model.segment import CustomerList
from adserver.service.customer_lists import ListRefused, PublishLists, put_list, remove_list
from adserver.storage.sql.accounts import SqlAccounts
from adserver.storage.sql.engine import open_engine
from adserver.storage.sql.lists import SqlLists
from adserver.storage.sql.migrate import upgrade
from adserver.storage.valkey import keys, lists
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.lists import ValkeyListReader, ValkeyLists

pytest_plugins = ["tests.contract.sql_servers", "tests.contract.valkey_server"]

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ANNA, BO = mail_hash("anna@x.de"), mail_hash("bo@y.com")
BOTH = b"".join(sorted([ANNA, BO]))


def fill(engine: Engine) -> SqlAccounts:
    accounts = SqlAccounts(engine)
    shops = {
        name: Advertiser(id=name, name=name, domains=("shop.test",), currency="EUR", locale="de_DE")
        for name in ("acme", "boots")
    }
    campaign = Campaign(id="c", advertiser="acme")
    accounts.apply(lambda _: (Accounts(advertisers=shops, campaigns={"c": campaign}), Accounts()))
    return accounts


def asks(accounts: SqlAccounts, *names: str) -> None:
    item = LineItem(id="l", campaign="c", creative="grid", include_lists=names)
    accounts.apply(lambda _: (Accounts(line_items={"l": item}), Accounts()))


def put(kept: SqlLists, name: str, hashes: bytes, advertiser: str = "acme") -> CustomerList:
    done = put_list(kept, advertiser, name, hashes, NOON)
    assert not isinstance(done, ListRefused), done.why
    return done


def why(refused: CustomerList | ListRefused | None) -> str:
    assert isinstance(refused, ListRefused)
    return refused.why


def test_a_list_is_made_replaced_and_removed(engine: Engine) -> None:
    accounts, kept = fill(engine), SqlLists(engine)
    first, revision = put(kept, "vips", ANNA), accounts.revision()
    assert (first.version, first.size) == (1, 1)
    second = put(kept, "vips", BOTH)
    assert (second.ref, second.version, second.size) == (first.ref, 2, 2)
    assert accounts.revision() == revision + 1
    assert accounts.load()[1].lists == {"vips": second}
    assert kept.hashes(second.ref) == (2, BOTH)
    assert [(entry.list, entry.uploaded_at) for entry in kept.all()] == [(second, NOON)]
    assert why(remove_list(kept, accounts, "boots", "vips")) == '"boots" has no list "vips"'
    assert remove_list(kept, accounts, "acme", "vips") is None
    assert kept.all() == ()
    assert kept.hashes(second.ref) is None
    assert put(kept, "vips", ANNA).ref > first.ref


def test_what_is_in_the_way_changes_nothing(engine: Engine) -> None:
    accounts, kept = fill(engine), SqlLists(engine)
    put(kept, "vips", ANNA)
    before = accounts.load()
    assert "no line" in why(put_list(kept, "acme", "vips", b"", NOON))
    assert "there is no advertiser" in why(put_list(kept, "nobody", "new", ANNA, NOON))
    assert "another advertiser" in why(put_list(kept, "boots", "vips", ANNA, NOON))
    assert "is no name" in why(put_list(kept, "acme", "a b", ANNA, NOON))
    assert kept.put("acme", "more", BOTH, now=NOON, most=2) == "full"
    assert kept.remove("acme", "vips", unless_changed_since=before[0] - 1) == "changed"
    assert accounts.load() == before
    asks(accounts, "vips")
    assert "in use by l" in why(remove_list(kept, accounts, "acme", "vips"))


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine(f"sqlite:///{tmp_path / 'lists.db'}")
    upgrade(opened)
    yield opened
    opened.dispose()


@pytest.mark.anyio
async def test_a_worker_answers_for_the_lists_that_line_items_ask_for(sqlite: Engine, valkey: Valkey) -> None:
    accounts, kept = fill(sqlite), SqlLists(sqlite)
    publish, reader = PublishLists(kept, ValkeyLists(valkey)), ValkeyListReader(valkey)
    put(kept, "vips", ANNA)
    put(kept, "idle", BOTH)
    asks(accounts, "vips")
    refs = {name: shop.ref for name, shop in accounts.load()[1].advertisers.items()}
    assert await publish() == 2
    assert await publish() == 0
    await reader.load(accounts.load()[1])
    assert reader.is_complete
    assert reader.held_bytes == 8
    assert reader.is_listed(refs["acme"], "vips", ANNA)
    assert not reader.is_listed(refs["acme"], "vips", BO)
    assert not reader.is_listed(refs["boots"], "vips", ANNA)
    assert not reader.is_listed(refs["acme"], "vips", b"")
    assert not reader.is_listed(refs["acme"], "idle", ANNA)
    put(kept, "vips", BO)
    assert await publish() == 1
    await reader.load(accounts.load()[1])
    assert [reader.is_listed(refs["acme"], "vips", mail) for mail in (ANNA, BO)] == [False, True]


@pytest.mark.anyio
async def test_an_empty_valkey_is_filled_again_and_workers_keep_what_they_have(sqlite: Engine, valkey: Valkey) -> None:
    accounts, kept = fill(sqlite), SqlLists(sqlite)
    publish, reader = PublishLists(kept, ValkeyLists(valkey)), ValkeyListReader(valkey)
    vips = put(kept, "vips", BOTH)
    asks(accounts, "vips")
    await reader.load(accounts.load()[1])
    assert not reader.is_complete
    assert not reader.is_listed(1, "vips", ANNA)
    assert await publish() == 1
    await reader.load(accounts.load()[1])
    assert (reader.is_complete, reader.is_listed(1, "vips", ANNA)) == (True, True)
    await valkey.redis.flushall()
    await reader.load(accounts.load()[1])
    assert (reader.is_complete, reader.is_listed(1, "vips", ANNA)) == (True, True)
    newer = accounts.load()[1]
    await reader.load(replace(newer, lists={"vips": replace(vips, version=2)}))
    assert (reader.is_complete, reader.is_listed(1, "vips", ANNA)) == (False, True)
    assert await publish() == 1


@pytest.mark.anyio
async def test_lists_that_are_gone_from_sql_go_from_valkey(valkey: Valkey) -> None:
    published = ValkeyLists(valkey)
    for ref in (1, 2, 3):
        await published.put(ref, 5, ANNA)
    await valkey.redis.set("u:{list:{9}}", "of somebody else")
    await published.drop_others({2})
    assert sorted(await valkey.redis.keys("*")) == [keys.customer_list(2).encode(), b"u:{list:{9}}"]
    assert await published.versions([1, 2, 3]) == {2: 5}


@pytest.mark.anyio
async def test_ten_thousand_addresses_come_in_pieces_and_are_all_found(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "PIECE_BYTES", 8_000)  # the last piece is a whole one
    read = read_list(f"user{number}@example.com" for number in range(10_000))
    await ValkeyLists(valkey).put(4, 1, read.hashes)
    shop = Advertiser(id="acme", name="Acme", domains=("shop.test",), currency="EUR", locale="de_DE", ref=1)
    item = LineItem(id="l", campaign="c", creative="grid", exclude_lists=("many",))
    many = CustomerList(id="many", advertiser="acme", version=1, size=10_000, ref=4)
    reader = ValkeyListReader(valkey)
    await reader.load(Accounts(advertisers={"acme": shop}, line_items={"l": item}, lists={"many": many}))
    assert reader.held_bytes == 80_000
    assert all(reader.is_listed(1, "many", mail_hash(f"user{number}@example.com")) for number in range(10_000))
    assert not any(reader.is_listed(1, "many", mail_hash(f"other{number}@example.com")) for number in range(2_000))
    # Every eight bytes of the middle of two neighbours are no entry.
    assert not any(reader.is_listed(1, "many", read.hashes[at + 3 : at + 11]) for at in range(0, 8_000, 8))
