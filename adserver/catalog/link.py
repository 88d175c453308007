"""A shop's URL as a browser would request it: ASCII, absolute, http or https (RFC 3986, UTS 46)."""

import ipaddress
import re
import string
from collections.abc import Sequence
from urllib.parse import quote, urlsplit, urlunsplit

import idna

LINK_CHARACTERS = 2_000
"""Longest URL kept, in characters after encoding. Google's own limit; it travels in signed tokens."""

HOST_CHARACTERS = 253
"""Longest host name (RFC 1035, without its root dot)."""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_AFTER_HOST = string.ascii_letters + string.digits + "._~!$&'()*+,;=:@%/?#[]-"
_USUAL = re.compile(rf"https?://(?:{_LABEL}\.){{0,2}}{_LABEL}(?:/[{re.escape(_AFTER_HOST)}]*)?")
_HOST_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NEXT = re.compile(r"(?<![,;|\s])[,;|\s]+(?=https?://)")
_IN_PATH = "/%:@!$&'()*+,;=~[]"
_IN_QUERY = _IN_PATH + "?"


def read_link(text: str) -> str:
    """The URL, percent-encoded and with its host in Punycode where needed; empty where it is not usable.

    Not usable: relative, another scheme, user name or password, control characters (line breaks too), a host
    that no name server could know, more than ``LINK_CHARACTERS``. What is percent-encoded already stays so.
    """
    text = text.strip()
    if "&amp;" in text:  # out of a web page into a table, where nobody reads it back
        text = text.replace("&amp;", "&")
    if len(text) > LINK_CHARACTERS:
        return ""
    if _USUAL.fullmatch(text):
        return text
    if _CONTROL.search(text):
        return ""
    try:
        link = _encode(text)
    except ValueError:
        return ""
    return link if len(link) <= LINK_CHARACTERS else ""


def read_links(text: str, most: int) -> list[str]:
    """The first usable URLs of a list, at most ``most``; commas, semicolons, bars or blanks stand between them."""
    parts = _NEXT.split(text[: (most + 2) * LINK_CHARACTERS].strip(), most + 2)
    return [link for part in parts if (link := read_link(part))][:most]


def shared_origin(texts: Sequence[str]) -> str:
    """Scheme, host and a slash with which all of ``texts`` begin, where ``read_link`` would give back each as it is.

    Empty otherwise: then they have to be read one by one. There must be one text at least.
    """
    first, last = min(texts), max(texts)  # what these two begin with, all those between them do
    origin = first[: first.find("/", len("https://")) + 1]
    if not origin or not last.startswith(origin) or not _USUAL.fullmatch(origin):
        return ""
    joined = "".join(texts)
    if "&amp;" in joined or joined.encode("utf-8", "surrogatepass").translate(None, _AFTER_HOST.encode()):
        return ""
    return origin if max(map(len, texts)) <= LINK_CHARACTERS else ""


def is_public(authority: str) -> bool:
    """Whether ``authority`` (host and port of a URL) may be reached from everywhere, as far as it tells.

    Not so: the names that always mean one's own machine or network, and addresses that are not routed (RFC 6890).
    """
    host = urlsplit("//" + authority).hostname or ""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return host != "localhost" and not host.endswith((".localhost", ".local"))


def _encode(text: str) -> str:
    """Raises ``ValueError`` where a part of the URL is none."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or "@" in parts.netloc:
        raise ValueError("not an address of a shop")
    port = parts.port
    host = _host(parts.hostname or "")
    return urlunsplit(
        (
            parts.scheme,
            host if port is None else f"{host}:{port}",
            quote(parts.path, safe=_IN_PATH),
            quote(parts.query, safe=_IN_QUERY),
            quote(parts.fragment, safe=_IN_QUERY),
        )
    )


def _host(host: str) -> str:
    if ":" in host:
        if "%" in host:
            raise ValueError("a scoped address")
        return f"[{ipaddress.IPv6Address(host)}]"
    if len(host) > HOST_CHARACTERS:
        raise ValueError("too long for a host name")
    if not host.isascii():
        host = idna.encode(host, uts46=True).decode()
    if len(host) > HOST_CHARACTERS or not all(map(_HOST_LABEL.fullmatch, host.removesuffix(".").split("."))):
        raise ValueError("not a host name")
    return host
