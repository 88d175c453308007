"""Host names: which ones an account's ``domains`` cover."""

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit

MAX_CACHED_CHARACTERS = 512  # clients choose the URLs; with 4,096 entries the cache holds 2 MiB of them at worst

_MAX_HOST = 253 + 1  # RFC 1035 section 2.3.4, and the dot at the end

_UNCLEAR = re.compile(r"[\x00-\x20\\\x7f]")
_HOST_AND_PORT = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")


def covers(domains: Iterable[str], host: str) -> bool:
    """Whether ``host`` is one of ``domains`` or a subdomain of one; both lower-case, ASCII, without port."""
    return any(host == domain or host.endswith("." + domain) for domain in domains)


def host_of(url: str) -> str:
    """The lower-case host of an absolute http(s) URL, or ``""`` where there is none that is beyond doubt, or one
    that is longer than any name may be.

    Blanks, controls, backslashes, user-info and whatever else is no plain host name are read differently by different
    readers (RFC 3986 section 7.6, WHATWG URL), so a URL that has any of them names no host here.
    """
    return _host_cached(url) if len(url) <= MAX_CACHED_CHARACTERS else _host(url)


def _host(url: str) -> str:
    if _UNCLEAR.search(url):
        return ""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not url.startswith(f"{parts.scheme}://"):
        return ""
    if not _HOST_AND_PORT.fullmatch(parts.netloc):
        return ""
    return host.rstrip(".") if len(host) <= _MAX_HOST else ""


# The pages of a shop, and the links of its products, come again and again.
_host_cached = lru_cache(maxsize=4_096)(_host)
