"""Host names: which ones an account's ``domains`` cover."""

from collections.abc import Iterable
from urllib.parse import urlsplit


def covers(domains: Iterable[str], host: str) -> bool:
    """Whether ``host`` is one of ``domains`` or a subdomain of one; both lower-case, ASCII, without port."""
    return any(host == domain or host.endswith("." + domain) for domain in domains)


def host_of(url: str) -> str:
    """The lower-case host of an absolute http(s) URL, or ``""`` where there is none that is beyond doubt.

    Blanks, controls, backslashes and user-info are read differently by different readers (RFC 3986 section 7.6,
    WHATWG URL), so a URL that has any of them names no host here.
    """
    if any(c <= " " or c in "\\\x7f" for c in url):
        return ""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or not url.startswith(f"{parts.scheme}://"):
        return ""
    return host.rstrip(".")
