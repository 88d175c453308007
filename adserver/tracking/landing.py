"""Where a click may land: checked when the token is minted, and again when it is followed."""

import re
from collections.abc import Iterable
from urllib.parse import quote

from adserver.model.domain import covers, host_of

_PLAIN = re.compile(r"[!#-;=?-Z_a-z~\[\]]*")
"""Printable ASCII that may stand in a URL and in a header as it is (RFC 3986); ``%`` included."""


def landing_location(url: str, domains: Iterable[str]) -> str | None:
    """The ``Location`` for a click on ``url``, or None when it is no http(s) URL inside ``domains``.

    Everything that is not plain ASCII is percent-encoded as UTF-8, so neither CR, LF nor another header gets through.
    """
    host = host_of(url)
    if not host or not covers(domains, host):
        return None
    return url if _PLAIN.fullmatch(url) else quote(url, safe="!#$%&'()*+,-./:;=?@[]_~")
