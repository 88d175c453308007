"""Hiding a product: from the banner to the next one, for the visitor whose ad it was and for nobody else."""

import time
from collections.abc import Mapping
from typing import Any

import pytest

from adserver.model.decision import Why
from adserver.storage.valkey import keys
from adserver.storage.valkey.profile_codec import profile_of
from adserver.tracking.keyring import Keyring
from adserver.tracking.sealed import VisitorSeal
from adserver.tracking.token import TokenKind, Tokens
from adserver.tracking.trace import trace_of
from adserver.tracking.visitor import VisitorCookies
from tests.http.conftest import SECRET, Wire, cookies, keys_in, products_in, token
from tests.http.test_why import IMPRESSION_S, buttons, press, why_in, words
from tests.server import Server
from tests.unit.test_trace import decided


@pytest.fixture
def address(tokens: Tokens) -> str:
    """The page of an ad with SKU1 and SKU2 that took no caps."""
    return page_of(tokens)


def page_of(tokens: Tokens, sealed: bytes = b"") -> str:

    shown = trace_of(decided([("SKU1", Why.VIEWED), ("SKU2", Why.VIEWED)], []))
    expires = int(time.time()) + IMPRESSION_S
    return "/why/" + tokens.mint(token(TokenKind.IMPRESSION, expires=expires, trace=shown, sealed=sealed))


def visitor_of(cookie: str) -> str:
    visitor = VisitorCookies(Keyring([SECRET.encode()], "visitor")).visitor_of([cookie.partition("=")[2]])
    assert visitor
    return visitor


def hidden(server: Server, cookie: str) -> Mapping[int, frozenset[str]]:
    """What is kept of it, by the advertiser's number."""
    with server.valkey() as valkey:
        found: Any = valkey.hgetall(keys.visitor(visitor_of(cookie)))
    return profile_of([part for pair in found.items() for part in pair]).hidden


def test_what_was_hidden_is_not_in_the_next_ad(wire: Wire) -> None:
    cookie = wire.view("SKU2")
    wire.view("SKU1", cookie=cookie)
    ad = wire.ad(cookie)
    assert products_in(ad.text) == ["Product SKU1", "Product SKU2"]
    for _ in range(2):  # once more changes nothing
        assert press(wire, why_in(ad), cookie, hide="SKU1").status == 303
        assert products_in(wire.ad(cookie).text) == ["Product SKU2"]
    page = wire.get(why_in(ad), *cookies(cookie))
    assert "Product SKU1 You looked at it" in words(page)
    assert "Hidden: you will not see it again." in words(page)
    assert [button.get("name") for button in buttons(page)] == ["show", "hide"]
    assert press(wire, why_in(ad), cookie, show="SKU1").status == 303
    assert products_in(wire.ad(cookie).text) == ["Product SKU1", "Product SKU2"]


@pytest.fixture
def cookie(wire: Wire) -> str:
    return wire.view("SKU1")


@pytest.fixture
def sealed(tokens: Tokens, cookie: str) -> str:
    """The page of an ad that took caps of that visitor."""
    return page_of(tokens, VisitorSeal([SECRET.encode()]).seal(visitor_of(cookie), "decision-of-test"))


def test_whoever_only_knows_the_address_changes_nothing_and_learns_nothing(
    server: Server, wire: Wire, cookie: str, sealed: str
) -> None:
    """It stands in the banner, so the publisher's page knows it."""
    other = wire.view("SKU1")
    for asker in ("", other, "adserver=forged"):
        assert press(wire, sealed, asker, hide="SKU1").status == 303
        assert hidden(server, cookie) == hidden(server, other) == {}
    assert press(wire, sealed, cookie, hide="SKU1").status == 303
    assert hidden(server, cookie) == {1: frozenset({"SKU1"})}
    for asker in ("", other):
        page = wire.get(sealed, *cookies(asker))
        assert buttons(page) == []
        assert "Hidden" not in words(page)
        assert press(wire, sealed, asker, show="SKU1").status == 303
    assert hidden(server, cookie) == {1: frozenset({"SKU1"})}
    assert [button.get("name") for button in buttons(wire.get(sealed, *cookies(cookie)))] == ["show", "hide"]


