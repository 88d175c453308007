"""Where an address is, out of a file in MaxMind's format that the operator brings along."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import ip_address
from itertools import islice
from pathlib import Path

import maxminddb

REMEMBERED = 16_384
"""Addresses of which it is remembered where they are; about 4 MB."""

LOOKED_AT = 100_000
"""Records among which one has to have a country."""

NOWHERE: frozenset[str] = frozenset()

Geo = Callable[[str], frozenset[str]]
"""From an address to ISO 3166 codes: the country's and its parts', such as ``{"DE", "DE-BY"}``. Empty where nobody
knows; never raises."""

_EXPECTED = "a file in MaxMind's format (.mmdb) with countries, such as GeoLite2-City"


class GeoError(ValueError):
    """A file that can not be used. The text names it and says what was expected."""


def load_geo(file: str) -> Geo:
    """The file is mapped into memory, which all processes share: whoever brings a newer one puts it in its place by
    renaming, and it is read from the next start on. Empty: every address is nowhere. Raises GeoError."""
    if not file:
        return lambda _: NOWHERE
    reader = _open(Path(file))

    @lru_cache(REMEMBERED)
    def geo(address: str) -> frozenset[str]:
        try:
            return _codes(reader.get(ip_address(address.partition("%")[0])))
        except (ValueError, maxminddb.InvalidDatabaseError):
            return NOWHERE

    return geo


def _open(path: Path) -> maxminddb.Reader:
    try:
        reader = maxminddb.open_database(path)
        has_countries = any(_codes(record) for _, record in islice(reader, LOOKED_AT))
    except OSError as error:
        raise GeoError(f"{path} can not be read ({error.strerror or error}); expected {_EXPECTED}") from None
    except (ValueError, maxminddb.InvalidDatabaseError):
        raise GeoError(f"{path}: expected {_EXPECTED}") from None
    if not has_countries:
        raise GeoError(f"{path} has no countries; expected {_EXPECTED}")
    return reader


def _codes(record: object) -> frozenset[str]:
    """MaxMind writes ``country.iso_code`` and ``subdivisions``, others ``country_code`` and ``region_code``."""
    if not isinstance(record, dict):
        return NOWHERE
    country = _iso_code(record.get("country")) or _iso_code(record.get("country_code"))
    if not country:
        return NOWHERE
    parts = record.get("subdivisions") or [record.get("region_code")]
    return frozenset({country, *_within(country, parts)})


def _within(country: str, parts: object) -> Iterable[str]:
    """What stands before the dash in some files is the country's code again."""
    codes = map(_iso_code, parts) if isinstance(parts, list) else ()
    return (f"{country}-{code.rpartition('-')[2]}" for code in codes if code)


def _iso_code(value: object) -> str:
    code = value.get("iso_code") if isinstance(value, dict) else value
    return code.upper() if isinstance(code, str) and 0 < len(code) <= 6 else ""
