"""Which server is asked, and whether it may be."""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address_of(url: str) -> Address:
    """Host and port of a plain HTTP URL. Raises ValueError for any other."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError("expected http://host:port")
    return Address(host=parts.hostname, port=parts.port or 80)


def checked_address(url: str, *, any_machine: bool) -> Address:
    """Raises ValueError for what is not plain HTTP or can not be found, and for other machines unless
    ``any_machine``."""
    address = address_of(url)
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ValueError(str(error)) from error
    if any_machine or all(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]).is_loopback for entry in found):
        return address
    raise ValueError(f"{address.host} is not this machine; --i-own-this-server if you may load it")
