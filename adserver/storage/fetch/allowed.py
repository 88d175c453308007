"""What the operator opens beyond the public web: ``ADSERVER_FETCH_ALLOW``."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from adserver.storage.fetch.networks import Address, is_public
from adserver.storage.fetch.target import host_name

WEB_PORTS = (80, 443)

_ENTRY = re.compile(r"(?:\[(?P<bracketed>[^\[\]]+)\]|(?P<plain>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}|\*))?")
_NUMBERS = re.compile(r"[0-9./]+")


@dataclass(frozen=True, slots=True)
class _Rule:
    """One entry: a host name or a network, with the ports it opens (none: every port)."""

    name: str
    network: IPv4Network | IPv6Network | None
    ports: tuple[int, ...]

    def opens(self, host: str, address: Address, port: int) -> bool:
        if self.ports and port not in self.ports:
            return False
        return address in self.network if self.network is not None else host == self.name


@dataclass(frozen=True, slots=True)
class Allowed:
    """Where may be fetched from: the public web on ports 80 and 443, and what the rules open."""

    rules: tuple[_Rule, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Allowed":
        """Entries separated by commas: a host name, an address or a network, each with ``:port`` where that is not 80
        or 443, or with ``:*`` for every port. IPv6 with a port stands in brackets. Raises ValueError.
        """
        return cls(tuple(_rules(text)))

    def permits(self, host: str, address: Address, port: int) -> bool:
        """Whether ``host``, found at ``address``, may be asked on ``port``."""
        if port in WEB_PORTS and is_public(address):
            return True
        return any(rule.opens(host, address, port) for rule in self.rules)


def _rules(text: str) -> Iterator[_Rule]:
    for entry in filter(None, map(str.strip, text.split(","))):
        try:
            yield _rule(entry)
        except ValueError as error:
            raise ValueError(
                f"expected host names, addresses or networks, each with :port where needed, found {entry!r}"
            ) from error


def _rule(entry: str) -> _Rule:
    found = _ENTRY.fullmatch(entry)
    if found is None:
        return _Rule("", ip_network(entry), WEB_PORTS)  # IPv6 without brackets has no port
    ports = _ports(found["port"])
    if found["bracketed"] or _NUMBERS.fullmatch(found["plain"]):
        return _Rule("", ip_network(found["bracketed"] or found["plain"]), ports)
    return _Rule(host_name(found["plain"]), None, ports)


def _ports(port: str | None) -> tuple[int, ...]:
    if port is None:
        return WEB_PORTS
    if port == "*":
        return ()
    if not 1 <= int(port) <= 65_535:
        raise ValueError("no port")
    return (int(port),)
