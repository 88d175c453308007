"""What is noted about feeds, on both databases: turns, outcomes, schedules, what is in use."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from sqlalchemy import Engine, text

from adserver.model.account import Accounts, Advertiser, Feed
from adserver.model.feed_import import FeedImport, InUse, Outcome
from adserver.storage.sql import migrate
from adserver.storage.sql.accounts import SqlAccounts
from adserver.storage.sql.engine import reading, writing
from adserver.storage.sql.feeds import KEPT, SqlFeeds

pytest_plugins = ["tests.contract.sql_servers"]

NOON = datetime(2026, 6, 1, 12, 30, 15, 123456, tzinfo=UTC)
LATER = NOON + timedelta(hours=6)
SOURCE = "/srv/feed.xml"
IN_USE = InUse(
    source=SOURCE,
    etag='W/"ä"',
    last_modified="Mon, 01 Jun 2026 12:00:00 GMT",
    digest="ab" * 32,
    currency="EUR",
    format=3,
    products=1_000_000,
    imported_at=NOON,
    checked_at=LATER,
)


def shop(name: str) -> Advertiser:
    return Advertiser(id=name, name=name, domains=("shop.test",), currency="EUR", locale="de_DE")


@pytest.fixture
def feeds(engine: Engine) -> SqlFeeds:
    wanted = Accounts(
        advertisers={name: shop(name) for name in ("acme", "other", "silent")},
        feeds={name: Feed(advertiser=name, source=SOURCE) for name in ("acme", "other")},
    )
    SqlAccounts(engine).apply(lambda _: (wanted, Accounts()))
    return SqlFeeds(engine)


def began(feeds: SqlFeeds, ref: int = 1, at: datetime = NOON, source: str = SOURCE) -> int | None:
    return feeds.begin(ref, source, at, at + timedelta(seconds=15))


def ended(
    feeds: SqlFeeds, number: int | None, outcome: Outcome = Outcome.IMPORTED, in_use: InUse | None = None, **more: str
) -> list[int]:
    """The failures that the next turn was computed with."""
    assert number is not None
    seen: list[int] = []

    def due_after(failures: int) -> datetime:
        seen.append(failures)
        return LATER

    done = FeedImport(
        number=number,
        advertiser="acme",
        source=more.get("source", SOURCE),
        began_at=NOON,
        ended_at=NOON + timedelta(seconds=2),
        outcome=outcome,
        reason=more.get("reason", ""),
        report={"products": 2, "problems": [{"found": "ä"}]},
    )
    feeds.end(done, in_use, due_after)
    return seen


def test_one_import_of_an_advertiser_at_a_time(feeds: SqlFeeds) -> None:
    first = began(feeds)
    assert first is not None
    assert began(feeds) is None
    assert began(feeds, ref=2) is not None
    feeds.still_alive(first, NOON + timedelta(minutes=2))
    assert began(feeds, at=NOON + timedelta(minutes=1)) is None
    taken_over = began(feeds, at=NOON + timedelta(minutes=3))
    assert taken_over is not None
    newest, dead = feeds.imports(1)
    assert (newest.number, newest.outcome, newest.ended_at) == (taken_over, Outcome.RUNNING, None)
    assert (dead.number, dead.outcome, dead.ended_at) == (first, Outcome.BROKEN_OFF, NOON + timedelta(minutes=2))
    feeds.forget(taken_over)
    assert began(feeds) is not None


def test_of_many_that_begin_together_one_has_the_turn(feeds: SqlFeeds) -> None:
    together = threading.Barrier(6)
    got: list[int | None] = []

    def begin() -> None:
        together.wait()
        got.append(began(feeds))

    threads = [threading.Thread(target=begin) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([number for number in got if number is not None]) == 1


def test_an_end_is_told_as_it_was(feeds: SqlFeeds) -> None:
    assert feeds.in_use(1) is None
    ended(feeds, began(feeds), in_use=IN_USE)
    (told,) = feeds.imports(1)
    assert (told.advertiser, told.source, told.began_at) == ("acme", SOURCE, NOON)
    assert (told.outcome, told.ended_at) == (Outcome.IMPORTED, NOON + timedelta(seconds=2))
    assert told.report == {"products": 2, "problems": [{"found": "ä"}]}
    assert feeds.in_use(1) == IN_USE
    newer = replace(IN_USE, products=7, etag="")
    ended(feeds, began(feeds, at=LATER), in_use=newer)
    ended(feeds, began(feeds, at=LATER), Outcome.HELD_BACK)
    assert feeds.in_use(1) == newer
    assert feeds.in_use(2) is None


def test_failures_are_counted_until_one_is_good(feeds: SqlFeeds) -> None:
    outcomes = (Outcome.REFUSED, Outcome.BROKEN_OFF, Outcome.HELD_BACK, Outcome.REFUSED, Outcome.UNCHANGED)
    assert [ended(feeds, began(feeds), outcome) for outcome in outcomes] == [[1], [2], [0], [1], [0]]


def test_another_source_by_hand_leaves_the_schedule_alone(feeds: SqlFeeds) -> None:
    assert ended(feeds, began(feeds, source="/elsewhere"), source="/elsewhere", in_use=IN_USE) == []
    assert [feed.advertiser for _, feed in feeds.due(NOON)] == ["acme", "other"]
    assert ended(feeds, began(feeds, ref=3), in_use=IN_USE) == []  # has no feed in its account
    assert feeds.in_use(3) == IN_USE


def test_turns_come_when_they_are_due(feeds: SqlFeeds) -> None:
    ended(feeds, began(feeds))
    assert [advertiser.id for advertiser, _ in feeds.due(NOON)] == ["other"]
    assert [advertiser.id for advertiser, _ in feeds.due(LATER)] == ["other", "acme"]
    feeds.make_due(1)
    assert {advertiser.id for advertiser, _ in feeds.due(NOON)} == {"acme", "other"}


def test_a_feed_that_is_looked_at_by_hand_is_never_due(engine: Engine, feeds: SqlFeeds) -> None:
    store = SqlAccounts(engine)
    by_hand = Feed(advertiser="acme", source=SOURCE, every_s=0)
    store.apply(lambda _: (Accounts(feeds={"acme": by_hand}), Accounts()))
    assert [advertiser.id for advertiser, _ in feeds.due(LATER)] == ["other"]


def test_states_have_all_that_have_a_feed_or_products(feeds: SqlFeeds) -> None:
    ended(feeds, began(feeds), in_use=IN_USE)
    ended(feeds, began(feeds), Outcome.REFUSED, reason="x" * 5_000)
    ended(feeds, began(feeds, ref=3), in_use=IN_USE)
    acme, other, silent = feeds.states()
    assert (acme.advertiser.id, acme.failures, acme.in_use) == ("acme", 1, IN_USE)
    assert acme.last is not None
    assert (acme.last.outcome, len(acme.last.reason), acme.last.report) == (Outcome.REFUSED, 2_000, {})
    assert (other.in_use, other.last) == (None, None)
    assert (silent.feed, silent.in_use) == (None, IN_USE)


def test_the_last_ones_are_kept_of_each(feeds: SqlFeeds) -> None:
    for _ in range(KEPT + 2):
        ended(feeds, began(feeds))
    ended(feeds, began(feeds, ref=2))
    numbers = [done.number for done in feeds.imports(1, limit=100)]
    assert len(numbers) == KEPT
    assert numbers == sorted(numbers, reverse=True)
    assert len(feeds.imports(2)) == 1


def test_an_advertiser_takes_its_imports_with_it(engine: Engine, feeds: SqlFeeds) -> None:
    running = began(feeds)
    ended(feeds, began(feeds, ref=2), in_use=IN_USE)
    gone = {name: shop(name) for name in ("acme", "other")}
    lost = {name: Feed(advertiser=name, source=SOURCE) for name in gone}
    SqlAccounts(engine).apply(lambda _: (Accounts(), Accounts(advertisers=gone, feeds=lost)))
    assert feeds.states() == []
    assert feeds.imports(1) == []
    ended(feeds, running, in_use=IN_USE)  # too late, and no error
    assert feeds.in_use(1) is None


def test_feeds_of_an_older_version_are_known_and_due(open_again: Callable[[], Engine]) -> None:
    engine = open_again()
    with migrate._alone(engine) as connection:
        command.upgrade(migrate._config(connection), "0002")
    with writing(engine) as connection:
        connection.execute(
            text(
                "INSERT INTO advertiser (id, name, domains, currency, locale) VALUES"
                " ('acme', 'Acme', '[]', 'EUR', 'de_DE'), ('other', 'Other', '[]', 'EUR', 'de_DE')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO feed (advertiser_ref, source, imported_at, products, last_error) VALUES"
                " (1, '/a.xml', '2026-06-01 12:00:00+00:00', 12, NULL), (2, '/b.xml', NULL, NULL, 'not found')"
            )
            if engine.dialect.name == "postgresql"
            else text(
                "INSERT INTO feed (advertiser_ref, source, imported_at, products, last_error) VALUES"
                " (1, '/a.xml', '2026-06-01 12:00:00.000000', 12, NULL), (2, '/b.xml', NULL, NULL, 'not found')"
            )
        )
    migrate.upgrade(engine)
    feeds = SqlFeeds(engine)
    acme, other = feeds.states()
    assert acme.feed == Feed(advertiser="acme", source="/a.xml")
    assert acme.in_use is not None
    assert (acme.in_use.products, acme.in_use.digest) == (12, "")
    assert acme.in_use.imported_at == datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert other.in_use is None
    assert {feed.source for _, feed in feeds.due(NOON)} == {"/a.xml", "/b.xml"}
    with migrate._alone(engine) as connection:
        command.downgrade(migrate._config(connection), "0002")
    with reading(engine) as connection:
        rows = connection.execute(text("SELECT source, products, last_error FROM feed ORDER BY source")).all()
    assert rows == [("/a.xml", 12, None), ("/b.xml", None, None)]
