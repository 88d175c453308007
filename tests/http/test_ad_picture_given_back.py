"""What a picture is not: an ad that could not be drawn and takes nothing, and a proxy that is where its reader is."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped]  # as mmdb_writer uses it

from adserver.service import draw_ad
from tests.http.conftest import ACCOUNTS, Wire, cookies
from tests.http.doors import House, open_house

CAPPED = ACCOUNTS.replace('creative = "grid"\n', 'creative = "grid"\ncaps = ["1/day"]\n', 1).replace(
    'campaign = "boots-winter"\n', 'campaign = "boots-winter"\ngeo = ["DE"]\n'
)
PICTURE = "/ad.png?placement=daily-rectangle&cb=1"


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    assert CAPPED.count("caps = ") == CAPPED.count("geo = ") == 1
    with open_house(CAPPED) as opened:
        yield opened
        assert opened.problems == []


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine may be busy."""
    monkeypatch.setattr(draw_ad, "LONGEST_S", 30)


@pytest.fixture
def wire(house: House) -> Iterator[Wire]:
    with house.open() as opened:
        yield opened.plain.wire


def test_what_can_not_be_drawn_takes_no_cap(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = wire.view("SKU1")
    with monkeypatch.context() as busy:
        busy.setattr(draw_ad, "MAX_UNDER_WAY", 0)  # nothing is drawn
        for _ in range(3):
            assert wire.get(PICTURE, *cookies(cookie)).status == 503
    assert wire.get(PICTURE, *cookies(cookie)).status == 302
    assert wire.get(PICTURE, *cookies(cookie)).reason == "capped"


def test_what_nobody_sees_takes_no_cap(wire: Wire) -> None:
    cookie = wire.view("SKU1")
    for _ in range(2):
        ahead = wire.get(PICTURE, *cookies(cookie), ("Sec-Purpose", "prefetch"))
        assert (ahead.status, ahead.reason) == (302, "prefetch")
    assert wire.get(PICTURE, *cookies(cookie)).reason == ""


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
        "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
        "Mozilla/5.0",
    ],
    ids=["Gmail", "Yahoo", "Apple"],
)
def test_the_address_of_a_mail_proxy_tells_nothing_of_its_reader(house: House, tmp_path: Path, agent: str) -> None:
    places = MMDBWriter(6, "Test-City", languages=["en"], ipv4_compatible=True)
    places.insert_network(IPSet(["203.0.113.0/24"]), {"country": {"iso_code": "DE"}})
    places.to_db_file(str(tmp_path / "geo.mmdb"))
    asked = "/ad.png?placement=daily-rectangle&cb=geo"
    here = ("X-Forwarded-For", "203.0.113.9")
    with house.open(ADSERVER_GEO_DB=str(tmp_path / "geo.mmdb"), ADSERVER_TRUSTED_PROXIES="127.0.0.1") as opened:
        wire = opened.plain.wire
        cookie = cookies(wire.view("BOOT1", advertiser="boots"))
        assert wire.get(asked, *cookie, here).status == 302
        assert wire.get(asked, *cookie, here, ("User-Agent", agent)).reason == "targeting"
