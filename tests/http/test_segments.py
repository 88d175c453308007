"""One visitor walks the ladder and into rules through the real server; each step counts at once."""

import hashlib
import json
import time
from collections.abc import Iterator

import httpx
import pytest

from adserver.audience.customer_list import mail_hash
from adserver.audience.ladder import rung_of
from adserver.audience.rules import Rules, compile_rules
from adserver.model.profile import EPOCH, Profile
from adserver.model.segment import Rung
from adserver.storage.sql.accounts import SqlAccounts
from adserver.storage.sql.engine import open_engine
from adserver.storage.valkey.profile_codec import profile_of
from tests.server import ACCOUNTS, Server, cookie_of, feed_xml, running_server

SEGMENTS = """
[segments.dear]
advertiser = "acme"
rule = { event = "view_item", min_price = "20.00", min_count = 2 }
[segments.sale]
advertiser = "acme"
rule = { event = "page_view", url = "/sale/" }
[segments.big]
advertiser = "acme"
rule = { all = [{ event = "purchase", min_value = "200.00", within = "90d" }, { not = { event = "refund" } }] }
[segments.loyal]
advertiser = "acme"
rule = { event = "login", within = "180d" }
"""
REF = 1


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server(accounts=ACCOUNTS + SEGMENTS, feed=feed_xml(["SKU1", "SKU2", "SKU3"])) as running:
        yield running


@pytest.fixture(scope="module")
def rules(server: Server) -> Rules:
    engine = open_engine(f"sqlite:///{server.data_dir / 'adserver.db'}")
    try:
        return compile_rules(SqlAccounts(engine).load()[1])
    finally:
        engine.dispose()


class Visitor:
    """A browser; ``does`` is one pixel."""

    def __init__(self, server: Server, rules: Rules) -> None:
        self._server = server
        self._rules = rules
        self._cookie = ""

    def does(self, event: str, **fields: str) -> str:
        """The reason why it did not count, or nothing."""
        headers = {"Cookie": self._cookie} if self._cookie else {}
        answer = httpx.get(
            f"{self._server.base_url}/pixel.gif", params={"a": "acme", "e": event, **fields}, headers=headers
        )
        if "set-cookie" in answer.headers:
            self._cookie = cookie_of(answer)
        return str(answer.headers.get("x-adserver-reason", ""))

    @property
    def profile(self) -> Profile:
        with self._server.valkey() as valkey:
            key = next(key for key in valkey.scan_iter("u:*") if key[3:-1].decode() in self._cookie)
            found: dict[bytes, bytes] = valkey.hgetall(key)
        return profile_of([part for pair in found.items() for part in pair], int(time.time()) - EPOCH)

    @property
    def rung(self) -> Rung | None:
        return rung_of(self.profile.shopping[REF], time.time(), 30)

    def is_in(self, segment: str) -> bool:
        return self._rules.is_member(segment, self.profile, time.time())

    @property
    def life_s(self) -> int:
        with self._server.valkey() as valkey:
            key = next(key for key in valkey.scan_iter("u:*") if key[3:-1].decode() in self._cookie)
            return int(valkey.ttl(key))


@pytest.fixture
def anna(server: Server, rules: Rules) -> Visitor:
    return Visitor(server, rules)


def test_one_visitor_walks_up_the_ladder_and_a_refund_leads_down(anna: Visitor) -> None:
    steps = [
        ("page_view", {}, Rung.VISITOR),
        ("view_item", {"p": "SKU1"}, Rung.PRODUCT_VIEWER),
        ("add_to_cart", {"p": "SKU2"}, Rung.CART_ABANDONER),
        ("view_item", {"p": "SKU3"}, Rung.CART_ABANDONER),
        ("remove_from_cart", {"p": "SKU2"}, Rung.PRODUCT_VIEWER),
        ("add_to_cart", {"p": "SKU2"}, Rung.CART_ABANDONER),
        ("purchase", {"p": "SKU2", "o": "A-1", "v": "20.90"}, Rung.PAST_BUYER),
        ("view_item", {"p": "SKU1"}, Rung.PAST_BUYER),
        ("refund", {"o": "A-1"}, Rung.PRODUCT_VIEWER),
        ("purchase", {}, Rung.PAST_BUYER),
    ]
    walked = []
    for event, fields, _ in steps:
        assert anna.does(event, **fields) == ""
        walked.append(anna.rung)
    assert walked == [rung for _, _, rung in steps]


def test_a_rule_is_true_with_the_very_event_that_makes_it_true(anna: Visitor) -> None:
    anna.does("view_item", p="SKU2")
    anna.does("view_item", p="SKU1")  # too cheap
    anna.does("view_item", p="NONE")  # in no catalog
    assert not anna.is_in("dear")
    anna.does("view_item", p="SKU3")
    assert anna.is_in("dear")


def test_pages_values_and_refunds(anna: Visitor) -> None:
    anna.does("page_view", url="https://shop.test/shoes/")
    anna.does("purchase", v="199.99")
    assert not anna.is_in("sale")
    assert not anna.is_in("big")
    anna.does("page_view", url="https://shop.test/SALE/?size=41")
    anna.does("purchase", v="200.00", c="EUR")
    assert anna.is_in("sale")
    assert anna.is_in("big")
    anna.does("refund")
    assert not anna.is_in("big")


def test_a_profile_lives_as_long_as_the_longest_rule(anna: Visitor) -> None:
    anna.does("page_view")
    assert anna.life_s <= 3_600
    anna.does("page_view")
    assert anna.life_s > 175 * 86_400


def test_the_hash_of_an_address_is_kept_and_nothing_else_is_taken_for_one(server: Server, anna: Visitor) -> None:
    digest = hashlib.sha256(b"anna@example.com").hexdigest()
    assert anna.does("login", em=digest) == ""
    assert anna.profile.mails == {REF: mail_hash("Anna@example.com ")}
    assert anna.does("login", em="bo@example.com") == "bad_mail"
    assert anna.does("login", em=digest[1:]) == "bad_mail"
    assert anna.profile.mails == {REF: mail_hash("anna@example.com")}
    assert not any(secret in server.log() for secret in (digest, "example.com"))


def test_sizes_on_the_command_line(server: Server, anna: Visitor) -> None:
    anna.does("page_view")
    anna.does("login")
    told = json.loads(server.cli("segment", "list", "acme", "--json"))
    assert [one["segment"] for one in told["segments"]] == [*Rung, "big", "dear", "loyal", "sale"]
    members = {one["segment"]: one["members"] for one in told["segments"]}
    assert told["visitors"] >= members["loyal"] >= 1
    assert told["visitors"] == sum(members[rung] for rung in Rung)


def test_a_customer_list_reaches_valkey_and_no_address_does(server: Server) -> None:
    file = server.data_dir.parent / "customers.txt"
    file.write_text("".join(f"user{number}@example.com\n" for number in range(10_000)) + "nobody\n", "utf-8")
    told = server.cli("list", "upload", "acme", "vips", str(file))
    assert "10,000 addresses read, 1 refused" in told
    assert "line 10001" in told
    with server.valkey() as valkey:
        assert [valkey.strlen(key) for key in valkey.scan_iter("list:*")] == [8 + 80_000]
    kept = b"".join(path.read_bytes() for path in server.data_dir.glob("adserver.db*"))
    assert b"user77@" not in kept
    assert mail_hash("user77@example.com") in kept
