"""``PATCH /api/v1/advertisers/{id}/products/{product}``: one product changed, in all workers, and nobody else's."""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import pytest

from adserver.control import Control, open_control
from adserver.model.product import Product
from adserver.service.api_keys import KeyRefused, create_key, read_scope, revoke_key
from tests.http.conftest import Reply, Wire, products_in
from tests.server import Server, until

ODD = "a/b c%2F?ü#&+'\"<>"
SEEN_WITHIN_S = 0.5
"""What is promised, in the best of a few rounds: others may keep the machine busy."""

T = TypeVar("T")


def with_control(server: Server, work: Callable[[Control], Awaitable[T]]) -> T:
    """What the command line does on a running server, without starting it."""
    notes = json.loads((server.data_dir / "server.json").read_text())

    async def run() -> T:
        async with open_control(notes["database_url"], notes["valkey_url"]) as control:
            return await work(control)

    return asyncio.run(run())


def ref_of(control: Control, advertiser: str) -> int:
    return control.accounts.load()[1].advertisers[advertiser].ref


class Api:
    """The products of one server, and its keys."""

    def __init__(self, server: Server) -> None:
        self.server = server
        scopes = ("operator", "advertiser:acme", "advertiser:boots", "advertiser:strict", "publisher:daily")
        self.keys = {scope: self.new_key(scope) for scope in scopes}
        self.wait_until_known("publisher:daily")

    def new_key(self, scope: str) -> str:
        async def make(control: Control) -> str:
            wanted = read_scope(scope)
            assert not isinstance(wanted, KeyRefused)
            made = create_key(control.keys, label="test", scope=wanted, now=datetime.now(UTC))
            assert not isinstance(made, KeyRefused)
            return made.secret

        return with_control(self.server, make)

    def wait_until_known(self, scope: str, *, known: bool = True) -> None:
        """By all workers: as many fresh answers in a row as make a miss unlikely."""
        until(
            lambda: all((self.call("SKU990", {}, scope=scope).status_code != 401) is known for _ in range(12)),
            within=5,
            what="the key's state",
        )

    def url(self, product: str, advertiser: str = "acme") -> str:
        return f"{self.server.base_url}/api/v1/advertisers/{advertiser}/products/{quote(product, safe='')}"

    def call(
        self,
        product: str,
        body: Any = None,
        *,
        advertiser: str = "acme",
        scope: str | None = "advertiser:acme",
        method: str = "PATCH",
        **headers: str,
    ) -> httpx.Response:
        """On a connection of its own, so that any worker may take it. ``body``: bytes as they are, else JSON."""
        sent = {"Content-Type": "application/merge-patch+json", **headers}
        if scope is not None:
            sent["Authorization"] = f"Bearer {self.keys.get(scope, scope)}"
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        return httpx.request(method, self.url(product, advertiser), content=content, headers=sent, timeout=30)

    def get(self, product: str) -> dict[str, str]:
        answer = self.call(product, method="GET")
        assert answer.status_code == 200, answer.text
        found: dict[str, str] = answer.json()
        return found


@pytest.fixture(scope="module")
def api(server: Server) -> Api:
    return Api(server)


def errors_of(answer: httpx.Response) -> dict[str, str]:
    """Code by field of a refusal."""
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == answer.status_code
    assert all(flaw["expected"] and flaw["fix"] for flaw in told["errors"])
    return {flaw["field"]: flaw["code"] for flaw in told["errors"]}


def test_a_product_is_read_as_a_feed_has_it(api: Api) -> None:
    assert api.get("SKU900") == {
        "id": "SKU900",
        "title": "Product SKU900",
        "link": "https://shop.test/p/SKU900",
        "image_link": "https://shop.test/img/SKU900.png",
        "price": "9010.90 EUR",
        "availability": "in_stock",
    }


def test_what_is_read_can_be_written(api: Api) -> None:
    found = api.get("SKU901")
    answer = api.call("SKU901", {name: value for name, value in found.items() if name != "id"})
    assert (answer.status_code, answer.json()) == (200, found)
    assert answer.headers["cache-control"] == "private, no-store"


def product(product_id: str) -> Product:
    return Product(product_id, f"Product {product_id}", f"https://strict.test/p/{product_id}", "", 1_000_000, "EUR")


async def imported(control: Control, *ids: str, meanwhile: Callable[[], None] = lambda: None) -> None:
    """A new catalog of one shop; ``meanwhile`` happens when it is nearly there."""
    writer = await control.catalogs.begin(ref_of(control, "strict"))
    await writer.add([product(product_id) for product_id in ids])
    await asyncio.to_thread(meanwhile)
    assert await writer.swap(unless_swapped_since=False, checked_at=int(time.time()))


