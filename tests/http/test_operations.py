"""The operator's side: health, metrics, and what happens while Valkey is away."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from adserver.model.event_name import EventName
from adserver.model.feed_import import Outcome as FeedOutcome
from adserver.model.reason import EventReason, NoAdReason, TokenReason
from adserver.service.show_picture import Outcome as PictureOutcome
from adserver.storage.valkey.embedded import EmbeddedValkey
from adserver.tracking.token import TokenKind
from tests.http.conftest import (
    GIF,
    SECRET,
    Header,
    Wire,
    clicks_in,
    failures,
    impression_in,
    pixel,
    products_in,
    request,
    wire_to,
)
from tests.server import Server, feed_xml, running_server, until

VIEW = pixel(a="acme", e="view_item", p="SKU1")
AD = "/ad?placement=daily-rectangle"
METRICS_TOKEN = "metrics-9f3c7a1e5b"


def bearer(secret: str) -> Header:
    return ("Authorization", f"Bearer {secret}")


def samples(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def total(found: dict[str, list[tuple[dict[str, str], float]]], name: str) -> float:
    return sum(value for _, value in found.get(name, []))


def test_health_and_readiness(wire: Wire) -> None:
    assert (wire.get("/healthz").status, wire.get("/healthz").body) == (200, b"ok\n")
    reply = wire.get("/readyz")
    assert reply.status == 200
    assert reply.json["ready"] is True
    assert reply.json["problems"] == []


def test_metrics_from_this_machine(wire: Wire) -> None:
    reply = wire.get("/metrics")
    assert reply.status == 200
    assert reply.header("content-type").startswith("text/plain")


@pytest.mark.parametrize(
    "header", [("X-Forwarded-For", "127.0.0.1"), ("Forwarded", "for=127.0.0.1"), ("X-Forwarded-For", "")]
)
def test_metrics_through_a_proxy_need_a_key(wire: Wire, header: Header) -> None:
    reply = wire.get("/metrics", header)
    assert (reply.status, reply.header("www-authenticate")) == (401, "Bearer")
    assert b"adserver_" not in reply.body


@pytest.mark.parametrize("given", ["Bearer ", "Bearer x", "Basic YTpi", "bearer \xff", "Bearer  ", "x", "Bearer a b"])
def test_a_wrong_bearer_is_no_better_than_none(wire: Wire, given: str) -> None:
    assert wire.get("/metrics", ("Authorization", given), ("X-Forwarded-For", "1.2.3.4")).status == 401


def made(server: Server, scope: str) -> str:
    found = re.search(r"ak_[A-Za-z0-9_-]{43}", server.cli("key", "create", scope))
    assert found
    return found[0]


def test_an_operators_key_opens_the_metrics_until_it_is_revoked(server: Server, wire: Wire) -> None:
    operator, shop = made(server, "operator"), made(server, "advertiser:acme")
    server.wait_for_workers()
    assert wire.get("/metrics", bearer(operator), ("X-Forwarded-For", "1.2.3.4")).status == 200
    assert wire.get("/metrics", bearer(shop)).status == 401
    assert wire.get("/metrics", bearer(operator[:-1])).status == 401
    server.cli("key", "revoke", operator[:8])
    until(
        lambda: {wire.get("/metrics", bearer(operator)).status for _ in range(8)} == {401},
        within=10,
        what="the end of a key",
    )


Samples = dict[str, list[tuple[dict[str, str], float]]]


def settled_samples(wire: Wire) -> Samples:
    """What all workers have counted: each adds its own up a few milliseconds later."""
    last: list[Samples] = []

    def is_settled() -> bool:
        found = samples(wire.get("/metrics").text)
        last.append({name: values for name, values in found.items() if name.endswith("_total")})
        return len(last) > 1 and last[-1] == last[-2]

    until(is_settled, what="counters that stand still")
    return last[-1]


def test_the_counters_of_all_workers_add_up(wire: Wire) -> None:
    cookie = wire.view("SKU1")
    before = settled_samples(wire)
    for _ in range(40):
        wire.view("SKU1", cookie=cookie)
        wire.ad(cookie)
        wire.ad()
        wire.get("/ads?placement=daily-rectangle&placement=nowhere&placement=daily-paused", ("Cookie", cookie))
        wire.get("/ads")
        wire.get("/pixel.gif")
    after = settled_samples(wire)

    def grown(name: str) -> float:
        return total(after, name) - total(before, name)

    assert grown("adserver_events_total") == 40
    assert grown("adserver_event_rejections_total") == 40
    assert grown("adserver_ad_requests_total") == 40 * 6
    assert grown("adserver_ads_total") == 40 * 2
    assert grown("adserver_no_ads_total") == 40 * 4


def test_every_request_for_an_ad_has_one_outcome(wire: Wire) -> None:
    """Over everything that was asked of this server so far."""
    found = samples(wire.get("/metrics").text)
    assert total(found, "adserver_ad_requests_total") > 0
    outcomes = total(found, "adserver_ads_total") + total(found, "adserver_no_ads_total")
    assert total(found, "adserver_ad_requests_total") == outcomes


def test_labels_come_from_closed_sets(wire: Wire) -> None:
    for target in ("/pixel.gif?a=acme&e=surprise", "/ad?placement=surprise", "/i/surprise", "/surprise", "/c/surprise"):
        wire.get(target)
    routes = {"/pixel.gif", "/ads", "/ad", "/i/", "/c/", "/tag.js", "/slot.js", "/privacy", "/privacy/opt-out"}
    routes |= {"/preview", "/preview/ad", "/preview/about", "/preview/seen.gif", "/preview/pictures/"}
    routes |= {"/ad.json", "/ad.png", "/ad.webp", "/ad.jpg", "/ad/click"}
    routes |= {"/healthz", "/readyz", "/metrics", "/media/", "/why/", "/api/v1/advertisers/"}
    known = {
        "adserver_events_total": {"event": {name.value for name in EventName}},
        "adserver_event_rejections_total": {"reason": {reason.label for reason in EventReason}},
        "adserver_no_ads_total": {"reason": {reason.label for reason in NoAdReason}},
        "adserver_house_ads_total": {"reason": {reason.label for reason in NoAdReason}},
        "adserver_token_rejections_total": {
            "reason": {reason.label for reason in TokenReason},
            "kind": {kind.name.lower() for kind in TokenKind},
        },
        "adserver_unbilled_total": {"kind": {kind.name.lower() for kind in TokenKind}},
        "adserver_pictures_total": {"outcome": {outcome.value for outcome in PictureOutcome}},
        "adserver_ad_pictures_total": {"outcome": {"known", "stored", "drawn", "incomplete", "refused", "failed"}},
        "adserver_picture_wait_seconds_count": {"work": {"decode", "draw"}},
        "adserver_picture_wait_seconds_sum": {"work": {"decode", "draw"}},
        "adserver_picture_processes_lost_total": {"work": {"decode", "draw"}},
        "adserver_spool_rejections_total": {"reason": {"full", "disk"}},
        "adserver_feed_imports_total": {"outcome": {outcome.value for outcome in FeedOutcome}},
        "adserver_feed_age_seconds": {"advertiser": {"acme", "boots", "strict"}},
        "adserver_feed_products": {"advertiser": {"acme", "boots", "strict"}},
        "adserver_answer_seconds_count": {"route": routes},
        "adserver_answer_seconds_sum": {"route": routes},
    }
    found = samples(wire.get("/metrics").text)
    for name, labels in known.items():
        for given, _ in found.get(name, []):
            assert set(given) == set(labels), name
            assert all(value in labels[label] for label, value in given.items()), name
    others = [name for name in found if name not in known and not name.endswith("_bucket")]
    assert [name for name in others for given, _ in found[name] if not set(given) <= {"pid"}] == []


@contextmanager
def starting(server: Server) -> Iterator[Wire]:
    """A server that is being started and waits for its stores; ready when the block ends."""
    failed: list[BaseException] = []

    def start() -> None:
        try:
            server.start()
        except BaseException as error:
            failed.append(error)

    thread = Thread(target=start)
    thread.start()
    until(lambda: server.base_url, what="an address")
    wire = wire_to(server)
    until(lambda: answers(wire), what="an answer")
    try:
        yield wire
    finally:
        thread.join()
    assert not failed, failed


def answers(wire: Wire) -> bool:
    try:
        return wire.get("/healthz").status == 200
    except (OSError, AssertionError):
        return False


def test_without_valkey_everything_is_answered_and_says_why() -> None:
    """Never there, there, hanging, gone, there again: the same server process all the time."""
    with TemporaryDirectory(prefix="vk-") as folder:
        valkey = EmbeddedValkey(Path(folder))
        settings: dict[str, Any] = {
            "ADSERVER_VALKEY_URL": valkey.url,
            "ADSERVER_SECRET": SECRET,
            "ADSERVER_AD_DEADLINE_MS": "500",
        }
        try:
            # Without the background worker nothing is published but by a command.
            with running_server("--no-worker", start=False, **settings) as server:
                with starting(server) as wire:
                    check_never_there(wire)
                    valkey.start()
                    until(lambda: check_starting(wire), what="the reason of a start")
                    server.cli("apply", str(server.data_dir.parent / "accounts.toml"))
                server.import_feed(feed_xml(["SKU1"]))
                cookie = wire.view("SKU1")
                html = wire.ad(cookie).text
                assert products_in(html) == ["Product SKU1"]
                with stopped(server):
                    check_hanging(wire, cookie)
                until(lambda: wire.ad(cookie).status == 200, what="the ad")
                valkey.stop()
                check_gone(wire, cookie, html)
                valkey.start()
                until(lambda: wire.get("/readyz").status == 200, what="readiness")
                assert products_in(wire.ad(cookie).text) == ["Product SKU1"]
                seen = impression_in(html)
                until(lambda: wire.get(seen).reason == TokenReason.DUPLICATE.label, what="what was kept")
                wire.view("SKU1", cookie=cookie)
                assert failures(server) == []
        finally:
            valkey.stop()


def check_never_there(wire: Wire) -> None:
    reply = wire.get(VIEW)
    assert (reply.body, reply.reason, reply.every("set-cookie")) == (GIF, EventReason.STARTING.label, [])
    assert (wire.get(AD).status, wire.get(AD).reason) == (204, NoAdReason.STARTING.label)
    reply = wire.get("/readyz")
    assert reply.status == 503
    assert len(reply.json["problems"]) == 2
    assert "/" not in str(reply.json["problems"])  # no address and no path


def check_starting(wire: Wire) -> bool:
    """Valkey is there, but nobody has published accounts yet."""
    reply = wire.get("/readyz")
    assert reply.status == 503
    assert wire.get(VIEW).reason == EventReason.STARTING.label
    return wire.get(AD).reason == NoAdReason.STARTING.label and len(reply.json["problems"]) == 1


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    """Valkey is alive and says nothing."""
    with server.valkey() as client:
        process = int(client.info("server")["process_id"])
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def check_hanging(wire: Wire, cookie: str) -> None:
    late = wire.ad(cookie)
    assert (late.status, late.reason) == (204, NoAdReason.DEADLINE.label)
    until(lambda: wire.ad(cookie).reason == NoAdReason.STORE_UNAVAILABLE.label, what="an end of asking")
    reply = wire.get(VIEW, ("Cookie", cookie))
    assert (reply.body, reply.reason) == (GIF, "")  # it is on the disk
    assert wire.get("/healthz").status == 200


def check_gone(wire: Wire, cookie: str, html: str) -> None:
    """Events, impressions and clicks are kept on the disk."""
    reply = wire.get(VIEW)
    assert (reply.body, reply.reason, len(reply.every("set-cookie"))) == (GIF, "", 1)
    assert (wire.ad(cookie).status, wire.ad(cookie).reason) == (204, NoAdReason.STORE_UNAVAILABLE.label)
    (click,) = clicks_in(html)
    clicked = wire.get(click)
    assert (clicked.status, clicked.header("location")) == (302, "https://shop.test/p/SKU1")
    assert clicked.reason == ""
    seen = wire.get(impression_in(html))
    assert (seen.body, seen.reason) == (GIF, "")
    assert wire.get("/readyz").status == 503
    assert wire.get("/healthz").status == 200


def test_behind_a_trusted_proxy_with_a_limit_and_a_metrics_token() -> None:
    settings: dict[str, Any] = {
        "ADSERVER_TRUSTED_PROXIES": "127.0.0.1",
        "ADSERVER_RATE_LIMIT": "1",
        "ADSERVER_METRICS_TOKEN": METRICS_TOKEN,
        "ADSERVER_SECRET": SECRET,
    }
    with running_server(**settings) as server:
        wire = wire_to(server)

        def reasons(target: str, client: str) -> list[str]:
            raw = [request(target, ("X-Forwarded-For", f"{client}.{n}")) for n in range(12)]
            return [reply.reason for reply in wire.batch(raw)]

        assert EventReason.RATE_LIMITED.label in reasons(VIEW, "198.51.100")
        assert NoAdReason.RATE_LIMITED.label in reasons(AD, "198.51.100")
        assert wire.get(VIEW, ("X-Forwarded-For", "203.0.113.9")).reason == ""
        # The hop that the proxy itself has seen counts, not what the client wrote before it.
        made_up = [("X-Forwarded-For", f"10.{n}.0.1, 198.51.100.7") for n in range(12)]
        assert EventReason.RATE_LIMITED.label in [r.reason for r in wire.batch(request(VIEW, h) for h in made_up)]

        secure = wire.get(VIEW, ("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-Proto", "https")).cookie
        assert secure.startswith("__Host-adserver=")

        assert wire.get("/metrics").status == 401
        assert wire.get("/metrics", bearer("wrong")).status == 401
        assert wire.get("/metrics", bearer(METRICS_TOKEN[:-1])).status == 401
        assert wire.get("/metrics", ("Authorization", METRICS_TOKEN)).status == 401
        shown = wire.get("/metrics", bearer(METRICS_TOKEN), ("X-Forwarded-For", "198.51.100.7"))
        assert shown.status == 200
        found = samples(shown.text)
        assert total(found, "adserver_ad_requests_total") == total(found, "adserver_no_ads_total")
        assert METRICS_TOKEN not in server.log()
