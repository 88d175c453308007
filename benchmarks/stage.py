"""Servers of ours for a benchmark: with products, accounts, everything switched on, in a temporary folder."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from adserver.notes import read_notes
from adserver.settings import load_settings
from benchmarks.address import Address, address_of
from benchmarks.cores import children
from benchmarks.traffic import Site
from tests.server import ACCOUNTS, feed_xml, running_server

PRODUCTS = [f"P{number:05d}" for number in range(1, 5_001)]
SITE = Site(
    advertiser="acme",
    placement="daily-rectangle",
    products=PRODUCTS,
    shop_page="https://shop.test/",
    news_page="https://news.test/",
)
CAPPED_ACCOUNTS = ACCOUNTS.replace('creative = "grid"\n', 'creative = "grid"\ncaps = ["1000/min"]\n')
"""A place under the cap is taken with every ad; visitors are so many that none of them reaches it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server under load. ``workers`` answer requests, ``helpers`` are the other processes it keeps busy."""

    name: str
    address: Address
    workers: list[int]
    helpers: list[int]
    valkey_url: str = ""
    valkey_version: str = ""


@contextmanager
def our_server(
    name: str, *, workers: int = 1, fast_lane: bool = True, patient: bool = False, accounts: str = CAPPED_ACCOUNTS
) -> Iterator[Target]:
    """A server of ours with its own Valkey, ready to serve; gone afterwards.

    ``patient``: it answers in full however long that takes. Otherwise slow answers become quick refusals, and a full
    server looks better than it is.
    """
    with running_server(
        "--workers",
        str(workers),
        accounts=accounts,
        feed=feed_xml(PRODUCTS),
        ADSERVER_FAST_LANE=str(int(fast_lane)),
        ADSERVER_AD_DEADLINE_MS="1000" if patient else "50",
        ADSERVER_OVERLOAD_MS="0" if patient else str(load_settings({}).overload_ms),
    ) as server:
        notes = read_notes(server.data_dir)
        assert notes is not None
        processes = children(notes.pid)
        pids = [pid for pid, command in processes.items() if "adserver.worker" in command]
        with closing(server.valkey()) as valkey:
            info = valkey.info("server")
        assert isinstance(info, dict)
        yield Target(
            name=name,
            address=address_of(server.base_url),
            workers=pids,
            helpers=[notes.pid, *(pid for pid in processes if pid not in pids)],
            valkey_url=notes.valkey_url,
            valkey_version=str(info.get("valkey_version", info["redis_version"])),
        )