def test_any_id_is_reached(api: Api) -> None:
    with_control(api.server, lambda control: imported(control, "S1", ODD))
    strict = {"advertiser": "strict", "scope": "advertiser:strict"}
    assert api.call(ODD, {"title": "Odd"}, **strict).json()["title"] == "Odd"
    assert api.call(ODD, method="GET", **strict).json()["id"] == ODD


def test_a_patch_survives_an_import_that_began_before(api: Api) -> None:
    strict = {"advertiser": "strict", "scope": "advertiser:strict"}

    def patched() -> None:
        assert api.call("S1", {"availability": "sold out", "price": "2.50"}, **strict).status_code == 200

    with_control(api.server, lambda control: imported(control, "S1", ODD, meanwhile=patched))
    found = api.call("S1", method="GET", **strict).json()
    assert (found["availability"], found["price"], found["title"]) == ("out_of_stock", "2.50 EUR", "Product S1")
    with_control(api.server, lambda control: imported(control, "S1", ODD))
    found = api.call("S1", method="GET", **strict).json()
    assert (found["availability"], found["price"]) == ("in_stock", "1.00 EUR"), "an import that began later wins"


def test_the_history_of_prices_goes_on(api: Api) -> None:
    assert api.call("SKU911", {"price": "5.00"}).status_code == 200
    assert api.call("SKU911", {"price": "4.00"}).status_code == 200
    assert api.call("SKU911", {"brand": "x"}).status_code == 200

    async def history(control: Control) -> list[int]:
        writer = await control.catalogs.begin(ref_of(control, "acme"))
        return [price for _, price in (await writer.current(["SKU911"]))["SKU911"].history]

    assert with_control(api.server, history)[-2:] == [5_000_000, 4_000_000]


def test_prices_are_exact(api: Api) -> None:
    number = api.call("SKU902", b'{"price": 1299999999.999999, "sale_price": "1.234,5 EUR"}').json()
    assert (number["price"], number["sale_price"]) == ("1299999999.999999 EUR", "1234.50 EUR")
    dates = "2026-01-01T00:00:00Z/2026-02-01T00:00:00Z"
    assert api.call("SKU902", {"sale_price_effective_date": dates}).json()["sale_price_effective_date"] == dates
    plain = api.call("SKU902", {"sale_price": None}).json()
    assert "sale_price" not in plain
    assert "sale_price_effective_date" not in plain


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_changed(api: Api) -> None:
    before = api.get("SKU903")
    patch = {
        "title": "New",
        "price": "on request",
        "link": "/p",
        "availability": "maybe",
        "brand": ["a"],
        "colour": "red",
        "id": "SKU904",
    }
    answer = api.call("SKU903", patch)
    assert answer.status_code == 422
    assert errors_of(answer) == {
        "price": "price_unreadable",
        "link": "link_unusable",
        "availability": "availability_unknown",
        "brand": "not_text",
        "colour": "field_unknown",
        "id": "id_fixed",
    }
    assert api.get("SKU903") == before


def test_a_price_can_not_undercut_the_sale_that_is_on(api: Api) -> None:
    assert api.call("SKU904", {"price": 100, "sale_price": 80}).status_code == 200
    answer = api.call("SKU904", {"price": 70})
    assert (answer.status_code, errors_of(answer)) == (422, {"sale_price": "sale_not_lower"})
    assert api.call("SKU904", {"price": 70, "sale_price": None}).json()["price"] == "70.00 EUR"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'\xff{"title": "x"}', 400),
        (b'{"price": NaN}', 400),
        (b'{"price": 1, "price": 2}', 400),
        (b'{"price": 1e99999999999999999999}', 400),
        (b"[" * 60_000, 400),
        (b"[]", 422),
        (b'"x"', 422),
        (b"null", 422),
        (b'{"price": 1e999999999}', 422),
        (b'{"price": true}', 422),
        (b'{"title": {"a": {"b": 1}}}', 422),
        (b'{"title": "\\ud800"}', 422),
        (b'{"\\ud800": "x"}', 422),
        (b'{"title": "' + b"x" * 70_000 + b'"}', 413),
    ],
)
def test_bodies_that_can_not_be_used(api: Api, body: bytes, status: int) -> None:
    before = api.get("SKU905")
    answer = api.call("SKU905", body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert api.get("SKU905") == before


def test_a_body_without_a_length_is_bounded_too(api: Api) -> None:
    chunks = (b'{"title": "' + b"x" * 10_000 for _ in range(100))
    headers = {"Authorization": f"Bearer {api.keys['operator']}", "Content-Type": "application/json"}
    answer = httpx.patch(api.url("SKU905"), content=chunks, headers=headers, timeout=30)
    assert answer.status_code == 413


def test_the_type_of_the_body_matters(api: Api) -> None:
    answer = api.call("SKU905", {"title": "x"}, **{"Content-Type": "text/plain"})
    assert answer.status_code == 415
    assert "application/merge-patch+json" in answer.headers["accept-patch"]
    utf8 = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert api.call("SKU905", {}, **utf8).status_code == 200


def test_who_may(api: Api) -> None:
    without = api.call("SKU906", {}, scope=None)
    assert (without.status_code, without.headers["www-authenticate"]) == (401, "Bearer")
    unknown = api.call("SKU906", {}, scope="ak_" + "x" * 43)
    assert (unknown.status_code, unknown.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
    for scope in ("operator", "advertiser:acme"):
        assert api.call("SKU906", {}, scope=scope).status_code == 200
        assert api.call("SKU906", scope=scope, method="GET").status_code == 200


@pytest.mark.parametrize("scope", ["advertiser:boots", "publisher:daily"])
def test_a_foreign_key_hears_the_same_of_everything(api: Api, scope: str) -> None:
    answers = [
        api.call(product, body, scope=scope, method=method, advertiser=advertiser)
        for product, advertiser in (("SKU906", "acme"), ("gone", "acme"), ("SKU906", "nobody"))
        for method, body in (("GET", None), ("PATCH", {}), ("PATCH", {"price": "x"}))
    ]
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.content for answer in answers}) == 1


