"""Query strings of the hot routes, read strictly: what is not UTF-8 is refused and never replaced."""

from urllib.parse import unquote_to_bytes

MAX_QUERY_BYTES = 8_192
MAX_FIELDS = 256


def parse_query(raw: bytes) -> dict[str, list[str]] | None:
    """Decoded values by decoded name, in order; None for invalid UTF-8 or more than MAX_FIELDS fields.

    ``application/x-www-form-urlencoded`` as browsers write it (WHATWG URL, section 5.1): ``&`` between fields,
    ``+`` is a blank. A ``%`` that is no escape stays as it is.
    """
    pairs = raw.split(b"&")
    if len(pairs) > MAX_FIELDS:
        return None
    fields: dict[str, list[str]] = {}
    try:
        for pair in pairs:
            if pair:
                name, _, value = pair.partition(b"=")
                fields.setdefault(_decode(name), []).append(_decode(value))
    except UnicodeDecodeError:
        return None
    return fields


def _decode(raw: bytes) -> str:
    if b"+" in raw:
        raw = raw.replace(b"+", b" ")
    if b"%" in raw:
        raw = unquote_to_bytes(raw)
    return raw.decode()
