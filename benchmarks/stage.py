"""The servers that are compared, running: ours with its products, and the naive peer on the same Valkey."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from adserver.notes import read_notes
from benchmarks import naive
from benchmarks.cores import children
from benchmarks.load import Address
from benchmarks.traffic import Site
from tests.server import Server, feed_xml, running_server

PRODUCTS = [f"P{number:05d}" for number in range(1, 5_001)]
SITE = Site(
    advertiser="acme",
    placement="daily-rectangle",
    products=PRODUCTS,
    shop_page="https://shop.test/",
    news_page="https://news.test/",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server under load. ``workers`` answer requests, ``helpers`` are the other processes it keeps busy."""

    name: str
    address: Address
    workers: list[int]
    helpers: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Ours first."""

    targets: list[Target]
    valkey_version: str


@contextmanager
def running_stage() -> Iterator[Stage]:
    """Both servers, in a temporary folder; gone afterwards."""
    # Under full load a deadline would turn slow answers into quick refusals; here they are to show as latency.
    with running_server("--workers", "1", feed=feed_xml(PRODUCTS), ADSERVER_AD_DEADLINE_MS="1000") as server:
        notes = read_notes(server.data_dir)
        assert notes is not None
        with _naive_peer(notes.valkey_url) as peer, closing(server.valkey()) as valkey:
            valkey.hset(naive.PRODUCTS, mapping={i: _naive_product(i) for i in PRODUCTS})
            info = valkey.info("server")
            assert isinstance(info, dict)
            version = str(info.get("valkey_version", info["redis_version"]))
            yield Stage(targets=[_ours(server, notes.pid), peer], valkey_version=version)


def _ours(server: Server, supervisor: int) -> Target:
    processes = children(supervisor)
    workers = [pid for pid, command in processes.items() if "adserver.worker" in command]
    return Target(
        name="adserver",
        address=address_of(server.base_url),
        workers=workers,
        helpers=[supervisor, *(pid for pid in processes if pid not in workers)],
    )


@contextmanager
def _naive_peer(valkey_url: str) -> Iterator[Target]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(2_048)
        number = listening.fileno()
        command = [sys.executable, "-m", "benchmarks.naive", str(number), valkey_url]
        process = subprocess.Popen(command, pass_fds=[number])
        try:
            address = Address(host="127.0.0.1", port=listening.getsockname()[1])
            yield Target(name="naive", address=address, workers=[process.pid], helpers=[])
        finally:
            process.terminate()
            process.wait(20)


def _naive_product(product_id: str) -> str:
    return json.dumps(
        {
            "title": f"Product {product_id}",
            "price": "10,90 €",
            "image": f"https://shop.test/img/{product_id}.png",
            "link": f"https://shop.test/p/{product_id}",
        }
    )


def address_of(url: str) -> Address:
    """Host and port of a plain HTTP URL. Raises ValueError for any other."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError("expected http://host:port")
    return Address(host=parts.hostname, port=parts.port or 80)
