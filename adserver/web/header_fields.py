"""Header fields: the few that anybody asks for, out of the many that are sent."""

from collections.abc import Iterable

HeaderFields = Iterable[tuple[bytes, bytes]]
"""Header fields as they were sent, in their order."""

Forwarding = tuple[tuple[bytes, bytes], ...]
"""The fields in which proxies tell of the client, names in lower-case."""

_WANTED = {
    b"cookie",
    b"origin",
    b"referer",
    b"user-agent",
    b"sec-gpc",
    b"sec-fetch-site",
    b"sec-purpose",
    b"purpose",
    b"x-purpose",
    b"x-moz",
    b"authorization",
    b"accept-encoding",
    b"if-none-match",
    b"x-forwarded-for",
    b"forwarded",
    b"sec-ch-ua-mobile",
}
# Pictures, bodies and pages for people have no fast lane.
_WANTED_BY_ASGI = _WANTED | {b"accept", b"accept-language", b"content-length", b"content-type", b"host"}
PURPOSES = {b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"}
"""In which browsers tell what they fetch ahead of need."""

_UNUSUAL = {b"content-length", b"transfer-encoding", b"expect", b"upgrade"}
_NOT_WANTED = (
    b"Host Connection Accept Accept-Language Cache-Control Pragma Priority DNT TE Upgrade-Insecure-Requests "
    b"Sec-Fetch-Mode Sec-Fetch-Dest Sec-Fetch-User Sec-Fetch-Storage-Access sec-ch-ua "
    b"sec-ch-ua-platform X-Real-IP X-Forwarded-Proto X-Forwarded-Host Via"
).split()
# Header names as clients mostly spell them, so that most need not be made lower-case first.
_SPELLINGS: dict[bytes, bytes | None] = {
    **{spelled: None for name in _NOT_WANTED for spelled in (name, name.lower(), name.title())},
    **{name.title(): name for name in _WANTED},
}
_FORWARDING = (b"x-forwarded-for", b"x-forwarded-proto")  # all that uvicorn reads


def pick(fields: HeaderFields) -> dict[bytes, bytes]:
    """The headers that anybody asks for; names are lower-case."""
    picked: dict[bytes, bytes] = {}
    for name, value in fields:
        if name in _WANTED_BY_ASGI:
            picked[name] = picked[name] + b"; " + value if name == b"cookie" and name in picked else value
    return picked


def pick_unless_unusual(fields: HeaderFields) -> dict[bytes, bytes] | None:
    """The same of names as they were sent. None for a request that has, or announces, more than a head."""
    picked: dict[bytes, bytes] = {}
    for sent, value in fields:
        name = _SPELLINGS.get(sent, sent)
        if name is None:
            continue
        if name is sent:
            name = sent.lower()
        if name in _WANTED:
            picked[name] = picked[name] + b"; " + value if name == b"cookie" and name in picked else value
        elif name in _UNUSUAL:
            return None
    return picked


def forwarding(fields: HeaderFields) -> Forwarding:
    """Those of the fields."""
    return tuple([(name.lower(), value) for name, value in fields if name.lower() in _FORWARDING])
