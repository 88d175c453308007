"""A URL, read in one way only: what is checked is what is connected to."""

import base64
import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import quote, unquote_to_bytes, urljoin, urlsplit

import idna

from adserver.storage.interfaces import SourceUnavailable

MAX_URL = 4_096
"""Characters."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNWANTED = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ud800-\udfff\u2028\u2029]")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_BYTE}(?:\.{_BYTE}){{3}}")
_IN_PATH = "/%:@!$&'()*+,;=~[]"
_IN_QUERY = _IN_PATH + "?"


@dataclass(frozen=True, slots=True)
class Target:
    """Where one request goes. ``host`` is lower case, ASCII, without brackets and without a dot at its end.

    ``authorization``: the value of that header, made of the user name and password of the URL; empty without.
    """

    scheme: str
    host: str
    port: int
    path: str
    authorization: str = ""

    @property
    def origin(self) -> tuple[str, str, int]:
        """Whom credentials are meant for."""
        return self.scheme, self.host, self.port

    @property
    def host_header(self) -> str:
        """Host, and port where it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def redirected(self, location: bytes) -> "Target":
        """The target that a redirect names. Raises SourceUnavailable; credentials stay with their origin."""
        try:
            text = location.decode()
        except UnicodeDecodeError:
            text = location.decode("latin-1")
        try:
            target = read_target(urljoin(f"{self.scheme}://{self.host_header}{self.path}", _clean(text)))
        except (ValueError, SourceUnavailable) as error:
            raise SourceUnavailable("its address redirects to one that can not be used") from error
        if self.scheme == "https" and target.scheme != "https":
            raise SourceUnavailable("its address redirects from https:// to http://, expected https://")
        if target.authorization:
            raise SourceUnavailable("its address redirects to one that can not be used")
        same = target.origin == self.origin
        return Target(target.scheme, target.host, target.port, target.path, self.authorization if same else "")


def read_target(url: str) -> Target:
    """Raises SourceUnavailable where ``url`` is not one of the web, or could be read in two ways."""
    if len(url) > MAX_URL:
        raise SourceUnavailable(f"its address is longer than {MAX_URL} characters")
    try:
        return _read(url)
    except ValueError as error:
        raise SourceUnavailable(
            "its address can not be used; expected https://host/path or http://host/path"
        ) from error


def _read(url: str) -> Target:
    parts = urlsplit(_clean(url))
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS:
        raise ValueError("another scheme")
    credentials, _, place = parts.netloc.rpartition("@")
    host, port = _place(place)
    path = quote(parts.path or "/", safe=_IN_PATH)
    query = f"?{quote(parts.query, safe=_IN_QUERY)}" if parts.query else ""
    return Target(scheme, host, port or _DEFAULT_PORTS[scheme], path + query, _basic(credentials))


def _clean(text: str) -> str:
    """The text, if it has nothing in it that ``urllib`` would take out and others would not."""
    if _UNWANTED.search(text):
        raise ValueError("control characters, or a backslash")
    return text.strip()


def _place(place: str) -> tuple[str, int]:
    """Host and port; 0 for the usual port."""
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::([0-9]{0,5}))?", place, re.ASCII)
    if found is None:
        raise ValueError("no host")
    host, port = found[1], int(found[2] or 0)
    if port > 65_535 or (found[2] and not port):
        raise ValueError("no port")
    return (str(IPv6Address(host[1:-1])) if host.startswith("[") else host_name(host)), port


def host_name(host: str) -> str:
    """A host name or an IPv4 address, as it is compared: lower case, ASCII, no dot at the end. Raises ValueError.

    ``127.1``, ``0x7f000001``, ``017700000001`` and their like are neither.
    """
    if not host.isascii():
        host = idna.encode(host, uts46=True).decode()
    host = host.lower().removesuffix(".")
    labels = host.split(".")
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError("not a host name")
    if _NUMBER.fullmatch(labels[-1]) and not _IPV4.fullmatch(host):
        raise ValueError("a number that is not an address")
    return host


def _basic(credentials: str) -> str:
    if not credentials:
        return ""
    name, _, password = credentials.partition(":")
    pair = unquote_to_bytes(name) + b":" + unquote_to_bytes(password)
    return f"Basic {base64.b64encode(pair).decode()}"