def test_what_is_not_there(api: Api) -> None:
    assert api.call("gone", {"title": "x"}).status_code == 404
    assert api.call("gone", method="GET").status_code == 404
    assert api.call("SKU906", {}, advertiser="nobody", scope="operator").status_code == 404
    assert api.call("SKU906", {}, advertiser="boots", scope="operator").status_code == 404


def test_a_revoked_key_is_gone(api: Api) -> None:
    api.keys["revoked"] = api.new_key("advertiser:acme")
    api.wait_until_known("revoked")

    async def revoke(control: Control) -> None:
        assert not isinstance(revoke_key(control.keys, api.keys["revoked"][:8], now=datetime.now(UTC)), KeyRefused)

    with_control(api.server, revoke)
    api.wait_until_known("revoked", known=False)


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "HEAD", "OPTIONS"])
def test_other_methods(api: Api, method: str) -> None:
    answer = api.call("SKU906", method=method)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, PATCH")


def test_sold_out_is_gone_in_all_workers(api: Api, wire: Wire) -> None:
    cookie = wire.view("SKU907")

    def shown() -> list[bool]:
        """Of many fresh connections: under load one worker may take several in a row."""
        return [products_in(wire.ad(cookie).text) == ["Product SKU907"] for _ in range(24)]

    assert all(shown())
    took = []
    for _ in range(3):
        assert api.call("SKU907", {"availability": "out of stock"}).status_code == 200
        began = time.monotonic()
        until(lambda: not any(shown()), within=5, what="no worker shows it")
        took.append(time.monotonic() - began)
        assert api.call("SKU907", {"availability": None}).status_code == 200
        until(lambda: all(shown()), within=5, what="all workers show it again")
    assert min(took) < SEEN_WITHIN_S, took


def test_patches_at_the_same_time_lose_none(api: Api) -> None:
    names = ["title", "brand", "color", "size", "product_type", *(f"custom_label_{n}" for n in range(5))]

    async def all_at_once() -> list[httpx.Response]:
        headers = {"Authorization": f"Bearer {api.keys['operator']}", "Content-Type": "application/json"}
        async with httpx.AsyncClient(headers=headers, timeout=30) as client:
            return await asyncio.gather(*(client.patch(api.url("SKU908"), json={n: f"of {n}"}) for n in names))

    assert {answer.status_code for answer in asyncio.run(all_at_once())} == {200}
    found = api.get("SKU908")
    assert {name: found[name] for name in names} == {name: f"of {name}" for name in names}


def test_the_banner_has_the_new_price(api: Api, wire: Wire) -> None:
    cookie = wire.view("SKU909")
    assert api.call("SKU909", {"price": "77.70"}).status_code == 200

    def everywhere() -> bool:
        return all("77,70" in wire.ad(cookie).text for _ in range(8))

    until(everywhere, within=5, what="all workers show the new price")


def test_metrics_count_changes(api: Api) -> None:
    def count() -> float:
        answer = httpx.get(
            f"{api.server.base_url}/metrics", headers={"Authorization": f"Bearer {api.keys['operator']}"}
        )
        found = re.search(r"^adserver_product_changes_total (\S+)", answer.text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    before = count()
    assert api.call("SKU910", {"brand": "x"}).status_code == 200
    assert api.call("SKU910", {"price": "x"}).status_code == 422
    assert count() == before + 1


def test_pipelined_behind_a_refused_body_the_next_request_is_answered(wire: Wire) -> None:
    """A body that nobody reads does not become the next request."""
    body = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    head = b"PATCH /api/v1/advertisers/acme/products/SKU906 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(
        body
    )
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    replies: list[Reply] = wire.send(head + body + last)
    assert [reply.status for reply in replies] == [401, 200]