def test_a_cookie_of_the_visitor_beside_another_will_do(server: Server, wire: Wire, cookie: str, sealed: str) -> None:
    both = f"{wire.view('SKU1')}; {cookie.replace('adserver=', 'adserver-p=')}"
    assert press(wire, sealed, both, hide="SKU1").status == 303
    assert hidden(server, cookie) == {1: frozenset({"SKU1"})}


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "We do not know you here"),
        ("de", "Wir kennen Sie hier nicht"),
        ("fr", "Nous ne vous connaissons pas ici"),
        ("it", "Qui non ti conosciamo"),
        ("es", "Aquí no te conocemos"),
    ],
)
def test_who_is_not_known_is_told_so(wire: Wire, sealed: str, language: str, told: str) -> None:
    assert told in words(wire.get(sealed, ("Accept-Language", language)))


def test_nothing_is_written_of_somebody_unknown(server: Server, wire: Wire, tokens: Tokens, address: str) -> None:
    seal = VisitorSeal([SECRET.encode()])
    cookie = wire.view("SKU1")
    with server.valkey() as valkey:
        valkey.delete(keys.visitor(visitor_of(cookie)))
        before = keys_in(valkey)
        for page, asker in (
            (address, ""),
            (address, "adserver=forged"),
            (address, cookie),
            (page_of(tokens, seal.seal("A" * 22, "decision-of-test")), ""),
        ):
            assert press(wire, page, asker, hide="SKU1").status == 303
            told = wire.get(page, *cookies(asker))
            assert "We do not know you here" in words(told)
            assert buttons(told) == []
        assert keys_in(valkey) == before


def test_nothing_is_hidden_for_a_browser_that_objects(server: Server, wire: Wire, address: str) -> None:
    cookie = wire.view("SKU1")
    same_origin = ("Sec-Fetch-Site", "same-origin")
    assert press(wire, address, cookie, ("Sec-GPC", "1"), same_origin, hide="SKU1").status == 303
    assert press(wire, address, f"{cookie}; adserver-opt-out=1", hide="SKU1").status == 303
    assert hidden(server, cookie) == {}
    assert buttons(wire.get(address, *cookies(cookie), ("Sec-GPC", "1"))) == []


def test_other_pages_can_not_press_the_button(server: Server, wire: Wire, address: str) -> None:
    cookie = wire.view("SKU1")
    for foreign in (
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Origin", "https://news.test"),
        ("Origin", "null"),
        ("Origin", "http://[ads.test"),
    ):
        assert press(wire, address, cookie, foreign, hide="SKU1").status == 403, foreign
    assert hidden(server, cookie) == {}
    for own in (("Origin", "http://ads.test"), ("Accept", "text/html")):
        assert press(wire, address, cookie, own, hide="SKU1").status == 303, own
    assert hidden(server, cookie) == {1: frozenset({"SKU1"})}


def test_what_can_not_be_read_or_is_not_in_the_ad_changes_nothing(server: Server, wire: Wire, address: str) -> None:
    cookie = wire.view("SKU1")
    assert press(wire, address, cookie, hide="SKU3").status == 422
    assert press(wire, address, cookie, hide="").status == 422
    assert press(wire, address, cookie).status == 422
    assert press(wire, address, cookie, hide="SKU1", show="SKU1").status == 422
    assert press(wire, address, cookie, hide="SKU1" * 2_000).status == 413
    assert press(wire, address, cookie, remove="SKU1").status == 422
    assert press(wire, address[:-1], cookie, hide="SKU1").status == 404
    reply = wire.get(address, *cookies(cookie), ("Sec-Fetch-Site", "same-origin"), method="POST")
    assert reply.status == 415
    assert hidden(server, cookie) == {}
