"""Query strings of the hot routes, read strictly: what is not UTF-8 is refused and never replaced."""

from urllib.parse import unquote_to_bytes

MAX_QUERY_BYTES = 8_192
MAX_FIELDS = 256


def parse_query(raw: bytes) -> dict[str, list[str]] | None:
    """Decoded values by decoded name, in order; None for invalid UTF-8 or more than MAX_FIELDS fields.

    ``application/x-www-form-urlencoded`` as browsers write it (WHATWG URL, section 5.1): ``&`` between fields,
    ``+`` is a blank. A ``%`` that is no escape stays as it is.
    """
    if raw.count(b"&") >= MAX_FIELDS:
        return None
    fields: dict[str, list[str]] = {}
    try:
        if b"%" in raw or b"+" in raw:
            pairs = [_decoded(pair) for pair in raw.split(b"&") if pair]
        else:  # nothing is escaped: one decoding for all
            pairs = [pair.partition("=") for pair in raw.decode().split("&") if pair]
    except UnicodeDecodeError:
        return None
    for name, _, value in pairs:
        if name in fields:
            fields[name].append(value)
        else:
            fields[name] = [value]
    return fields


def _decoded(pair: bytes) -> tuple[str, str, str]:
    name, equals, value = pair.partition(b"=")
    return _decode(name), "=" if equals else "", _decode(value)


def _decode(raw: bytes) -> str:
    if b"+" in raw:
        raw = raw.replace(b"+", b" ")
    if b"%" in raw:
        raw = unquote_to_bytes(raw)
    return raw.decode()
