"""A strict reader of the IAB Transparency and Consent string, version 2: which purposes were consented to.

Source: IAB Tech Lab, "Transparency and Consent String with Global Vendor & CMP List Formats", version 2:
section "TC String Format" ("The Core String", "Disclosed Vendors", "Allowed Vendors", "Publisher Purposes
Transparency and Consent"). All integers are big-endian and fields follow each other bit by bit; a segment is
base64url without padding characters.

The whole structure is walked, entry by entry where it is a list of ranges, yet no vendor is kept: a string
that breaks off or contradicts itself is no proof of consent. Decisions where the specification leaves room:

* A CMP id of 0 or 1 is refused: 0 is a field never set, 1 is reserved, so no registered CMP vouches for the
  string. The official decoder refuses these too, other servers parse them; fail closed.
* Ids in the ranges of a vendor section never go back and stay within 1 to its highest id. A publisher
  restriction has no highest id, and encoders in use repeat ids there: each entry is checked by itself only.
* Segments after the core are of type 1 to 3, each at most once. Type 0 would be a second core.
* Bits after the last field of a segment are not looked at: encoders pad by different rules.
* Times are 36 bits of tenths of a second, any value is a time; whether it is recent is not judged here.
* Purpose one treatment (purpose 1 was not asked for in that country) is no consent to purpose 1.
"""

import re
from base64 import urlsafe_b64decode

MAX_CHARACTERS = 8192

_SHAPE = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){0,3}")
_CORE_BITS = 213  # every field in front of the vendor consents
_CORE_BYTES = 27
_PURPOSES = 24
_LAST_VENDOR = 0xFFFF
_LAST_LETTER = 25
_FIRST_CMP = 2
_RESTRICTION_TYPES = 3
_VENDOR_SEGMENTS = (1, 2)
_PUBLISHER_SEGMENT = 3
_PUBLISHER_PURPOSES_BITS = 3 + 24 + 24


class TcfError(ValueError):
    """Not a valid TC string, version 2. ``reason`` says why in a few words and never quotes the string."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def purpose_consents(string: str) -> frozenset[int]:
    """Give the purposes (1 to 24) consented to in a TC string of 1 to 8,192 characters, all segments.

    Raises ``TcfError`` for anything that is not a whole and consistent version 2 string.
    """
    if len(string) > MAX_CHARACTERS:
        raise TcfError("too long")
    if _SHAPE.fullmatch(string) is None:
        raise TcfError("not base64url segments")
    core, *others = string.split(".")
    consents = _read_core(core)
    seen = 0
    for segment in others:
        seen = _check_segment(segment, seen)
    return frozenset([purpose for purpose in range(1, _PURPOSES + 1) if consents >> (_PURPOSES - purpose) & 1])


def _read_core(segment: str) -> int:
    """Walk the core string; give its 24 purpose consent bits, purpose 1 in the highest."""
    data, end = _unpack(segment)
    if data[0] >> 2 != 2:
        raise TcfError("version is not 2")
    if end < _CORE_BITS:
        raise TcfError("core segment breaks off")
    head = int.from_bytes(data[:_CORE_BYTES], "big") >> (_CORE_BYTES * 8 - _CORE_BITS)
    if head >> 123 & 0xFFF < _FIRST_CMP:
        raise TcfError("CMP id is 0 or 1")
    letters = (head >> 99 & 0x3F, head >> 93 & 0x3F, head >> 6 & 0x3F, head & 0x3F)
    if max(letters) > _LAST_LETTER:
        raise TcfError("language or country is not two letters")
    position = _pass_vendors(data, _CORE_BITS, end)  # consents
    position = _pass_vendors(data, position, end)  # legitimate interests
    _pass_restrictions(data, position, end)
    return head >> 37 & 0xFFFFFF


def _check_segment(segment: str, seen: int) -> int:
    """Walk a segment behind the core; ``seen`` and the answer are bit masks of the segment types so far."""
    data, end = _unpack(segment)
    kind = data[0] >> 5
    if seen >> kind & 1:
        raise TcfError("segment type appears twice")
    if kind in _VENDOR_SEGMENTS:
        _pass_vendors(data, 3, end)
    elif kind == _PUBLISHER_SEGMENT:
        custom_purposes = _read(data, _PUBLISHER_PURPOSES_BITS, 6)
        if _PUBLISHER_PURPOSES_BITS + 6 + 2 * custom_purposes > end:
            raise TcfError("publisher segment breaks off")
    else:
        raise TcfError("unknown segment type")
    return seen | 1 << kind


def _unpack(segment: str) -> tuple[bytes, int]:
    """Give the bytes of a segment, with spare zero bytes so that ``_read`` never runs short, and its bits."""
    return urlsafe_b64decode(segment + "A" * (-len(segment) % 4)) + bytes(8), len(segment) * 6


def _read(data: bytes, position: int, width: int) -> int:
    """Give ``width`` (1 to 33) bits from bit ``position``, at most 24 bits behind the segment's end."""
    first = position >> 3
    window = int.from_bytes(data[first : first + 5], "big")
    return window >> (40 - (position & 7) - width) & ((1 << width) - 1)


def _pass_vendors(data: bytes, position: int, end: int) -> int:
    """Step over a vendor section (highest id, then a bit field or ranges); give the bit behind it."""
    highest, is_range = divmod(_read(data, position, 17), 2)
    position += 17
    if is_range:
        return _pass_ranges(data, position, end, highest=highest, in_order=True)
    position += highest
    if position > end:
        raise TcfError("vendor section breaks off")
    return position


def _pass_restrictions(data: bytes, position: int, end: int) -> None:
    """Step over the publisher restrictions; they bind vendors of the global list, which we are not."""
    count = _read(data, position, 12)
    position += 12
    if position > end:
        raise TcfError("publisher restrictions break off")
    for _ in range(count):
        purpose, kind = divmod(_read(data, position, 8), 4)
        if position + 8 > end:
            raise TcfError("publisher restrictions break off")
        if not 1 <= purpose <= _PURPOSES or kind >= _RESTRICTION_TYPES:
            raise TcfError("publisher restriction out of range")
        position = _pass_ranges(data, position + 8, end, highest=_LAST_VENDOR, in_order=False)


def _pass_ranges(data: bytes, position: int, end: int, *, highest: int, in_order: bool) -> int:
    """Step over a list of range entries, ids within 1 to ``highest``; give the bit behind it."""
    count = _read(data, position, 12)
    position += 12
    if position > end:
        raise TcfError("range list breaks off")
    lowest = 1
    number = int.from_bytes  # a list may hold hundreds of entries
    for _ in range(count):
        # One look takes in the longer form: is it a range (1 bit), first id (16), last id (16).
        byte = position >> 3
        entry = number(data[byte : byte + 5]) >> (7 - (position & 7))
        first = last = entry >> 16 & 0xFFFF
        if entry >> 32 & 1:
            last = entry & 0xFFFF
            position += 33
        else:
            position += 17
        if position > end:
            raise TcfError("range list breaks off")
        if not lowest <= first <= last <= highest:
            raise TcfError("vendor ids out of order or range")
        if in_order:
            lowest = last
    return position
