"""Where an address is, by a file in MaxMind's format."""

from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped]  # as mmdb_writer uses it

from adserver.storage.geo import GeoError, load_geo


def write(path: Path, records: dict[str, Any]) -> str:
    writer = MMDBWriter(6, "Test-City", languages=["en"], ipv4_compatible=True)
    for network, record in records.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return str(path)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    munich = {"country": {"iso_code": "DE"}, "subdivisions": [{"iso_code": "BY"}]}
    records: dict[str, Any] = {
        "203.0.113.0/24": munich,
        "2001:db8::/32": munich,
        "198.51.100.0/25": {"country": {"iso_code": "GB"}, "subdivisions": [{"iso_code": "ENG"}, {"iso_code": "ESS"}]},
        "198.51.100.128/25": {"country_code": "at"},
        "192.0.2.0/25": {"country": "FR", "region_code": "FR-IDF"},
        "192.0.2.128/25": {"registered_country": {"iso_code": "US"}},
    }
    return write(tmp_path_factory.mktemp("geo") / "small.mmdb", records)


@pytest.mark.parametrize(
    ("address", "codes"),
    [
        ("203.0.113.9", {"DE", "DE-BY"}),
        ("2001:db8::1", {"DE", "DE-BY"}),
        ("198.51.100.1", {"GB", "GB-ENG", "GB-ESS"}),
        ("198.51.100.200", {"AT"}),
        ("192.0.2.1", {"FR", "FR-IDF"}),
        ("192.0.2.200", set()),  # where a network was registered says nothing of who uses it
        ("10.0.0.1", set()),
        ("fe80::1%eth0", set()),
        ("", set()),
        ("not an address", set()),
    ],
)
def test_an_address_is_in_a_country_and_its_parts(file: str, address: str, codes: set[str]) -> None:
    assert load_geo(file)(address) == codes


def test_without_a_file_nobody_is_anywhere() -> None:
    assert load_geo("")("203.0.113.9") == frozenset()


def test_a_bad_file_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(GeoError, match=r"none\.mmdb can not be read \(No such file"):
        load_geo(str(tmp_path / "none.mmdb"))
    with pytest.raises(GeoError, match="expected a file"):
        load_geo(str(tmp_path))
    (tmp_path / "text.mmdb").write_text("country,DE")
    with pytest.raises(GeoError, match=r"text\.mmdb: expected a file in MaxMind's format"):
        load_geo(str(tmp_path / "text.mmdb"))
    (tmp_path / "empty.mmdb").write_bytes(b"")
    with pytest.raises(GeoError, match=r"empty\.mmdb"):
        load_geo(str(tmp_path / "empty.mmdb"))
    networks = write(tmp_path / "asn.mmdb", {"203.0.113.0/24": {"autonomous_system_number": 64496}})
    with pytest.raises(GeoError, match=r"asn\.mmdb has no countries"):
        load_geo(networks)


def test_a_file_that_breaks_off_is_refused_or_knows_nobody(file: str, tmp_path: Path) -> None:
    whole = Path(file).read_bytes()
    for cut in (len(whole) // 3, len(whole) - 20, 10):
        broken = tmp_path / f"{cut}.mmdb"
        broken.write_bytes(whole[:cut])
        with pytest.raises(GeoError):
            load_geo(str(broken))
    half = tmp_path / "half.mmdb"
    half.write_bytes(whole[: len(whole) // 2] + whole[-200:])
    try:
        found = load_geo(str(half))("203.0.113.9")
    except GeoError:
        return
    assert all(len(code) <= 6 for code in found)
