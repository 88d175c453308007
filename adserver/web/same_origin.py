"""Was a form sent from this server's own page?"""

from urllib.parse import urlsplit

from adserver.web.context import Context

_PORTS = {"http": 80, "https": 443}


class SameOrigin:
    """``public_url``: where browsers find this server, where it is told; a proxy may pass on another Host."""

    def __init__(self, public_url: str) -> None:
        self._public = _origin(public_url)

    def __call__(self, context: Context) -> bool:
        """By what browsers tell of where a request comes from (Fetch Metadata), and where they do not, by the Origin.
        What names neither is no browser, or one in which nothing was pressed on another page."""
        site = context.head.headers.get(b"sec-fetch-site")
        if site is not None:
            return site in (b"same-origin", b"none")
        origin = context.head.text(b"origin")
        if not origin:
            return True
        try:
            named = urlsplit(origin).netloc.lower()
        except ValueError:
            return False
        return named == context.head.text(b"host").lower() != "" or _origin(origin) == self._public != ("", "", 0)


def _origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port; empty for what is no address."""
    try:
        parts = urlsplit(url.lower())
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return "", "", 0
    return (parts.scheme, parts.hostname, port) if parts.hostname and port else ("", "", 0)
