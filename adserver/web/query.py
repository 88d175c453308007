"""Query strings of the hot routes, read strictly: what is not UTF-8 is refused and never replaced."""

from collections.abc import Sequence
from itertools import repeat
from urllib.parse import unquote_to_bytes

MAX_QUERY_BYTES = 8_192
MAX_FIELDS = 256

_EQUALS = repeat("=")
_PERCENT, _PLUS = b"%+"  # a number is found in bytes much quicker than other bytes are


def parse_query(raw: bytes) -> dict[str, Sequence[str]] | None:
    """Decoded values by decoded name, in order; None for invalid UTF-8 or more than MAX_FIELDS fields.

    ``application/x-www-form-urlencoded`` as browsers write it (WHATWG URL, section 5.1): ``&`` between fields,
    ``+`` is a blank. A ``%`` that is no escape stays as it is.
    """
    if raw.count(b"&") >= MAX_FIELDS:
        return None
    try:
        if _PERCENT in raw or _PLUS in raw:
            pairs = [_decoded(pair) for pair in raw.split(b"&") if pair]
        else:  # nothing is escaped: one decoding for all
            pairs = [*map(str.partition, filter(None, raw.decode().split("&")), _EQUALS)]
    except UnicodeDecodeError:
        return None
    if not pairs:
        return {}
    names, _, values = zip(*pairs, strict=True)
    fields: dict[str, Sequence[str]] = dict(zip(names, zip(values, strict=True), strict=True))
    return fields if len(fields) == len(names) else _gathered(names, values)


def _gathered(names: Sequence[str], values: Sequence[str]) -> dict[str, Sequence[str]]:
    """Where a name is there more than once."""
    fields: dict[str, list[str]] = {}
    for name, value in zip(names, values, strict=True):
        fields.setdefault(name, []).append(value)
    return {name: tuple(found) for name, found in fields.items()}


def _decoded(pair: bytes) -> tuple[str, str, str]:
    name, equals, value = pair.partition(b"=")
    return _decode(name), "=" if equals else "", _decode(value)


def _decode(raw: bytes) -> str:
    if b"+" in raw:
        raw = raw.replace(b"+", b" ")
    if b"%" in raw:
        raw = unquote_to_bytes(raw)
    return raw.decode()
